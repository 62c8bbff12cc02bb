"""Who has which address on the LAN of a network, from all that can be known of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Address, ip_address

from macvland.config import Config
from macvland.config.pool import within
from macvland.kernel.survey import ArpSettings, Known
from macvland.machine import machine_id
from macvland.model import Address, Dad, Host, Link, Prefix, Subnet
from macvland.status import NetworkStatus
from macvland.wanted.facts import Facts
from macvland.wanted.parent import carries, carrying

MOST = 1024  # addresses of one sweep: at 200 a second it takes five


class Source(StrEnum):
    """From where something is known."""

    KERNEL = "kernel"
    DOCKER = "Docker"
    NEIGHBOURS = "neighbours"
    PROBE = "probe"
    STATUS = "status file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lan:
    """The LAN of one network: the link that leads there, and its subnets."""

    network: str
    link: Link
    subnets: tuple[Subnet, ...]

    def has(self, address: Address) -> bool:
        """Tell whether *address* is of this network."""
        return any(address in subnet.cidr for subnet in self.subnets)

    def sweeps(self, asked: Prefix | None) -> bool:
        """Tell whether there is something to sweep of this network, or of what is *asked* for."""
        cidrs = [subnet.cidr for subnet in self.subnets if subnet.cidr.version == 4]
        return bool(cidrs) if asked is None else any(within(asked, cidr) for cidr in cidrs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That one MAC answers for one address."""

    address: Address
    mac: str
    who: str
    sources: frozenset[Source]


@dataclass(frozen=True, slots=True, kw_only=True)
class Responder:
    """A link of the host that hears the LAN's questions."""

    name: str
    mac: str
    who: str  # with an address of its own
    addresses: frozenset[Address]
    settings: ArpSettings
    parent: bool = False


def lans(config: Config, seen: Host) -> list[Lan]:
    """Return the LANs of the networks that Docker has, and of those declared where it does not answer, by name."""
    found: dict[str, Lan] = {}
    for network in seen.networks:
        link = next((link for link in seen.links if carries(link, network)), None)
        if link:
            found[network.name] = Lan(network=network.name, link=link, subnets=_ordered(network.subnets))
    facts = Facts(config, seen, machine_id(), frozenset(), frozenset(), ways=frozenset())
    for declaration in config.declarations:
        link = carrying(declaration, facts)
        if link and declaration.name not in found:
            found[declaration.name] = Lan(network=declaration.name, link=link, subnets=_ordered(declaration.subnets))
    return [found[name] for name in sorted(found)]


def _ordered(subnets: Iterable[Subnet]) -> tuple[Subnet, ...]:
    return tuple(sorted(subnets, key=lambda subnet: (subnet.cidr.version, int(subnet.cidr.network_address))))


def responders(lan: Lan, seen: Host, settings: Mapping[str, ArpSettings]) -> list[Responder]:
    """Return the host's own links on *lan* that are up: the parent, shims, and macvlan links that others made."""
    silent = ArpSettings(filter=False, ignore=0)
    children = [link for link in seen.links if link.kind == "macvlan" and link.below == lan.link.name and link.up]
    links = [(lan.link, "host", True), *((link, f"link {link.name}", False) for link in children)]
    found = [
        Responder(
            name=link.name,
            mac=link.mac,
            who=who,
            addresses=frozenset(it.ip for it in link.addresses),
            settings=settings.get(link.name, silent),
            parent=parent,
        )
        for link, who, parent in links
    ]
    for shim in seen.shims:
        if shim.parent == lan.link.name and shim.up:
            addresses = frozenset(it.address for it in seen.addresses if it.shim == shim.name and it.dad is Dad.DONE)
            how = settings.get(shim.name, ArpSettings(filter=shim.arp_filter, ignore=0))
            found.append(
                Responder(name=shim.name, mac=shim.mac, who=f"shim {shim.name}", addresses=addresses, settings=how)
            )
    return found


def heard_of(lan: Lan, known: Iterable[Known], probed: Iterable[tuple[IPv4Address, str]]) -> list[tuple[Claim, bool]]:
    """Return what the LAN said of itself, nameless, each with whether it was lately."""
    found = [(_claim(it.address, it.mac, "", Source.NEIGHBOURS), it.fresh) for it in known if it.link == lan.link.name]
    found += [(_claim(address, mac, "", Source.PROBE), True) for address, mac in probed]
    return [(claim, fresh) for claim, fresh in found if lan.has(claim.address)]


def claims(
    lan: Lan,
    seen: Host,
    settings: Mapping[str, ArpSettings],
    heard: Iterable[tuple[Claim, bool]],
    last: Iterable[NetworkStatus] = (),
) -> list[Claim]:
    """Return who has which address of *lan*, by address; one with two claims is had by two.

    *last* are the networks of the status file, for the containers that a Docker which does not answer has.
    """
    found = [*_of_host(lan, responders(lan, seen, settings)), *_of_proxies(lan, seen), *_of_containers(lan, seen)]
    found += _remembered(lan, last)
    told = {claim.address for claim in found}
    names = {claim.mac: claim.who for claim in found}
    gateways = {subnet.gateway for subnet in lan.subnets if subnet.gateway}
    for claim, fresh in heard:
        # A stale entry is what was, not what is: it says nothing against those who know.
        if fresh or claim.address not in told:
            who = "gateway" if claim.address in gateways else names.get(claim.mac, "stranger")
            found.append(replace(claim, who=who))
    silent = gateways - {claim.address for claim in found}
    return _merged([*found, *(Claim(address=it, mac="", who="gateway", sources=frozenset()) for it in silent)])


def _claim(address: Address, mac: str, who: str, source: Source) -> Claim:
    return Claim(address=address, mac=mac, who=who, sources=frozenset({source}))


def _of_host(lan: Lan, links: Sequence[Responder]) -> Iterator[Claim]:
    """Yield which of the host's links answers the LAN for which of its addresses.

    IPv4 addresses are the host's and not the link's: unless told otherwise, every link answers for all of them. By IPv6
    each answers for its own.
    """
    for owner in links:
        for address in filter(lan.has, owner.addresses):
            for link in links:
                if _answers(link, address):
                    who = owner.who if link is owner or link.parent else f"{link.name} answers for {owner.who}"
                    yield _claim(address, link.mac, who, Source.KERNEL)


def _answers(link: Responder, address: Address) -> bool:
    if address.version == 6:
        return address in link.addresses
    own = address in link.addresses
    # The way back to the LAN leaves by the parent.
    return (link.parent or not link.settings.filter) and (
        link.settings.ignore in (0, 3) or (own and link.settings.ignore < 3)
    )


def _of_proxies(lan: Lan, seen: Host) -> Iterator[Claim]:
    """Yield for what a shim answers to everybody, by a proxy that somebody bent."""
    macs = {shim.name: shim.mac for shim in seen.shims if shim.parent == lan.link.name}
    for proxy in seen.proxies:
        if proxy.macs is None and proxy.shim in macs and lan.has(proxy.address):
            who = f"proxy of shim {proxy.shim}"
            yield _claim(proxy.address, macs[proxy.shim], who, Source.KERNEL)


def _of_containers(lan: Lan, seen: Host) -> Iterator[Claim]:
    networks = {network.id for network in seen.networks if carries(lan.link, network)}
    for one in seen.attachments:
        if one.network_id in networks and one.mac:
            for address in filter(lan.has, one.addresses):
                yield _claim(address, one.mac, f"container {one.container}", Source.DOCKER)


def _remembered(lan: Lan, last: Iterable[NetworkStatus]) -> Iterator[Claim]:
    for network in last:
        for one in network.attachments if network.link == lan.link.name else ():
            for address in filter(lan.has, map(ip_address, one.addresses)):
                yield _claim(address, one.mac, f"container {one.container}", Source.STATUS)


def _merged(found: Iterable[Claim]) -> list[Claim]:
    """Return *found* with one claim for each address and MAC, of whom the first to say so names it."""
    by_pair: dict[tuple[Address, str], Claim] = {}
    for claim in found:
        pair = (claim.address, claim.mac)
        first = by_pair.get(pair, claim)
        by_pair[pair] = replace(first, sources=first.sources | claim.sources)
    return sorted(by_pair.values(), key=lambda one: (one.address.version, int(one.address), one.who, one.mac))


def contested(found: Iterable[Claim]) -> frozenset[Address]:
    """Return the addresses that several MACs answer for."""
    macs: dict[Address, set[str]] = {}
    for claim in found:
        macs.setdefault(claim.address, set()).add(claim.mac)
    return frozenset(address for address, those in macs.items() if len(those) > 1)


def targets(lan: Lan, asked: Prefix | None) -> list[IPv4Address]:
    """Return the addresses to sweep: *asked*, else each IPv4 subnet or its range; ValueError says what else to ask."""
    pools = [subnet for subnet in lan.subnets if subnet.cidr.version == 4]
    if not pools:
        raise ValueError(
            f"{lan.network} has no IPv4 subnet to sweep: leave out --probe, IPv6 is known from the neighbour table"
        )
    if not lan.sweeps(asked):
        raise ValueError(f"{asked} is in no IPv4 subnet of {lan.network}: write a --range in {pools[0].cidr}")
    chosen = [asked] if asked else [_sweepable(pool) for pool in pools]
    if sum(one.num_addresses for one in chosen) > MOST:
        names = ", ".join(map(str, chosen))
        raise ValueError(f"{names} has more than {MOST} addresses: say which of them to sweep with --range CIDR")
    swept = [IPv4Address(int(one.network_address) + step) for one in chosen for step in range(one.num_addresses)]
    ends = {end for pool in pools if pool.cidr.prefixlen < 31 for end in (pool.cidr[0], pool.cidr[-1])}
    return [address for address in swept if address not in ends]


def _sweepable(pool: Subnet) -> Prefix:
    return pool.range if pool.range and pool.cidr.num_addresses > MOST else pool.cidr
