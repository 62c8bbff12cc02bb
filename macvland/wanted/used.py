"""The addresses that Docker may hand out although the LAN has them in use: to be reserved, or told.

Docker reserves addresses when it makes a network, and never again. What is found later can only be told; who writes it
into `reserved` has the network replaced, as the file allows that.
"""

from collections.abc import Iterator

from macvland.config import Declaration
from macvland.model import Address, Finding, Hold, Link, Network, Obstacle, Subnet
from macvland.wanted.facts import Facts, obstacle

SHOWN = 4  # of many


def asks(declaration: Declaration, facts: Facts) -> bool:
    """Tell whether the range of *declaration* is asked for at all."""
    return declaration.avoid_used and declaration.probe and facts.seen.heard is not None


def range_of(declaration: Declaration, facts: Facts) -> Iterator[Address]:
    """Yield the IPv4 addresses that Docker may hand out, and nobody here has."""
    for subnet in declaration.subnets:
        yield from pool_of(subnet, facts)


def pool_of(subnet: Subnet, facts: Facts) -> Iterator[Address]:
    """Yield those of *subnet*."""
    if subnet.cidr.version == 6:
        return
    ends = (subnet.cidr.network_address, subnet.cidr.broadcast_address)
    taken = subnet.reserved | {subnet.gateway} | (frozenset(ends) if subnet.cidr.prefixlen < 31 else frozenset())
    yield from (it for it in (subnet.range or subnet.cidr) if it not in taken and it not in facts.local)


def used(declaration: Declaration, link: Link, facts: Facts) -> dict[Address, Finding]:
    """Return those that the LAN of *link* has in use, as far as it is known."""
    disputes = facts.disputes.get(link.name) if asks(declaration, facts) else None
    return {it: disputes[it] for it in range_of(declaration, facts) if it in disputes} if disputes else {}


def awaited(declaration: Declaration, link: Link, facts: Facts) -> frozenset[Obstacle]:
    """Return what keeps the network of *declaration* from being made yet."""
    if not asks(declaration, facts):
        return frozenset()
    if all(facts.finding(link.name, it) for it in range_of(declaration, facts)):
        return frozenset()
    what = "asks the LAN which addresses are in use"
    if link.up and link.carrier:
        return obstacle(declaration.name, Hold.CHECK, f"{what}, before Docker may hand them out")
    return obstacle(declaration.name, Hold.CARRIER, f"{what} once '{link.name}' has a carrier")


def leftover(declaration: Declaration, link: Link, network: Network, facts: Facts) -> frozenset[Obstacle]:
    """Return what is to be told of *network*, which Docker has: the addresses in use that it does not reserve."""
    reserved = network.spared.union(*(subnet.reserved for subnet in network.subnets))
    found = [it for address, it in used(declaration, link, facts).items() if address not in reserved]
    if not found:
        return frozenset()
    shown = ", ".join(f"{it.address} ({' and '.join(sorted(map(str, it.devices)))})" for it in found[:SHOWN])
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    reason = f"the LAN has in use what Docker may give to a container: {shown}{more}; write it into `reserved`"
    return obstacle(declaration.name, Hold.DISPUTED, reason)
