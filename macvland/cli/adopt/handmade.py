"""Shims that people make by hand: macvlan links beside a network, over which the host reaches containers. Pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from macvland.cli.adopt.toml import comment, shim_table
from macvland.kernel.survey import Way
from macvland.model import Address, Host, Interface, Link, Mode, Network, Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Handmade:
    """A link that somebody made as a shim of one network; it stays as it is."""

    name: str
    mac: str
    addresses: tuple[Interface, ...]  # in the network's subnets
    routes: tuple[Prefix, ...]  # into them


def handmade(network: Network, seen: Host, ways: Iterable[Way]) -> tuple[Handmade, ...]:
    """Return the hand-made shims of *network*, by name: links on its parent with an address or a route of its own."""
    parent = next((link.name for link in seen.links if network.parent in {link.name, *link.altnames}), None)
    cidrs = [subnet.cidr for subnet in network.subnets]
    found = (_of(link, cidrs, ways) for link in seen.links if parent and _could_be(link, parent))
    return tuple(sorted((one for one in found if one.addresses or one.routes), key=lambda one: one.name))


def candidates(seen: Host) -> dict[int, str]:
    """Return the links whose routes are to be asked for, by index."""
    return {link.index: link.name for link in seen.links if link.kind == "macvlan"}


def _could_be(link: Link, parent: str) -> bool:
    return link.kind == "macvlan" and link.below == parent and not link.passthru


def _of(link: Link, cidrs: list[Prefix], ways: Iterable[Way]) -> Handmade:
    addresses = [it for it in link.addresses if any(it.ip in cidr for cidr in cidrs)]
    routes = {way.destination for way in ways if way.link == link.name and any(_within(way, it) for it in cidrs)}
    return Handmade(
        name=link.name,
        mac=link.mac,
        addresses=tuple(sorted(addresses, key=lambda it: (it.version, int(it.ip)))),
        routes=tuple(sorted(routes, key=lambda it: (it.version, int(it.network_address), it.prefixlen))),
    )


def _within(way: Way, cidr: Prefix) -> bool:
    to = way.destination
    return to.network_address in cidr and to.broadcast_address in cidr


def shim_of(network: Network, shims: Iterable[Handmade]) -> tuple[list[str], list[str]]:
    """Return the [shim] table that stands for *shims*, and what of them no file can say."""
    shims = list(shims)
    if not shims:
        return [], []
    if network.mode is not Mode.BRIDGE:
        why = f"its mode is {network.mode}, and a [shim] needs bridge"
        return [], [f"the hand-made shim{'s' * (len(shims) > 1)} {_names(shims)}: {why}"]
    chosen: dict[Prefix, Address] = {}
    notes: list[str] = []
    for shim in shims:
        notes += _notes(shim, network, chosen)
    return shim_table(list(chosen.values())), notes


def _notes(shim: Handmade, network: Network, chosen: dict[Prefix, Address]) -> Iterator[str]:
    """Yield what of *shim* a file cannot say; its addresses are put into *chosen*, the first in each subnet."""
    gateways = {subnet.gateway for subnet in network.subnets}
    reserved = frozenset[Address]().union(*(subnet.reserved for subnet in network.subnets))
    who = f"hand-made shim '{shim.name}'"
    for it in shim.addresses:
        cidr = next(subnet.cidr for subnet in network.subnets if it.ip in subnet.cidr)
        if it.ip in gateways:
            yield f"{who}: its address {it.ip}, which is the gateway"
        elif it.ip in reserved:
            yield f"{who}: its address {it.ip}, which Docker reserves; the parent's own serves as well"
        elif cidr in chosen and chosen[cidr] != it.ip:
            yield f"{who}: its address {it.ip}: a [shim] has at most one in each subnet, and {chosen[cidr]} is first"
        else:
            chosen[cidr] = it.ip
        if it.network.prefixlen != it.max_prefixlen:
            yield f"{who}: the /{it.network.prefixlen} of {it.ip}: macvland's shim has it without a subnet's route"
    yield f"{who}: its MAC {shim.mac}: macvland derives one for its own from the machine's id"
    wide = [str(route) for route in shim.routes if route.prefixlen != route.max_prefixlen]
    if wide:
        yield f"{who}: its route{'s' * (len(wide) > 1)} to {', '.join(wide)}: macvland routes to each container apart"


def _names(shims: list[Handmade]) -> str:
    return ", ".join(f"'{shim.name}'" for shim in shims)


def commented(table: list[str], shims: Iterable[Handmade]) -> list[str]:
    """Return *table* as comments that say how to let it count.

    Two links with one address would be two MACs for it on the LAN, so macvland's shim waits until somebody wants it.
    Without `arp off` the containers would talk to the MAC of the deleted link for some seconds more.
    """
    shims = list(shims)
    steps = [f"  ip link set {it.name} arp off; sleep 60; ip link delete {it.name}" for it in shims]
    why = [
        comment(
            f"{_names(shims)} stays as it is, and serves. For a shim of macvland's own, which follows the containers,"
        ),
        "# take the '#' off the lines below, and then, without a lost packet:",
        *map(comment, steps),
    ]
    return [*why, "#", *(f"# {line}" for line in table)]
