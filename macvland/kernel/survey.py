"""What people ask of the kernel and the daemon never does: others' routes and the whole neighbour table. Only reads."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TypeVar

from macvland.error import ApplyError, InterruptedDumpError
from macvland.kernel import codec, requests
from macvland.kernel.channel import Channel, open_channel
from macvland.kernel.facts import AF_INET, AF_INET6, RouteFacts, neighbour_facts, route_facts
from macvland.model import Address, Prefix

LOOKS = 5  # in a row before a host that never stands still is an error
NUD_KNOWN = 0x02 | 0x04 | 0x08 | 0x10 | codec.NUD_PERMANENT  # reachable, stale, delay, probe: there is a MAC

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A route of the main table straight over one link, whoever made it."""

    link: str
    destination: Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An address whose MAC the kernel knows on one link; *permanent* where somebody told it to."""

    link: str
    address: Address
    mac: str
    permanent: bool = False


def ways(names: Mapping[int, str]) -> tuple[Way, ...]:
    """Return the routes straight over the links of *names*, by index; ApplyError where the kernel does not answer."""
    return _steady(lambda channel: tuple(_ways(channel, names)))


def known(names: Mapping[int, str]) -> tuple[Known, ...]:
    """Return the neighbours on the links of *names* that have a MAC; ApplyError where the kernel does not answer."""
    return _steady(lambda channel: tuple(_known(channel, names)))


def _ways(channel: Channel, names: Mapping[int, str]) -> Iterator[Way]:
    for family in (AF_INET, AF_INET6):
        # Protocol 0 filters nothing. A kernel without IPv6 answers for the families it has.
        for body in channel.dump(requests.routes(family, 0)):
            route = route_facts(body)
            if body[0] == family and route.ifindex in names and _is_plain(route) and route.destination:
                yield Way(link=names[route.ifindex], destination=_prefix(route.destination, route.length))


def _is_plain(route: RouteFacts) -> bool:
    return route.table == codec.RT_TABLE_MAIN and route.kind == codec.RTN_UNICAST and route.direct


def _prefix(address: Address, length: int) -> Prefix:
    if address.version == 4:
        return IPv4Network((address, length))
    return IPv6Network((address, length))


def _known(channel: Channel, names: Mapping[int, str]) -> Iterator[Known]:
    for entry in map(neighbour_facts, channel.dump(requests.neighbours())):
        if entry.ifindex in names and entry.state & NUD_KNOWN and entry.mac.strip("0:"):
            permanent = bool(entry.state & codec.NUD_PERMANENT)
            yield Known(link=names[entry.ifindex], address=entry.address, mac=entry.mac, permanent=permanent)


def _steady(read: Callable[[Channel], T]) -> T:
    for last in (*[False] * (LOOKS - 1), True):
        try:
            with open_channel() as channel:
                return read(channel)
        except InterruptedDumpError:
            if last:
                raise
        except OSError as problem:
            raise ApplyError(f"the kernel's tables cannot be read: {problem}") from problem
    raise AssertionError  # the last look returns or raises
