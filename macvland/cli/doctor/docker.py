"""Findings about Docker and what it was asked for. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from shlex import quote
from typing import Any

from macvland.cli.adopt.handmade import handmade
from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.snapshot import Contained, Snapshot, listed
from macvland.condition.docker import NOT_YET, ONE_PER_PARENT
from macvland.engine.lost import SHARED_API
from macvland.model import Mode
from macvland.status import ConditionStatus, told


def absent(shot: Snapshot) -> Iterator[Finding]:
    """Find that no Docker answers, or one that is refused."""
    if shot.seen.engine:
        return
    yield Finding(
        code="MV201",
        network="",
        symptom="no network can be made, and containers cannot be seen",
        conditions=(told(shot.seen.absent or NOT_YET()),),
        remedy=("systemctl start docker", "journalctl --unit docker --since -1h"),
    )


def lost(shot: Snapshot) -> Iterator[Finding]:
    """Find what the daemon found out since dockerd started: networks that Docker lists and its driver forgot."""
    for one in sorted(shot.seen.losses, key=lambda it: it.network):
        yield Finding(
            code="MV202",
            network=one.network,
            symptom="a container does not start: 'network id … not found', although 'docker network ls' shows it",
            conditions=(told(one.condition),),
            remedy=("macvlanctl apply",) if one.curable else ("systemctl restart docker",),
        )


def refused(shot: Snapshot) -> Iterator[Finding]:
    """Find what this Docker would refuse, or has refused the daemon: mostly it is too old."""
    seen = {it.network for it in shot.refusals}
    for it in shot.refusals:
        yield _refused(shot, told(it))
    for told_of in shot.status.networks if shot.status and shot.running and shot.seen.engine else ():
        met = [it for it in told_of.conditions if it.code == ONE_PER_PARENT.code and it.network not in seen]
        seen |= {it.network for it in met}
        for one in met:
            yield _refused(shot, one)
    engine = shot.seen.engine
    if engine is None or engine.api >= SHARED_API:
        return
    holders = {one.parent: one.name for one in sorted(shot.seen.networks, key=lambda it: it.name) if one.parent}
    for network in sorted(shot.goal.host.networks, key=lambda it: it.name):
        holder = holders.get(network.parent or "", network.name)
        if holder != network.name and not shot.network(network.name) and network.name not in seen:
            yield _refused(shot, told(ONE_PER_PARENT(network.name, version=engine.version, other=holder)))


def _refused(shot: Snapshot, condition: ConditionStatus) -> Finding:
    version = shot.seen.engine.version if shot.seen.engine else "unknown"
    return Finding(
        code="MV203",
        network=condition.network,
        symptom="the network does not come, or not as its file asks",
        conditions=(condition,),
        evidence=(f"this Docker is {version}",),
        remedy=(
            "docker version --format '{{.Server.Version}} (API {{.Server.APIVersion}})'",
            f"macvlanctl status {condition.network}",
        ),
    )


def vain_ports(shot: Snapshot) -> Iterator[Finding]:
    """Find published ports of containers that are on macvlan networks alone: Docker makes no way there."""
    networks = {one.id: one for one in shot.seen.networks}
    addresses = {(one.network_id, one.container): sorted(map(str, one.addresses)) for one in shot.seen.attachments}
    for one in shot.contained:
        if not one.ports or not one.networks or not one.networks <= networks.keys():
            continue
        own = sorted(one.networks, key=lambda it: networks[it].name)
        where = [it for network in own for it in addresses.get((network, one.name), ())]
        port = one.ports[0].partition("/")[0]
        yield Finding(
            code="MV204",
            network=networks[own[0]].name,
            symptom=f"the host's own address does not answer for the published ports of '{one.name}'",
            evidence=(f"'{one.name}' publishes {listed(list(one.ports))}, and is on macvlan networks alone",),
            remedy=(f"curl http://{_host(where[0])}:{port}/" if where else f"docker port {one.name}",),
        )


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def apart(shot: Snapshot) -> Iterator[Finding]:
    """Find shims that do not reach their containers, because a side is not in bridge mode."""
    for network in sorted(shot.seen.networks, key=lambda it: it.name):
        names = {shim.name for shim in shot.seen.shims if shim.network == network.name}
        hand = {one.name for one in handmade(network, shot.seen, shot.ways)}
        for name in sorted(names | hand):
            mode = shot.mode(name)
            if network.mode in {Mode.VEPA, Mode.PRIVATE} or mode not in {"", "bridge"}:
                yield Finding(
                    code="MV702",
                    network=network.name,
                    symptom="host and containers do not reach each other",
                    evidence=(
                        f"'{name}' has mode {mode or 'unknown'}, the network {network.mode}; both must be bridge",
                    ),
                    remedy=(f"ip link set dev {quote(name)} type macvlan mode bridge",)
                    if network.mode is Mode.BRIDGE
                    else (f"docker network inspect {network.name}", "macvlanctl plan"),
                )


def of_reports(reports: Iterable[Mapping[str, Any]]) -> list[tuple[Contained, int]]:
    """Return what Docker reports of containers, each with its process on this host, 0 where it has none."""
    found = []
    for report in reports:
        networks = (report.get("NetworkSettings") or {}).get("Networks") or {}
        ports = (report.get("HostConfig") or {}).get("PortBindings") or {}
        one = Contained(
            name=str(report.get("Name")).removeprefix("/"),
            networks=frozenset(str(it.get("NetworkID")) for it in networks.values()),
            ports=tuple(sorted(str(port) for port, bound in ports.items() if bound)),
        )
        found.append((one, int((report.get("State") or {}).get("Pid") or 0)))
    return found


FINDERS = (absent, lost, refused, vain_ports, apart)
