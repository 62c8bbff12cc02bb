"""Findings about the LAN: who answered when it was asked by ARP, and for whose address. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address
from itertools import islice
from shlex import quote

from macvland.cli.adopt.toml import quoted, spans
from macvland.cli.arp.lan import Claim, Lan, Source, contested
from macvland.cli.doctor.finding import Finding, setting
from macvland.cli.doctor.snapshot import Sighting, Snapshot, listed
from macvland.condition.lan import TAKEN
from macvland.model import Address, Host
from macvland.status import ConditionStatus, told

IN_USE, FREE = 256, 64  # addresses that one network has asked for: two seconds at the sweep's rate


def in_use(lan: Lan, seen: Host) -> list[IPv4Address]:
    """Return the addresses of *lan* that somebody is known to have or to be: gateways first."""
    gateways = [subnet.gateway for subnet in lan.subnets]
    known = {it.ip for it in lan.link.addresses}
    shims = {shim.name for shim in seen.shims if shim.parent == lan.link.name}
    known |= {it.address for it in seen.addresses if it.shim in shims}
    known |= {address for one in seen.attachments for address in one.addresses}
    every = [*gateways, *sorted(filter(lan.has, known), key=int)]
    return list(dict.fromkeys(it for it in every if isinstance(it, IPv4Address)))[:IN_USE]


def free(lan: Lan, seen: Host) -> list[IPv4Address]:
    """Return the first addresses that Docker may hand out on *lan* and that nobody here has."""
    taken: set[Address] = {it.ip for link in seen.links for it in link.addresses}
    taken |= {it.address for it in seen.addresses}
    taken |= {address for one in seen.attachments for address in one.addresses | one.fixed}
    taken |= {it for network in seen.networks if network.name == lan.network for it in network.spared}
    found: list[IPv4Address] = []
    for subnet in lan.subnets:
        pool = subnet.range or subnet.cidr
        if pool.version == 4:
            ends = {subnet.cidr.network_address, subnet.cidr.broadcast_address} if subnet.cidr.prefixlen < 31 else set()
            never = taken | subnet.reserved | ends | {subnet.gateway}
            # The first of a pool are handed out first, so that a bounded look is at the next ones.
            found += islice((it for it in pool if it not in never), FREE)
    return found[:FREE]


def two_macs(shot: Snapshot) -> Iterator[Finding]:
    """Find the addresses that several MACs answer for."""
    for sighting in shot.sightings:
        two = contested(sighting.claims)
        for address in sorted(two, key=int):
            mine = [claim for claim in sighting.claims if claim.address == address]
            yield Finding(
                code="MV501",
                network=sighting.lan.network,
                symptom=f"connections to {address} stall or end now and then",
                evidence=tuple(f"{it.mac} is {it.who} ({', '.join(sorted(it.sources))})" for it in mine),
                remedy=_remedy(sighting, mine),
            )


def _remedy(sighting: Sighting, mine: Sequence[Claim]) -> tuple[str, ...]:
    """Return what ends it: of a link of this host that answers too much, its filter; else, to give way."""
    whos = [claim.who for claim in mine]
    talkers = {who.partition(" answers for ")[0] for who in whos if " answers for " in who}
    if sum(Source.KERNEL in claim.sources for claim in mine) > 1:  # two of this host's links: nobody else is in it
        talkers |= {who.removeprefix("link ") for who in whos if who.startswith("link ")}
    if talkers:
        return tuple(setting(4, link, "arp_filter", 1) for link in sorted(talkers))
    network, address = sighting.lan.network, mine[0].address
    containers = sorted(who.removeprefix("container ") for who in whos if who.startswith("container "))
    moves = [f"docker network disconnect {network} {name}" for name in containers]
    moves += [f"docker network connect --ip FREE_ADDRESS {network} {name}" for name in containers]
    if address.version == 6:
        return (*moves, f"ip -6 neighbour show {address} dev {quote(sighting.lan.link.name)}")
    return (*moves, f"macvlanctl arp --probe --range {address}/{address.max_prefixlen} {network}")


def mute_gateway(shot: Snapshot) -> Iterator[Finding]:
    """Find gateways that did not answer; a container or the host itself may be one."""
    for sighting in shot.sightings:
        here = {claim.address for claim in sighting.claims if claim.who not in {"gateway", "stranger"}}
        heard = {address for address, _ in sighting.answers}
        for subnet in sighting.lan.subnets:
            gateway = subnet.gateway
            if isinstance(gateway, IPv4Address) and gateway in sighting.asked - heard - here:
                link = sighting.lan.link.name
                yield Finding(
                    code="MV502",
                    network=sighting.lan.network,
                    symptom="containers reach the LAN and nothing beyond it",
                    evidence=(f"the gateway {gateway} did not answer ARP on '{link}', asked twice",),
                    remedy=(
                        f"ip route show default dev {quote(link)}",
                        f"macvlanctl arp --probe {sighting.lan.network}",
                    ),
                )


def taken(shot: Snapshot) -> Iterator[Finding]:
    """Find addresses that Docker may hand out and that somebody on the LAN has already."""
    for sighting in shot.sightings:
        may_be = set(free(sighting.lan, shot.seen))
        found = {address: mac for address, mac in sorted(sighting.answers) if address in may_be}
        if found:
            yield Finding(
                code="MV503",
                network=sighting.lan.network,
                symptom="a new container may get the address of another device, and cut both off",
                evidence=(listed([f"{address} is at {mac}" for address, mac in found.items()]),),
                remedy=tuple(_reserving(sighting.lan, found)),
            )


def _reserving(lan: Lan, found: Iterable[Address]) -> Iterator[str]:
    """Yield for each subnet what its `reserved` has to say for *found* besides what it says already."""
    for subnet in lan.subnets:
        if here := [address for address in found if address in subnet.cidr]:
            yield f"reserved = [{', '.join(map(quoted, spans({*here, *subnet.reserved})))}]"


def disputes(shot: Snapshot) -> Iterator[Finding]:
    """Find what the LAN told the daemon that runs, but for addresses of which it was just heard here."""
    heard: dict[str, set[str]] = defaultdict(set)
    for sighting in shot.sightings:
        heard[sighting.lan.network] |= set(map(str, {*contested(sighting.claims), *sighting.asked}))
    met: dict[tuple[str, str], list[ConditionStatus]] = defaultdict(list)
    for one in shot.goal.obstacles:
        if one.kind is TAKEN:
            met[one.network, one.code].append(told(one))
    for network in shot.status.networks if shot.status and shot.running else ():
        for it in network.conditions:
            if not it.state and heard[network.name].isdisjoint((*it.field("address"), *it.field("addresses"))):
                met[network.name, it.code or TAKEN.code].append(it)
    for (name, code), found in met.items():
        yield Finding(
            code=code,
            network=name,
            symptom="the LAN does not fit what this host has there",
            conditions=tuple(sorted(found, key=lambda it: it.text)),
            remedy=(f"macvlanctl status {name}", f"journalctl MACVLAND_NETWORK={name} --since -1h"),
        )


FINDERS = (two_macs, mute_gateway, taken, disputes)
