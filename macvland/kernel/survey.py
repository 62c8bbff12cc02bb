"""What people ask of the kernel and the daemon never does: others' routes and the whole neighbour table. Only reads."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TypeVar

from macvland.error import ApplyError, InterruptedDumpError
from macvland.kernel import codec, requests
from macvland.kernel.channel import Channel, Refusal, open_channel
from macvland.kernel.facts import AF_INET, AF_INET6, RouteFacts, link_facts, neighbour_facts, route_facts
from macvland.model import Address, Prefix

LOOKS = 5  # in a row before a host that never stands still is an error
NUD_STALE = 0x04
NUD_KNOWN = 0x02 | NUD_STALE | 0x08 | 0x10 | codec.NUD_PERMANENT  # reachable, stale, delay, probe: there is a MAC
CONF = Path("/proc/sys/net/ipv4/conf")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A route of the main table straight over one link, whoever made it."""

    link: str
    destination: Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """A default route of the main table."""

    link: str
    version: int  # of IP
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A macvlan link of this host, whoever made it."""

    name: str
    mode: str  # as ip-link(8) says it


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """An address whose MAC the kernel knows on one link."""

    link: str
    address: Address
    mac: str
    fresh: bool = True  # somebody answered lately, or an administrator said so; else it may have another one by now


@dataclass(frozen=True, slots=True, kw_only=True)
class ArpSettings:
    """How a link answers ARP, the settings for all links included (ip-sysctl of the kernel)."""

    filter: bool  # only where the way back to the asker leaves by this link
    ignore: int  # 0: for every address of the host, 1 and 2: for those of this link, 8: for none


@dataclass(frozen=True, slots=True, kw_only=True)
class Filtering:
    """What else of a link's IPv4 settings makes packets vanish, those for all links included."""

    link: str
    rp_filter: int  # 0: off, 1: strict, 2: loose
    arp_ignore: int
    arp_announce: int  # 0: ask with any address of the host


def filtering(link: str) -> Filtering:
    """Return how *link* filters and asks; as the kernel does by default where it has gone meanwhile."""
    found = {name: _setting(link, name) for name in ("rp_filter", "arp_ignore", "arp_announce")}
    return Filtering(link=link, **found)


def ways_out(names: Mapping[int, str]) -> tuple[WayOut, ...]:
    """Return the default routes over the links of *names*, by index."""
    return _steady(lambda channel: tuple(_ways_out(channel, names)))


def children() -> tuple[Child, ...]:
    """Return the macvlan links of this host with the modes that the kernel has for them."""
    return _steady(lambda channel: tuple(_children(channel)))


def ways(names: Mapping[int, str]) -> tuple[Way, ...]:
    """Return the routes straight over the links of *names*, by index; ApplyError where the kernel does not answer."""
    return _steady(lambda channel: tuple(_ways(channel, names)))


def known(names: Mapping[int, str]) -> tuple[Known, ...]:
    """Return the neighbours on the links of *names* that have a MAC; ApplyError where the kernel does not answer."""
    return _steady(lambda channel: tuple(_known(channel, names)))


def way_to(address: Address) -> int:
    """Return the index of the link over which a packet to *address* leaves; 0 where there is no way."""
    answer = _steady(lambda channel: channel.ask(requests.way_to(address)))
    return 0 if isinstance(answer, Refusal) else route_facts(answer).ifindex


def arp_settings(link: str) -> ArpSettings:
    """Return how *link* answers ARP; as the kernel does by default where it has gone meanwhile."""
    return ArpSettings(filter=bool(_setting(link, "arp_filter")), ignore=_setting(link, "arp_ignore"))


def _setting(link: str, name: str) -> int:
    """Return the larger of the values for *link* and for all: so the kernel reads both (include/linux/inetdevice.h)."""
    found = [0]
    for each in ("all", link):
        with suppress(OSError, ValueError):
            found.append(int((CONF / each / name).read_text()))
    return max(found)


def _ways(channel: Channel, names: Mapping[int, str]) -> Iterator[Way]:
    for family in (AF_INET, AF_INET6):
        # Protocol 0 filters nothing. A kernel without IPv6 answers for the families it has.
        for body in channel.dump(requests.routes(family, 0)):
            route = route_facts(body)
            if body[0] == family and route.ifindex in names and _is_plain(route) and route.destination:
                yield Way(link=names[route.ifindex], destination=_prefix(route.destination, route.length))


def _ways_out(channel: Channel, names: Mapping[int, str]) -> Iterator[WayOut]:
    for family, version in ((AF_INET, 4), (AF_INET6, 6)):
        for body in channel.dump(requests.routes(family, 0)):
            route = route_facts(body)
            whole = body[0] == family and not route.length and route.table == codec.RT_TABLE_MAIN
            if whole and route.kind == codec.RTN_UNICAST and route.ifindex in names:
                yield WayOut(link=names[route.ifindex], version=version, priority=route.priority)


def _children(channel: Channel) -> Iterator[Child]:
    modes = {number: str(mode) for mode, number in requests.MODES.items()}
    for link in map(link_facts, channel.dump(requests.links())):
        if link.kind == "macvlan":
            yield Child(name=link.name, mode=modes.get(link.macvlan.mode, "source"))


def _is_plain(route: RouteFacts) -> bool:
    return route.table == codec.RT_TABLE_MAIN and route.kind == codec.RTN_UNICAST and route.direct


def _prefix(address: Address, length: int) -> Prefix:
    if address.version == 4:
        return IPv4Network((address, length))
    return IPv6Network((address, length))


def _known(channel: Channel, names: Mapping[int, str]) -> Iterator[Known]:
    for entry in map(neighbour_facts, channel.dump(requests.neighbours())):
        if entry.ifindex in names and entry.state & NUD_KNOWN and entry.mac.strip("0:"):
            fresh = not entry.state & NUD_STALE
            yield Known(link=names[entry.ifindex], address=entry.address, mac=entry.mac, fresh=fresh)


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
