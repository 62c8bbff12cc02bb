"""Findings about the IPv4 settings of links, by which packets vanish without a word. Pure.

The kernel takes the larger of the values for the link and for all (Documentation/networking/ip-sysctl.rst); so a value
of one link can be raised alone, and lowered only together with that for all.
"""

from collections.abc import Iterator

from macvland.cli.adopt.handmade import Handmade, handmade
from macvland.cli.doctor.finding import Finding, setting
from macvland.cli.doctor.snapshot import Snapshot
from macvland.model import Link, Network

STRICT = 1


def strict(shot: Snapshot) -> Iterator[Finding]:
    """Find strict rp_filter where the way back is another link.

    With a host route to each container it does no harm. With a subnet's route on the shim, packets of containers come
    in there and go back by the parent; with a route to a whole range, devices of the LAN in that range come in by the
    parent and go back by the shim.
    """
    for network, link, one in _hand(shot):
        cidrs = [it.network for it in one.addresses if it.network.prefixlen < it.max_prefixlen]
        doubled = [str(cidr) for cidr in cidrs if any(it.network == cidr for it in link.addresses)]
        wide = [str(it) for it in one.routes if it.version == 4 and it.prefixlen < 32]
        if doubled and shot.filters(one.name).rp_filter == STRICT:
            yield _strict(network, one.name, f"'{one.name}' and '{link.name}' both have a route to {doubled[0]}")
        elif wide and shot.filters(link.name).rp_filter == STRICT:
            yield _strict(
                network, link.name, f"{wide[0]} goes over '{one.name}', and others there come by '{link.name}'"
            )


def _hand(shot: Snapshot) -> Iterator[tuple[Network, Link, Handmade]]:
    for network in sorted(shot.seen.networks, key=lambda it: it.name):
        if link := shot.carrier_of(network):
            yield from ((network, link, one) for one in handmade(network, shot.seen, shot.ways))


def _strict(network: Network, link: str, why: str) -> Finding:
    return Finding(
        code="MV602",
        network=network.name,
        symptom="host and containers, or some devices of the LAN, do not reach each other, without any error",
        evidence=(f"net.ipv4.conf.{link}.rp_filter is 1 (strict)", why),
        remedy=(setting(4, link, "rp_filter", 2),),
    )


def ignoring(shot: Snapshot) -> Iterator[Finding]:
    """Find links that do not answer ARP for what they are asked.

    A shim without an address answers for the parent's, which is what arp_ignore 1 and more forbid; 8 forbids all.
    """
    for shim in sorted(shot.seen.shims, key=lambda it: it.name):
        value = shot.filters(shim.name).arp_ignore
        borrows = not any(it.version == 4 for it in shot.addresses(shim.name))
        if value == 8 or (value and value != 3 and borrows and _has_ipv4(shot, shim.network)):
            yield _ignoring(shim.network, shim.name, value)
    for name, link in sorted({it.name: shot.carrier_of(it) for it in shot.seen.networks}.items()):
        if link and shot.filters(link.name).arp_ignore == 8:
            yield _ignoring(name, link.name, 8)


def _has_ipv4(shot: Snapshot, name: str) -> bool:
    network = shot.network(name)
    return bool(network and any(subnet.cidr.version == 4 for subnet in network.subnets))


def _ignoring(network: str, link: str, value: int) -> Finding:
    return Finding(
        code="MV603",
        network=network,
        symptom="containers do not reach the host, while the host reaches them",
        evidence=(f"net.ipv4.conf.{link}.arp_ignore is {value}, here or for all: '{link}' answers too little",),
        remedy=(
            "sysctl -w net.ipv4.conf.all.arp_ignore=0",
            setting(4, link, "arp_ignore", 0),
            "grep -rs arp_ignore /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d",
        ),
    )


def announcing(shot: Snapshot) -> Iterator[Finding]:
    """Find hand-made shims that may ask for a container with an address of the parent.

    That question tells the LAN the shim's MAC for the host's address. A shim of macvland's never asks.
    """
    for network, link, one in _hand(shot):
        if shot.filters(one.name).arp_announce == 0 and any(it.version == 4 for it in link.addresses):
            yield Finding(
                code="MV604",
                network=network.name,
                symptom="the LAN loses the host for moments, each time the host looks for a container",
                evidence=(f"net.ipv4.conf.{one.name}.arp_announce is 0, and '{one.name}' is no shim of macvland's",),
                remedy=(setting(4, one.name, "arp_announce", 2),),
            )


FINDERS = (strict, ignoring, announcing)
