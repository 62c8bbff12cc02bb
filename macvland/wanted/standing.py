"""How the shim's own addresses stand: certain, asked of the LAN just now, or another device's.

Refuses to hurry: until an IPv6 address is certain, the shim keeps what it has in that subnet. The kernel takes no route
that speaks from an address before, so nobody may plan one.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, replace

from macvland.model import Address, Dad, Hold, Link, Obstacle, Prefix, Route, Shim, ShimAddress
from macvland.wanted.facts import Facts, containing, obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The addresses that a shim is to have, and the subnets in which it cannot speak from its own yet."""

    addresses: frozenset[ShimAddress]
    unsure: frozenset[Prefix]
    routes: Mapping[Address, Route]  # that are there, by destination


def standing_of(shim: Shim, own: Mapping[Prefix, Address], facts: Facts) -> Standing:
    """Return how the addresses *own* of *shim* stand, by what is seen."""
    # A shim that moves to another parent is made anew, and has nothing.
    stays = any((it.name, it.parent) == (shim.name, shim.parent) for it in facts.shims[shim.network])
    seen = {it.address: it for it in facts.addresses[shim.name] if it.prefix_length is None} if stays else {}
    unsure = frozenset(cidr for cidr, one in own.items() if cidr.version == 6 and not _certain(seen.get(one)))
    asked = (ShimAddress(shim=shim.name, address=one, network=shim.network) for one in own.values())
    kept = (it for one, it in seen.items() if containing(one, unsure) and it not in facts.recheck)
    # What the LAN is asked, or has denied, stays as it is: to ask for it anew would be another question.
    addresses = {it.address: it for it in asked} | {it.address: replace(it, network=shim.network) for it in kept}
    routes = {route.destination: route for route in facts.routes[shim.name]} if stays and unsure else {}
    return Standing(addresses=frozenset(addresses.values()), unsure=unsure, routes=routes)


def _certain(address: ShimAddress | None) -> bool:
    return address is not None and address.dad is Dad.DONE


def doubts(network: str, own: Container[Address], standing: Standing, link: Link) -> Iterator[Obstacle]:
    """Yield what is to be said of the addresses *own* that are not certain; without a carrier nobody can be asked."""
    for it in standing.addresses:
        if it.address not in own:
            continue
        if it.dad is Dad.TENTATIVE and link.up and link.carrier:
            yield from obstacle(network, Hold.CHECK, f"asks the LAN whether {it.address}, its shim's address, is free")
        if it.dad is Dad.FAILED:
            reason = (
                f"another device on the LAN has {it.address}, its shim's address: "
                "change that device, or write another [shim] address"
            )
            yield from obstacle(network, Hold.CONFLICT, reason)
