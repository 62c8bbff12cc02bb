"""The addresses that Docker may hand out although the LAN has them in use: to be reserved, or told.

Docker reserves addresses when it makes a network, and never again. What is found later can only be told; who writes it
into `reserved` has the network replaced, as the file allows that.
"""

from collections.abc import Iterator
from functools import partial

from macvland.condition import Condition
from macvland.condition.lan import RANGE_ASKED, RANGE_IN_USE, RANGE_POSTPONED
from macvland.condition.wording import several
from macvland.config import Declaration
from macvland.model import About, Address, Finding, Link, Network, Question, Subnet
from macvland.wanted.facts import Facts
from macvland.wanted.own import own_addresses
from macvland.wanted.there import as_declared, is_met


def in_range(declaration: Declaration, link: Link, facts: Facts) -> Iterator[Question]:
    """Yield the questions for the IPv4 addresses that Docker may hand out, and nobody here has.

    For a network that is to be made they are other ones than for one that is there: the answers may be old. While
    Docker does not answer, nobody knows which it is.
    """
    if not declaration.avoid_used or not declaration.probe or facts.seen.heard is None or facts.seen.engine is None:
        return
    there = facts.networks[declaration.name]
    met = is_met(as_declared(declaration, link.name), there, link)
    ask = partial(Question, parent=link.name, about=About.RANGE, of=there[0].id if met else "")
    mine = frozenset(own_addresses(declaration, facts).values())
    for subnet in declaration.subnets:
        yield from (ask(address=it) for it in _pool(subnet) if it not in facts.local and it not in mine)


def _pool(subnet: Subnet) -> Iterator[Address]:
    if subnet.cidr.version == 6:
        return
    ends = (subnet.cidr.network_address, subnet.cidr.broadcast_address)
    taken = subnet.reserved | {subnet.gateway} | (frozenset(ends) if subnet.cidr.prefixlen < 31 else frozenset())
    yield from (it for it in (subnet.range or subnet.cidr) if it not in taken)


def used(declaration: Declaration, link: Link, facts: Facts) -> dict[Address, Finding]:
    """Return those that the LAN of *link* has in use, as far as it is known."""
    if link.name not in facts.disputed:
        return {}
    found = {it.address: facts.finding(it) for it in in_range(declaration, link, facts)}
    return {address: it for address, it in found.items() if it and it.devices}


def awaited(declaration: Declaration, link: Link, facts: Facts) -> frozenset[Condition]:
    """Return what keeps the network of *declaration* from being made yet."""
    if all(facts.finding(it) for it in in_range(declaration, link, facts)):
        return frozenset()
    if link.up and link.carrier:
        return frozenset({RANGE_ASKED(declaration.name)})
    return frozenset({RANGE_POSTPONED(declaration.name, parent=link.name)})


def leftover(declaration: Declaration, link: Link, network: Network, facts: Facts) -> frozenset[Condition]:
    """Return what is to be told of *network*, which Docker has: the addresses in use that it does not reserve."""
    reserved = network.spared.union(*(subnet.reserved for subnet in network.subnets))
    found = [it for address, it in used(declaration, link, facts).items() if address not in reserved]
    if not found:
        return frozenset()
    addresses = [it.question.address for it in found]
    devices = [several(sorted(map(str, it.devices))) for it in found]
    return frozenset({RANGE_IN_USE(declaration.name, addresses=addresses, devices=devices)})
