"""The difference between the host as wanted and as seen, as actions in safe order: a pure function, the heart.

Refuses to decide what is wanted: whatever must stay although nobody asks for it, `wanted` has put into *wanted*.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from macvland.action import Action, Add, Change, Delete, Disconnect, Finish, Prove, Reconnect, Replace
from macvland.condition import Condition
from macvland.model import Address, Attachment, Host, Neighbour, Network, Proxy, Route, ShimAddress

PartOfShim = TypeVar("PartOfShim", ShimAddress, Route, Neighbour, Proxy)


def plan(wanted: Host, seen: Host) -> tuple[Action, ...]:
    """Return the actions that turn *seen* into *wanted*, in safe order; () means converged."""
    shims = {shim.name: shim for shim in seen.shims}
    asked = {shim.name: shim for shim in wanted.shims}
    # A shim cannot change its parent: it is made anew. The kernel drops a link's addresses, routes, neighbours with it.
    gone = {name for name, shim in shims.items() if name not in asked or asked[name].parent != shim.parent}
    vlans = {vlan.name: vlan for vlan in seen.vlans}
    tagged = {vlan.name: vlan for vlan in wanted.vlans}
    addresses = {address for address in seen.addresses if address.shim not in gone}
    # IPv6 has an address once on a link, whatever its prefix length: one that is not as wanted is set anew.
    there: dict[tuple[str, Address], ShimAddress]
    there = {(it.shim, it.address): it for it in addresses if it.address.version == 6}
    anew = {it: was for it in wanted.addresses - addresses if (was := there.get((it.shim, it.address)))}
    # With the last IPv4 address of a link go all its IPv4 routes and neighbours, even permanent ones (fib_disable_ip).
    bare = _with_ipv4(addresses) - _with_ipv4(wanted.addresses)
    routes = {it for it in seen.routes if it.shim not in gone and (it.shim, it.destination.version) not in bare}
    neighbours = {it for it in seen.neighbours if it.shim not in gone and (it.shim, it.address.version) not in bare}
    proxies = {it for it in seen.proxies if it.shim not in gone}
    answered = {(proxy.shim, proxy.address) for proxy in wanted.proxies}
    promiscuous = {promiscuity.parent for promiscuity in wanted.promiscuous}
    owners = {shim.name: shim.network for shim in (*seen.shims, *wanted.shims)}
    ours = {network.name: network for network in seen.networks if network.spec}
    new = wanted.networks - seen.networks
    replaced = {network.name for network in new if network.name in ours}
    pinned = {(neighbour.shim, neighbour.address) for neighbour in wanted.neighbours}
    astray = {(it.shim, it.destination): it for it in sorted(routes - wanted.routes, key=str)}
    turned = {it: old for it in wanted.routes - routes if (old := astray.get((it.shim, it.destination)))}
    return (
        *(Delete(it) for it in sorted(seen.promiscuous, key=str) if it.parent not in promiscuous),
        *(Add(it) for it in sorted(wanted.promiscuous - seen.promiscuous, key=str)),
        # Delete a shim before adding one: a replacement reuses its name.
        *(Delete(shims[name]) for name in sorted(gone)),
        # A VLAN link goes after the shims on it, and comes before them, and has its MTU before them.
        *(Delete(vlans[name]) for name in sorted(vlans.keys() - tagged.keys())),
        *(Add(tagged[name]) for name in sorted(tagged.keys() - vlans.keys())),
        *(
            Change(tagged[name], vlans[name])
            for name in sorted(tagged.keys() & vlans.keys())
            if tagged[name] != vlans[name]
        ),
        *(Add(asked[name]) for name in sorted(asked.keys() - shims.keys() | gone & asked.keys())),
        *(
            Change(asked[name], shims[name])
            for name in sorted(asked.keys() & shims.keys() - gone)
            if asked[name] != shims[name]
        ),
        # Add an address before deleting one: the kernel drops routes with the address they speak from.
        *(Change(it, anew[it]) for it in sorted(anew, key=str)),
        *(Add(it) for it in sorted(wanted.addresses - addresses - anew.keys(), key=str)),
        # Turn a route to its new source before the old one is deleted, which would take it along.
        *(Change(it, turned[it]) for it in sorted(turned, key=str)),
        *(Delete(_named(it, owners)) for it in sorted(routes - wanted.routes - {*turned.values()}, key=str)),
        # Delete an address before adding routes and neighbours: the last one takes them with it.
        *(Delete(_named(it, owners)) for it in sorted(addresses - wanted.addresses - {*anew.values()}, key=str)),
        # Pin the neighbour before its route: a packet in between would send an ARP request from the shim.
        *(Add(it) for it in sorted(wanted.neighbours - neighbours, key=str)),
        *(Add(it) for it in sorted(wanted.routes - routes - turned.keys(), key=str)),
        # Adding has replaced the MAC where the address stays.
        *(
            Delete(_named(it, owners))
            for it in sorted(neighbours - wanted.neighbours, key=str)
            if (it.shim, it.address) not in pinned
        ),
        # Adding has replaced those for whom the shim answers.
        *(
            Delete(_named(it, owners))
            for it in sorted(proxies - wanted.proxies, key=str)
            if (it.shim, it.address) not in answered
        ),
        *(Add(it) for it in sorted(wanted.proxies - proxies, key=str)),
        # Finish first what was begun: its network may be the one that is missing.
        *(Finish(it) for it in sorted(seen.unfinished, key=str)),
        # Prove before anything is made: what is made on a parent hides what was lost there.
        *(Prove(it) for it in sorted(wanted.proofs - seen.proofs, key=str)),
        # Delete a network before adding one: it frees its pool and, up to Docker 26, its parent.
        *(Delete(it) for it in sorted(seen.networks - wanted.networks, key=str) if it.spec and it.name not in replaced),
        *(Replace(it, ours[it.name], _users(ours[it.name], seen)) for it in sorted(new, key=str) if it.name in ours),
        *(Add(it) for it in sorted(new, key=str) if it.name not in ours),
        *(Reconnect(it) for it in sorted(wanted.attachments - seen.attachments, key=str)),
        *(Disconnect(it, why) for it, why in _expelled(wanted, seen)),
    )


def _expelled(wanted: Host, seen: Host) -> list[tuple[Attachment, Condition]]:
    """Return who is to go and is there, each once, with the reason."""
    ordered = sorted(wanted.expulsions, key=lambda it: it.condition.text, reverse=True)
    reasons = {it.attachment: it.condition for it in ordered}
    return [(it, reasons[it]) for it in sorted(reasons, key=str) if it in seen.attachments]


def _users(network: Network, seen: Host) -> tuple[str, ...]:
    """Return the containers that are attached to *network*, running or not."""
    return tuple(sorted(one.container for one in seen.attachments if one.network_id == network.id))


def _named(part: PartOfShim, owners: Mapping[str, str]) -> PartOfShim:
    """Return *part* with the network it belongs to: what is seen in the kernel knows its shim only."""
    return replace(part, network=owners.get(part.shim, part.network))


def _with_ipv4(addresses: Iterable[ShimAddress]) -> set[tuple[str, int]]:
    """Return the shims that have one of *addresses* of IPv4, each with that version's number."""
    return {(it.shim, 4) for it in addresses if it.address.version == 4}
