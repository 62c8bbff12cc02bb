"""Entries of a shim: its addresses, routes and neighbours."""

from collections.abc import Iterator
from dataclasses import replace

from macvland.action import Add, Change, Delete
from macvland.kernel import codec
from macvland.kernel.codec import Message, attribute
from macvland.kernel.requests.part import IP_VERSION, METRICS, PROTOCOL, mac, number
from macvland.model import Neighbour, Route, ShimAddress

_CREATE = codec.NLM_F_CREATE | codec.NLM_F_EXCL
_REPLACE = codec.NLM_F_CREATE | codec.NLM_F_REPLACE
_STAND_IN = METRICS[6] - 1


def entries(action: Add | Change | Delete, index: int) -> Iterator[Message]:
    """Add an address, a route or a neighbour to a shim, or change or delete one.

    A route never replaces another, which might be another program's, and the protocol number in a deletion spares
    all but ours. A permanent neighbour takes the place of what the kernel learned.
    """
    match action:
        case Add(ShimAddress() as thing):
            yield Message(codec.RTM_NEWADDR, _CREATE, _address(thing, index))
        case Delete(ShimAddress() as thing):
            yield Message(codec.RTM_DELADDR, 0, _address(thing, index))
        case Change(ShimAddress() as thing, ShimAddress() as seen):
            yield from entries(Delete(seen), index)
            yield from entries(Add(thing), index)
        case Add(Route() as thing):
            yield Message(codec.RTM_NEWROUTE, _CREATE, _route(thing, index))
        case Delete(Route() as thing):
            yield _delete(thing, index)
        case Change(Route() as thing, Route() as seen):
            yield from _turn(thing, seen, index)
        case Add(Neighbour() as thing):
            yield Message(codec.RTM_NEWNEIGH, _REPLACE, _neighbour(thing, index) + _hardware(thing))
        case Delete(Neighbour() as thing):
            yield Message(codec.RTM_DELNEIGH, 0, _neighbour(thing, index))
        case _:
            raise TypeError(f"{action} is about no entry of a shim")


def _turn(route: Route, seen: Route, index: int) -> Iterator[Message]:
    """Give *seen* the source of *route* while there is always a way: the new one comes before the old one goes."""
    if route.destination.version == 6:
        # IPv6 has one route of a metric to a destination over a link: another one, preferred, stands in meanwhile.
        stand_in = replace(route, metric=_STAND_IN)
        yield _beside(stand_in, index)
        yield _delete(seen, index)
        yield _beside(route, index)
        yield _delete(stand_in, index)
    elif seen.source:
        yield _beside(route, index)
        yield _delete(seen, index)
    else:
        # To delete a route from no source is to delete the first one, whatever its source.
        yield _delete(seen, index)
        yield _beside(route, index)


def _beside(route: Route, index: int) -> Message:
    """Add *route* where there may be others to its destination."""
    return Message(codec.RTM_NEWROUTE, codec.NLM_F_CREATE, _route(route, index))


def _delete(route: Route, index: int) -> Message:
    return Message(codec.RTM_DELROUTE, 0, _route(route, index))


def _address(thing: ShimAddress, index: int) -> bytes:
    address = thing.address
    length = address.max_prefixlen if thing.prefix_length is None else thing.prefix_length
    head = codec.IFADDR.pack(IP_VERSION[address.version], length, 0, codec.RT_SCOPE_UNIVERSE, index)
    return head + attribute(codec.IFA_LOCAL, address.packed) + attribute(codec.IFA_ADDRESS, address.packed)


def _route(thing: Route, index: int) -> bytes:
    destination = thing.destination
    family, length = IP_VERSION[destination.version], destination.max_prefixlen
    # The kernel keeps scopes for IPv4 only and takes any with IPv6.
    where = (codec.RT_TABLE_MAIN, PROTOCOL, codec.RT_SCOPE_LINK, codec.RTN_UNICAST)
    head = codec.RTMSG.pack(family, length, 0, 0, *where, 0)
    # A deletion without a metric would take the first route, whatever its metric.
    metric = number(codec.RTA_PRIORITY, thing.metric or METRICS[destination.version])
    body = head + attribute(codec.RTA_DST, destination.packed) + number(codec.RTA_OIF, index) + metric
    return body + attribute(codec.RTA_PREFSRC, thing.source.packed) if thing.source else body


def _neighbour(thing: Neighbour, index: int) -> bytes:
    head = codec.NDMSG.pack(IP_VERSION[thing.address.version], index, codec.NUD_PERMANENT, 0, 0)
    return head + attribute(codec.NDA_DST, thing.address.packed)


def _hardware(thing: Neighbour) -> bytes:
    return attribute(codec.NDA_LLADDR, mac(thing.mac)) + attribute(codec.NDA_PROTOCOL, bytes((PROTOCOL,)))
