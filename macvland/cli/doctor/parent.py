"""Findings about the link that is to carry a network. Pure."""

from collections.abc import Iterator
from shlex import quote

from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.snapshot import Snapshot
from macvland.condition import Condition
from macvland.condition.parent import IN_PASSTHRU, IS_A_SHIM, IS_WIFI, NO_CARRIER, PARENT_DOWN, PARENT_MISSING
from macvland.config import Declaration
from macvland.model import Link
from macvland.status import told
from macvland.wanted.fitness import unfit, unfit_below_vlan
from macvland.wanted.parent import carrying, parent_of
from macvland.wanted.parent import missing as missing_parent


def missing(shot: Snapshot) -> Iterator[Finding]:
    """Find the networks whose parent does not exist."""
    facts = shot.facts
    declared = {one.name for one in shot.config.declarations}
    absent = {
        one.name: one.parent for one in shot.config.declarations if one.parent and not parent_of(one.parent, facts)
    }
    absent |= {
        one.name: one.parent
        for one in shot.seen.networks
        if one.name not in declared and one.parent and not shot.carrier_of(one)
    }
    shims = {shim.name: shim.parent for shim in shot.seen.shims}
    for name, parent in absent.items():
        if parent in shims:
            yield _unable(shot, IS_A_SHIM(name, parent=parent, below=shims[parent]), shims[parent])
            continue
        there = ", ".join(sorted(it.name for it in shot.seen.links if it.ethernet and it.kind in ("", "veth", "bond")))
        auto = parent == "auto"
        yield Finding(
            code=PARENT_MISSING.code,
            network=name,
            symptom="no container can start on the network, and it has no shim",
            conditions=(told(missing_parent(name, parent)),),
            evidence=(f"links that could be meant: {there or 'none'}",),
            remedy=("ip route show default" if auto else "ip -brief link", _editor(shot, name)),
        )


def _editor(shot: Snapshot, name: str) -> str:
    file = next((one.file for one in shot.config.declarations if one.name == name), None)
    return f"editor {quote(str(file))}  # parent = ..." if file else f"docker network inspect {name}"


def silent(shot: Snapshot) -> Iterator[Finding]:
    """Find parents over which nothing can pass."""
    for name, link in _carried(shot).items():
        below = shot.link(link.below) if link.vlan else None
        culprit = below if below and not (below.up and below.carrier) else link
        if not culprit.up:
            yield Finding(
                code=PARENT_DOWN.code,
                network=name,
                symptom="nothing passes, neither from host nor from containers",
                conditions=(told(PARENT_DOWN(name, parent=culprit.name)),),
                remedy=(f"ip link set dev {quote(culprit.name)} up",),
            )
        elif not culprit.carrier:
            yield Finding(
                code=NO_CARRIER.code,
                network=name,
                symptom="nothing passes to or from the LAN",
                conditions=(told(NO_CARRIER(name, parent=culprit.name)),),
                evidence=("a cable, a switch port, or a bond without active ports",),
                remedy=(f"ip -statistics link show dev {quote(culprit.name)}", f"ethtool {quote(culprit.name)}"),
            )


def _carried(shot: Snapshot) -> dict[str, Link]:
    """Return the link of each network that has one, or the link below it that its VLAN is to be made on."""
    found = {one.name: link for one in shot.seen.networks if (link := shot.carrier_of(one))}
    return found | {one.name: link for one in shot.config.declarations if (link := _link(one, shot))}


def _link(one: Declaration, shot: Snapshot) -> Link | None:
    facts = shot.facts
    return carrying(one, facts) or (parent_of(one.parent, facts) if one.parent else None)


def unable(shot: Snapshot) -> Iterator[Finding]:
    """Find parents that the kernel refuses (EBUSY, EINVAL), or takes in vain."""
    facts = shot.facts
    trusting = {one.name for one in shot.config.declarations if not one.parent_check}
    on_vlan = {one.name: one for one in shot.config.declarations if one.vlan and one.parent}
    for name, carried in _carried(shot).items():
        if name in trusting:
            continue
        below = parent_of(on_vlan[name].parent or "", facts) if name in on_vlan else None
        link = below or carried
        own = shot.network(name)
        objection = unfit_below_vlan(link, facts) if below else unfit(link, facts)
        if objection is None or (own and own.mode == "passthru" and objection.kind is IN_PASSTHRU):
            continue
        yield _unable(shot, objection.of(name), link.name)


def _unable(shot: Snapshot, objection: Condition, link: str) -> Finding:
    return Finding(
        code=objection.code,
        network=objection.network,
        symptom="containers start, and nobody answers them"
        if objection.kind is IS_WIFI
        else "Docker and the kernel say 'device or resource busy', or 'invalid argument'",
        conditions=(told(objection),),
        remedy=(f"ip -details link show dev {quote(link)}", _editor(shot, objection.network)),
    )


FINDERS = (missing, silent, unable)
