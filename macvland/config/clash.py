"""That no two hosts of one LAN can hand out the same address, shown from the files that all of them read. Pure.

A host claims what its networks can hand out, its shims' addresses and its gateways. What one can hand out must be none
of what another can, no shim's and no gateway's; and no two shims may have the same. Two VLANs are two LANs where both
are known by number; whatever else could tell LANs apart, such as a parent's name, tells nothing on another host.
Refuses to weigh what files do not say: the hosts' own addresses, and those that shims derive.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from macvland.config.declaration import Declaration
from macvland.config.grammar import VLANS
from macvland.config.hosts import pool_place, shim_place
from macvland.config.overlap import shim_addresses
from macvland.config.pool import unusable, within
from macvland.config.population import Hosts
from macvland.config.problem import Problem
from macvland.config.wording import KeyPath, key_of, quoted
from macvland.model import Address, Prefix, Subnet

Place = tuple[Path, KeyPath]  # of a value


class Kind(IntEnum):
    """What a host has of a LAN's addresses."""

    GATEWAY = 0
    POOL = 1
    SHIM = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a host has of them by one value of one file."""

    kind: Kind
    prefix: Prefix
    taken: frozenset[Address] = frozenset()  # of a pool: what is never handed out
    hosts: Hosts
    declaration: Declaration
    path: KeyPath  # where the value stands

    @property
    def place(self) -> Place:
        """File and path of the value."""
        return self.declaration.file, self.path

    @property
    def vlan(self) -> int | None:
        """The VLAN that it is on, None where that is not known: its parent may be the port of any."""
        if self.declaration.vlan is not None:
            return self.declaration.vlan
        named = re.fullmatch(r"[^:]+\.([0-9]{1,4})", self.declaration.parent or "")
        return int(named[1]) if named and VLANS[0] <= int(named[1]) <= VLANS[1] else None


Cause = tuple[frozenset[Place], Kind, Kind]


@dataclass(frozen=True, slots=True)
class Clash:
    """An address that two hosts have, or a whole lot of them by the same two values."""

    file: Path
    problem: Problem
    hosts: tuple[str, ...]  # the two, or the kind of which there may be two
    address: Address


def claims(declarations: Iterable[Declaration], hosts: Hosts) -> Iterator[Claim]:
    """Yield what *hosts* have by *declarations*, as they read them."""
    lans: dict[Prefix, list[tuple[Declaration, int]]] = defaultdict(list)
    for declaration in declarations:
        if declaration.parent is not None:  # else it is on no LAN
            for index, subnet in enumerate(declaration.subnets):
                lans[subnet.cidr].append((declaration, index))
    for cidr, sharing in lans.items():
        # What one network of a host reserves, none of those with the same subnet hands out.
        taken = unusable(cidr).union(*(_spared(it, it.subnets[index]) for it, index in sharing))
        for declaration, index in sharing:
            yield from _claims(declaration, index, taken, hosts)


def clashes(found: Iterable[Claim]) -> Iterator[Clash]:
    """Yield where two hosts have the same address: once for each value, or pair of values, that is to be changed."""
    pairs: dict[Cause, list[tuple[Claim, Claim, Address]]] = defaultdict(list)
    for first, second in _overlapping(found):
        one, other = sorted((first, second), key=lambda claim: (claim.kind, claim.place))
        address = _common(one, other)
        if address is not None:
            pairs[_cause(one, other)].append((one, other, address))
    for those in pairs.values():
        yield _clash(*min(those, key=_plainness), len(those) - 1)


def _cause(one: Claim, other: Claim) -> Cause:
    """Return what a clash of these has in common with those that have the same cause.

    What the file says for all hosts meets the value of each that has one of its own: that is told once.
    """
    places = {one.place, other.place}
    general = {place for place in places if place[1][0] != "host"}
    return frozenset(general or places), one.kind, other.kind


def _spared(declaration: Declaration, subnet: Subnet) -> frozenset[Address]:
    gateways = frozenset() if subnet.gateway is None else frozenset({subnet.gateway})
    return subnet.reserved | gateways | shim_addresses(declaration, subnet)


def _claims(declaration: Declaration, index: int, taken: frozenset[Address], hosts: Hosts) -> Iterator[Claim]:
    subnet, path = declaration.subnets[index], ("subnet", index)
    claim = partial(Claim, hosts=hosts, declaration=declaration)
    where = pool_place(declaration, subnet, path)
    yield claim(kind=Kind.POOL, prefix=subnet.range or subnet.cidr, taken=taken, path=where)
    if subnet.gateway is not None:
        yield claim(kind=Kind.GATEWAY, prefix=ip_network(subnet.gateway), path=(*path, "gateway"))
    for address in shim_addresses(declaration, subnet):
        yield claim(kind=Kind.SHIM, prefix=ip_network(address), path=shim_place(declaration, address))


def _overlapping(found: Iterable[Claim]) -> Iterator[tuple[Claim, Claim]]:
    """Yield each two that have an address in common; one that several hosts have, with itself."""
    around: list[Claim] = []  # all that the one in question is in: two prefixes are apart, or one is in the other
    for claim in sorted(found, key=lambda it: (it.prefix.version, int(it.prefix.network_address), it.prefix.prefixlen)):
        while around and not within(claim.prefix, around[-1].prefix):
            around.pop()
        around.append(claim)
        yield from ((other, claim) for other in around)


def _common(first: Claim, second: Claim) -> Address | None:
    """Return the first address that two hosts have by these; None where they have none, or are on two LANs."""
    if not first.hosts.may_differ(second.hosts) or first.kind is second.kind is Kind.GATEWAY:
        return None
    if None not in {first.vlan, second.vlan} and first.vlan != second.vlan:
        return None
    pool = max(first.prefix, second.prefix, key=lambda it: it.prefixlen)
    taken = first.taken | second.taken
    addresses = (pool[number] for number in range(min(pool.num_addresses, len(taken) + 1)))
    return next((address for address in addresses if address not in taken), None)


# In words


def _plainness(found: tuple[Claim, Claim, Address]) -> tuple[object, ...]:
    """Return by what hosts come first: those that have a name."""
    return tuple((not claim.hosts.title, str(claim.hosts)) for claim in found[:2])


def _clash(first: Claim, second: Claim, address: Address, more: int) -> Clash:
    alike = first.hosts == second.hosts
    hosts = (f"two hosts {first.hosts.kind}",) if alike else (str(first.hosts), str(second.hosts))
    others = f", as with {more} more pair{'s' * (more > 1)} of hosts" if more else ""
    wrong = _what(first, second, address, " and ".join(hosts)) + others
    problem = Problem(second.path, wrong, _right(first, second))
    return Clash(second.declaration.file, problem, hosts, address)


def _what(first: Claim, second: Claim, address: Address, both: str) -> str:
    if first.place == second.place:
        pool, shim = f"{both} can both hand out {address}", f"{address} is the shim's on {both}"
        return pool if first.kind is Kind.POOL else shim
    here, there = second.hosts, f"{first.hosts} ({_where(first, second)})"
    match first.kind, second.kind:
        case Kind.POOL, Kind.POOL:
            return f"{here} can hand out {address}, and so can {there}"
        case Kind.GATEWAY, Kind.POOL:
            return f"{here} can hand out {address}, which is the gateway of {there}"
        case Kind.GATEWAY, _:
            return f"{address}, the shim's on {here}, is the gateway of {there}"
        case Kind.POOL, _:
            return f"{address}, the shim's on {here}, can be handed out by {there}"
        case _:
            return f"{address} is the shim's on {here}, and on {there}"


def _where(claim: Claim, seen_from: Claim) -> str:
    key = key_of(claim.path)
    return key if claim.declaration.file == seen_from.declaration.file else f"{key} of {quoted(claim.declaration.file)}"


def _right(first: Claim, second: Claim) -> str:
    names = [claim.hosts.title for claim in (first, second)]
    tables = " and ".join(f'[host."{name}"]' for name in names) if all(names) else "[host.NAME]"
    named = "" if all(names) else "name the hosts in [match], and "
    match first.kind, second.kind:
        case Kind.POOL, Kind.POOL:
            return f"{named}write a `range` in {tables}, with no address in common"
        case Kind.GATEWAY, Kind.POOL:
            return "write it into `reserved`"
        case Kind.POOL, _:
            return "write it into `reserved`, or an address outside of all ranges"
        case Kind.GATEWAY, _:
            return "write an address that nothing else has"
        case _:
            return f"{named}write an `address` in {tables}"
