"""Whether Docker's driver still knows a network that Docker lists.

Where the parent is missing when dockerd starts, the driver forgets the network; Docker lists and inspects it as before,
and no container can start on it (moby/libnetwork#2571, moby#38844). The proof: a passthru network needs its parent for
itself, so the driver refuses one on the parent of a network that it knows.
"""

from collections.abc import Mapping
from typing import Any

from macvland.condition import Condition
from macvland.condition.docker import LOST, LOST_TO_ANOTHER, LOST_TO_NOBODY
from macvland.engine.history import KNOWN
from macvland.engine.line import Line
from macvland.engine.refusal import PARENT_TAKEN, RefusedError
from macvland.engine.translate import MANAGED
from macvland.model import Proof

PROBE = "io.macvland.probe"  # a label: its value is the id of the network in question
NOWHERE = ("192.0.2.0/29", "198.51.100.0/29", "203.0.113.0/29")  # for documentation (RFC 5737): on no LAN
SHARED_API = (1, 46)  # Docker 27: networks may share a parent

Json = Mapping[str, Any]


def verdict_on(line: Line, proof: Proof) -> Condition | None:
    """Return KNOWN, or why Docker has lost the network of *proof*, whose parent is there.

    One request where the driver knows it, which is the rule: after a start of Docker each network is asked about.
    """
    try:
        probe = line.try_network(_probe(proof, NOWHERE[0]))
    except RefusedError as refusal:
        holder = PARENT_TAKEN.search(refusal.message)
        return KNOWN if holder and proof.id.startswith(holder[1]) else _closer(line, proof)
    line.remove_network(probe)
    return LOST(proof.network)


def _closer(line: Line, proof: Proof) -> Condition | None:
    """Return the verdict where a probe that a kill left, or another network, may be in the way."""
    _clear(line)
    for cidr in NOWHERE:
        try:
            probe = line.try_network(_probe(proof, cidr))
        except RefusedError as refusal:
            if "overlaps" not in refusal.message:
                return _verdict(line, proof, refusal)
        else:
            line.remove_network(probe)
            return LOST(proof.network)
    return KNOWN  # all three are taken: nothing can be proved


def is_probe(row: Json) -> bool:
    """Tell whether Docker lists our probe; one that was left by a kill is swept by the next."""
    return PROBE in (row.get("Labels") or {})


def _clear(line: Line) -> None:
    for row in line.macvlan_networks():
        if is_probe(row):
            line.remove_network(row["Id"])


def _probe(proof: Proof, cidr: str) -> dict[str, Any]:
    return {
        "Name": f"macvland-probe-{proof.id[:12]}",
        "Driver": "macvlan",
        "CheckDuplicate": True,
        "Options": {"parent": proof.parent, "macvlan_mode": "passthru"},
        "IPAM": {"Driver": "default", "Config": [{"Subnet": cidr}]},
        "Labels": {MANAGED: "true", PROBE: proof.id},
    }


def _verdict(line: Line, proof: Proof, refusal: RefusedError) -> Condition | None:
    holder = PARENT_TAKEN.search(refusal.message)
    if holder is None:
        raise refusal
    if proof.id.startswith(holder[1]) or line.engine.api >= SHARED_API:
        return KNOWN
    parent = proof.parent
    listed = [row["Name"] for row in line.macvlan_networks() if row["Id"].startswith(holder[1])]
    if listed:
        return LOST_TO_ANOTHER(proof.network, other=listed[0], parent=parent)
    return LOST_TO_NOBODY(proof.network, parent=parent, other=holder[1])
