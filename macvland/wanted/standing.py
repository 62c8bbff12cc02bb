"""How the shim's own addresses stand: certain, asked of the LAN just now, or another device's.

Refuses to hurry: until an IPv6 address is certain, the shim keeps what it has in that subnet. The kernel takes no route
that speaks from an address before, so nobody may plan one.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace

from macvland.condition import Condition
from macvland.condition.lan import ADDRESS_ASKED, ADDRESS_POSTPONED, TAKEN
from macvland.model import (
    About,
    Address,
    Dad,
    Finding,
    Link,
    Prefix,
    Question,
    Route,
    Shim,
    ShimAddress,
)
from macvland.wanted.facts import Facts, containing
from macvland.wanted.lan import devices


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The addresses that a shim is to have, and the subnets in which it cannot speak from its own yet."""

    addresses: frozenset[ShimAddress]
    unsure: frozenset[Prefix]
    routes: Mapping[Address, Route]  # that are there, by destination
    probed: bool  # whether we ask the LAN, not the kernel alone
    missing: Mapping[Address, Finding | None]  # that the LAN has been asked for, or has to be, and what it said

    @property
    def taken(self) -> frozenset[Prefix]:
        """The subnets in which somebody else has the address, as the LAN said."""
        taken = [address for address, finding in self.missing.items() if finding]
        return frozenset(cidr for cidr in self.unsure if any(address in cidr for address in taken))


def standing_of(shim: Shim, own: Mapping[Prefix, Address], facts: Facts, *, probe: bool) -> Standing:
    """Return how the addresses *own* of *shim* stand, by what is seen; with *probe*, those of IPv4 are asked for."""
    # A shim that moves to another parent is made anew, and has nothing.
    stays = any((it.name, it.parent) == (shim.name, shim.parent) for it in facts.shims[shim.network])
    seen = {it.address: it for it in facts.addresses[shim.name] if it.prefix_length is None} if stays else {}
    probed = probe and facts.seen.heard is not None
    claimed = [one for one in own.values() if probed and one.version == 4 and one not in seen]
    found: dict[Address, Finding | None] = {one: facts.finding(_asking(shim.parent, one)) for one in claimed}
    missing = {one: finding for one, finding in found.items() if finding is None or finding.devices}
    unsure = frozenset(
        cidr for cidr, one in own.items() if one in missing or (cidr.version == 6 and not _certain(seen.get(one)))
    )
    asked = (
        ShimAddress(shim=shim.name, address=one, network=shim.network) for one in own.values() if one not in missing
    )
    again = {it for it in facts.recheck if it.dad is Dad.FAILED}
    kept = (it for one, it in seen.items() if containing(one, unsure) and it not in again)
    # What the LAN is asked, or has denied, stays as it is: to ask for it anew would be another question.
    addresses = {it.address: it for it in asked} | {it.address: replace(it, network=shim.network) for it in kept}
    routes = {route.destination: route for route in facts.routes[shim.name]} if stays and unsure else {}
    return Standing(
        addresses=frozenset(addresses.values()), unsure=unsure, routes=routes, probed=probed, missing=missing
    )


def _asking(parent: str, address: Address) -> Question:
    return Question(parent=parent, address=address, about=About.SHIM)


def _certain(address: ShimAddress | None) -> bool:
    return address is not None and address.dad is Dad.DONE


def doubts(network: str, own: Container[Address], standing: Standing, link: Link, facts: Facts) -> Iterator[Condition]:
    """Yield what is to be said of the addresses *own* that are not certain; without a carrier nobody can be asked."""
    live = link.up and link.carrier
    for address, finding in standing.missing.items():
        if finding:
            yield _taken(network, address, finding)
        else:
            yield _asked(network, address) if live else _postponed(network, address, link)
    for it in standing.addresses:
        if it.address not in own:
            continue
        finding = facts.finding(_asking(link.name, it.address))
        if it.dad is Dad.TENTATIVE and live:
            # Asked for again, later and later, is not news: what was in the way counts until the answer.
            denied = it in facts.recheck
            yield _taken(network, it.address, finding) if denied else _asked(network, it.address)
        if it.dad is Dad.FAILED:
            # The kernel does not tell who it was: half a second later the LAN has.
            unknown = finding is None and standing.probed and live
            yield _asked(network, it.address) if unknown else _taken(network, it.address, finding)


def _asked(network: str, address: Address) -> Condition:
    return ADDRESS_ASKED(network, address=address)


def _postponed(network: str, address: Address, link: Link) -> Condition:
    return ADDRESS_POSTPONED(network, address=address, parent=link.name)


def _taken(network: str, address: Address, finding: Finding | None) -> Condition:
    return TAKEN(network, address=address, devices=devices(finding.devices if finding else ()))
