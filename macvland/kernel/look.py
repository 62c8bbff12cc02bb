"""The kernel's part of the host as seen: a few dumps, joined. Decides nothing, and reads no more than is compared.

Ours is a macvlan or VLAN link in our group or with an index of ours, whatever its name or alias; on a shim every
address, and those routes and neighbours that carry our protocol number. Everything else is a fact about the host that
nobody here may change.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import TypeVar

from macvland.kernel import codec, proxy, requests
from macvland.kernel.channel import Channel, Refusal
from macvland.kernel.facts import (
    AF_INET,
    AF_INET6,
    SEEN,
    AddressFacts,
    LinkFacts,
    RouteFacts,
    accepted_mac,
    address_facts,
    link_facts,
    neighbour_facts,
    route_facts,
)
from macvland.kernel.sight import INDEXES, MARK, VLAN_INDEXES, Decoded, Sight, mark
from macvland.kernel.sysfs import is_wireless
from macvland.model import (
    Address,
    Dad,
    Host,
    Interface,
    Link,
    Mode,
    Neighbour,
    Promiscuity,
    Proxy,
    Route,
    Shim,
    ShimAddress,
    Vlan,
)

MODES = {number: mode for mode, number in requests.MODES.items()}
PASSTHRU = requests.MODES[Mode.PASSTHRU]
WIDEST_SCOPE = 200  # RT_SCOPE_SITE; beyond lie link and host, which are no addresses for others


T = TypeVar("T")


def look(channel: Channel, host: Host, before: Sight) -> tuple[Host, Sight]:
    """Return *host* with the kernel's part filled in, and what applying and the next look need besides.

    Raises InterruptedDumpError when something changed meanwhile.
    """
    link_bodies = _decode(channel.dump(requests.links()), link_facts, before.link_facts)
    address_bodies = _decode(_address_bodies(channel), address_facts, before.address_facts)
    route_bodies = _decode(_route_bodies(channel), route_facts, before.route_facts)
    links, addresses = link_bodies.values(), _by_index(address_bodies.values())
    names = {link.ifindex: link.name for link in links}
    shims = {link.ifindex: link.name for link in links if link.kind == "macvlan" and _ours(link, INDEXES)}
    others = [link for link in links if link.ifindex not in shims]
    down = (link for link in links if link.ifindex in shims and link.parent_namespace is None and not link.up)
    accepts = _accepted(channel, {link.parent for link in down})
    seen = replace(
        host,
        links=frozenset(_link(link, names, addresses, accepts) for link in others),
        default_link=_default_link(channel, others),
        vlans=frozenset(_vlan(link, names) for link in others if link.vlan and _ours(link, VLAN_INDEXES)),
        shims=frozenset(_shim(link, names) for link in links if link.ifindex in shims),
        addresses=frozenset(_shim_addresses(addresses, shims)),
        routes=frozenset(_routes(route_bodies.values(), shims)),
        neighbours=frozenset(_neighbours(channel, shims)),
        proxies=frozenset(_proxies(channel, shims)),
        promiscuous=frozenset(
            Promiscuity(parent=link.name, on=link.promiscuous) for link in others if mark(link.ifindex) in link.altnames
        ),
    )
    leaving = frozenset(link.ifindex for link in links if link.group == requests.LEAVING)
    return seen, Sight(_indexes(links), seen.links, leaving, link_bodies, address_bodies, route_bodies)


def _decode(bodies: Iterable[bytes], decode: Callable[[bytes], T], known: Decoded[T]) -> Decoded[T]:
    return {body: known.get(body) or decode(body) for body in bodies}


def _ours(link: LinkFacts, indexes: Container[int]) -> bool:
    return link.group in (requests.GROUP, requests.LEAVING) or link.ifindex in indexes


def _network(link: LinkFacts) -> str:
    return link.alias.removeprefix(requests.ALIAS) or link.name


def _parent(link: LinkFacts, names: Mapping[int, str]) -> str:
    elsewhere = f"if{link.parent}@other"  # no link is called so: the name is too long or has no such link here
    return elsewhere if link.parent_namespace is not None else names.get(link.parent, elsewhere)


def _vlan(link: LinkFacts, names: Mapping[int, str]) -> Vlan:
    return Vlan(
        name=link.name,
        parent=_parent(link, names),
        id=link.vlan,
        mtu=link.mtu,
        up=link.up,
        marked=link.group == requests.GROUP,
        network=_network(link),
    )


def _shim(link: LinkFacts, names: Mapping[int, str]) -> Shim:
    settings = link.settings
    return Shim(
        name=link.name,
        network=_network(link),
        parent=_parent(link, names),
        mac=link.mac,
        mtu=link.mtu,
        # "source" is no mode of ours, nor is private: both get repaired.
        mode=MODES.get(link.macvlan.mode, Mode.PRIVATE),
        bcqueuelen=link.macvlan.bcqueuelen,
        up=link.up,
        arp_filter=settings.arp_filter,
        accept_ra=settings.accept_ra,
        autoconf=settings.autoconf,
        marked=link.group == requests.GROUP,
        proxy_ndp=settings.proxy_ndp,
        link_local=settings.link_local,
    )


def _accepted(channel: Channel, parents: Iterable[int]) -> Mapping[int, frozenset[str]]:
    """Return, of *parents*, the MACs that their children have: for a shim that is down, perhaps because of one."""
    return {index: frozenset(map(accepted_mac, channel.dump(requests.accepted(index)))) for index in parents}


def _link(
    link: LinkFacts,
    names: Mapping[int, str],
    addresses: Mapping[int, Iterable[AddressFacts]],
    accepts: Mapping[int, frozenset[str]],
) -> Link:
    altnames = link.altnames
    lasting = [it for it in addresses.get(link.ifindex, ()) if _lasting(it)]
    return Link(
        name=link.name,
        index=link.ifindex,
        kind=link.kind,
        mac=link.mac,
        permanent_mac=link.permanent_mac,
        mtu=link.mtu,
        up=link.up,
        carrier=link.carrier,
        ethernet=link.ethernet,
        point_to_point=bool(link.flags & codec.IFF_POINTOPOINT),
        # A driver's own link has no kind: all others need not be asked.
        wireless=not link.kind and is_wireless(link.name),
        vlan=link.vlan or None,
        passthru=link.macvlan.mode == PASSTHRU,
        promiscuous=link.promiscuous and mark(link.ifindex) not in altnames,
        # What is below a veth is its peer, which carries nothing of it.
        below=None if link.kind == "veth" or link.parent_namespace is not None else names.get(link.parent),
        master=names.get(link.master),
        accepts=accepts.get(link.ifindex, frozenset()),
        altnames=frozenset(name for name in altnames if not name.startswith(MARK)),
        addresses=frozenset(_interface(it.address, it.prefix_length) for it in lasting),
        tentative=frozenset(it.address for it in lasting if _dad(it) is Dad.TENTATIVE),
    )


def _shim_addresses(addresses: Mapping[int, list[AddressFacts]], shims: Mapping[int, str]) -> Iterator[ShimAddress]:
    for index in addresses.keys() & shims.keys():
        for it in addresses[index]:
            # A link-local address of IPv6 is none of ours either, and the kernel makes it whether anybody asks or not.
            if it.scope <= WIDEST_SCOPE or it.address.version == 6:
                whole = it.prefix_length == it.address.max_prefixlen
                length = None if whole else it.prefix_length
                yield ShimAddress(shim=shims[index], address=it.address, prefix_length=length, dad=_dad(it))


def _lasting(it: AddressFacts) -> bool:
    """Whether others may know the host by it: not an IPv6 one that another device has, or that changes with the day."""
    passing = it.address.version == 6 and it.flags & (codec.IFA_F_TEMPORARY | codec.IFA_F_DADFAILED)
    return it.scope <= WIDEST_SCOPE and not passing


def _dad(it: AddressFacts) -> Dad:
    if it.address.version == 4:
        return Dad.DONE
    if it.flags & codec.IFA_F_DADFAILED:
        return Dad.FAILED
    # An optimistic one (RFC 4429) can be spoken from while the LAN is asked.
    tentative = it.flags & (codec.IFA_F_TENTATIVE | codec.IFA_F_OPTIMISTIC) == codec.IFA_F_TENTATIVE
    return Dad.TENTATIVE if tentative else Dad.DONE


def _address_bodies(channel: Channel) -> Iterator[bytes]:
    # All families answer, Phonet and MCTP as well, whose addresses are single octets.
    yield from (body for body in channel.dump(requests.addresses()) if body[0] in (AF_INET, AF_INET6))


def _route_bodies(channel: Channel) -> Iterator[bytes]:
    for family in (AF_INET, AF_INET6):
        # A kernel without IPv6 answers for the families it has: each route is taken from its own dump only.
        yield from (body for body in channel.dump(requests.routes(family)) if body[0] == family)


def _routes(routes: Iterable[RouteFacts], shims: Mapping[int, str]) -> Iterator[Route]:
    for it in routes:
        if it.ifindex in shims and it.destination and _host_route(it):
            usual = it.priority == requests.METRICS[it.destination.version]
            metric = 0 if usual else it.priority
            yield Route(shim=shims[it.ifindex], destination=it.destination, source=it.source, metric=metric)


def _host_route(route: RouteFacts) -> bool:
    """Whether we could have made it. One that somebody bent is none of ours: the true one is then seen as missing."""
    return (
        route.protocol == requests.PROTOCOL
        and route.table == codec.RT_TABLE_MAIN
        and route.kind == codec.RTN_UNICAST
        and route.direct
        and route.destination is not None
        and route.length == route.destination.max_prefixlen
    )


def _neighbours(channel: Channel, shims: Mapping[int, str]) -> Iterator[Neighbour]:
    for it in map(neighbour_facts, channel.dump(requests.neighbours())):
        ours = it.protocol == requests.PROTOCOL and it.ifindex in shims
        if ours and it.state & codec.NUD_PERMANENT:
            yield Neighbour(shim=shims[it.ifindex], address=it.address, mac=it.mac)


def _proxies(channel: Channel, shims: Mapping[int, str]) -> Iterator[Proxy]:
    entries = [neighbour_facts(body) for body in channel.dump(proxy.entries())]
    ours = [it for it in entries if it.protocol == requests.PROTOCOL and it.ifindex in shims]
    classifiers = channel.ask_each([proxy.question(it.address, it.ifindex) for it in ours])
    for it, answer in zip(ours, classifiers, strict=True):
        macs = None if isinstance(answer, Refusal) else proxy.heard(answer, it.address)
        yield Proxy(shim=shims[it.ifindex], address=it.address, macs=macs)


def _default_link(channel: Channel, links: Sequence[LinkFacts]) -> str | None:
    for family in (AF_INET, AF_INET6):
        route = _way_out(channel, family)
        if route and (route.length or not any(link.ifindex == route.ifindex and link.ethernet for link in links)):
            # A VPN has put itself before the link that it goes over itself: the LAN is there all the same.
            ways = (_way_out(channel, family, link.ifindex) for link in links if link.ethernet)
            route = min((way for way in ways if way and not way.length), key=lambda way: way.priority, default=None)
        if route and not route.length:
            return next((link.name for link in links if link.ifindex == route.ifindex), None)
    return None


def _way_out(channel: Channel, family: int, index: int = 0) -> RouteFacts | None:
    answer = channel.ask(requests.way_out(family, index))
    route = None if isinstance(answer, Refusal) else route_facts(answer)
    return route if route and route.kind == codec.RTN_UNICAST else None


def _indexes(links: Iterable[LinkFacts]) -> Mapping[str, int]:
    found: dict[str, int] = {}
    for link in links:
        found |= dict.fromkeys(link.altnames, link.ifindex)
        found[link.name] = link.ifindex
    return found


def _by_index(addresses: Iterable[AddressFacts]) -> Mapping[int, list[AddressFacts]]:
    found: dict[int, list[AddressFacts]] = {}
    for address in addresses:
        found.setdefault(address.ifindex, []).append(address)
    return found


@SEEN.keeps
def _interface(address: Address, length: int) -> Interface:
    if address.version == 4:
        return IPv4Interface((address, length))
    return IPv6Interface((address, length))
