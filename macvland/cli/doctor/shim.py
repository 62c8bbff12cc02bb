"""Findings about the shims, and what is beside them. Pure."""

from collections.abc import Iterator
from shlex import quote

from macvland.cli.adopt.handmade import handmade
from macvland.cli.doctor.finding import Finding, setting
from macvland.cli.doctor.snapshot import Snapshot, listed


def left_over(shot: Snapshot) -> Iterator[Finding]:
    """Find hand-made shims beside those of macvland's: both answer, and both have routes."""
    for network in sorted(shot.seen.networks, key=lambda it: it.name):
        ours = next((shim for shim in shot.seen.shims if shim.network == network.name), None)
        for one in handmade(network, shot.seen, shot.ways) if ours else ():
            words = [*map(str, one.addresses), *(f"a route to {it}" for it in one.routes)]
            yield Finding(
                code="MV701",
                network=network.name,
                symptom="the LAN sees two MACs for the host, and a container's answers go to the wrong link",
                evidence=(f"'{one.name}' ({one.mac}) is on the same parent and has {listed(words)}",),
                remedy=(f"ip link set {quote(one.name)} arp off; sleep 60; ip link delete {quote(one.name)}",),
            )


def stuck(shot: Snapshot) -> Iterator[Finding]:
    """Find shims and containers whose MTU is not the parent's: it follows downwards, and never back up."""
    for shim in sorted(shot.seen.shims, key=lambda it: it.name):
        parent = shot.link(shim.parent)
        if parent and parent.mtu != shim.mtu:
            yield Finding(
                code="MV703",
                network=shim.network,
                symptom="large packets between host and containers are lost, or smaller than they could be",
                evidence=(f"'{shim.name}' has an MTU of {shim.mtu}, its parent '{parent.name}' {parent.mtu}",),
                remedy=(f"ip link set dev {quote(shim.name)} mtu {parent.mtu}", "systemctl restart macvland"),
            )
    yield from _stuck_containers(shot)


def _stuck_containers(shot: Snapshot) -> Iterator[Finding]:
    by_name = {one.name: one for one in shot.contained}
    networks = {one.id: one for one in shot.seen.networks}
    for one in sorted(shot.seen.attachments, key=lambda it: (it.network, it.container)):
        container, network = by_name.get(one.container), networks.get(one.network_id)
        parent = shot.carrier_of(network) if network else None
        mtu = dict(container.inside.mtus).get(one.mac) if container else None
        if parent and mtu is not None and mtu != parent.mtu:
            yield Finding(
                code="MV704",
                network=one.network,
                symptom="connections of the container begin and then hang, or are slower than they could be",
                evidence=(f"'{one.container}' has an MTU of {mtu}, the parent '{parent.name}' {parent.mtu}",),
                remedy=(f"docker restart {one.container}",),
            )


def second_way_out(shot: Snapshot) -> Iterator[Finding]:
    """Find default routes over shims and other macvlan links: made by a router's advertisement or by DHCP."""
    shims = {shim.name: shim.network for shim in shot.seen.shims}
    macvlans = {link.name for link in shot.seen.links if link.kind == "macvlan"}
    for way in shot.ways_out:
        others = sorted({it.link for it in shot.ways_out if it.version == way.version} - {way.link})
        if way.link in macvlans | shims.keys() and (others or way.link in shims):
            family = "" if way.version == 4 else " -6"
            besides = f"besides that over '{others[0]}'" if others else "and no other"
            yield Finding(
                code="MV705",
                network=shims.get(way.link, ""),
                symptom="the host's own connections leave by the wrong link, with the wrong MAC or address",
                evidence=(f"there is an IPv{way.version} default route over '{way.link}', {besides}",),
                remedy=(
                    f"ip{family} route del default dev {quote(way.link)}",
                    *((setting(6, way.link, "accept_ra", 0),) if family else ()),
                ),
            )


NETWORKD = (
    r"printf '[Match]\nName=mv-*\nKind=macvlan\n\n[Link]\nUnmanaged=yes\n' > /etc/systemd/network/00-macvland.network"
)
NETWORK_MANAGER = (
    r"printf '[device-macvland]\nmatch-device=interface-name:mv-*\nmanaged=0\n'"
    " > /etc/NetworkManager/conf.d/00-macvland.conf"
)
HANDS_OFF = {
    "systemd-networkd": (NETWORKD, "networkctl reload"),
    "NetworkManager": (NETWORK_MANAGER, "nmcli general reload"),
}


def claimed(shot: Snapshot) -> Iterator[Finding]:
    """Find programs that manage a shim: they give it addresses and routes, or take its own away."""
    shims = {shim.name: shim.network for shim in shot.seen.shims}
    for one in shot.claimed:
        if one.link in shims:
            yield Finding(
                code="MV706",
                network=shims[one.link],
                symptom="the shim gets addresses or routes that nobody asked for, or loses its own",
                evidence=(f"{one.program} manages '{one.link}': {one.written}",),
                remedy=HANDS_OFF[one.program],
            )


FINDERS = (left_over, stuck, second_way_out, claimed)
