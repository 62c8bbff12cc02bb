"""What macvland asks of rtnetlink: things of the model to messages. Sends nothing, knows no order."""

from collections.abc import Iterator

from macvland.action import Add, Change, Delete
from macvland.kernel import codec
from macvland.kernel.codec import Message, attribute
from macvland.model import Address, Mode, Neighbour, Route, Shim, ShimAddress, Vlan

GROUP = 0x6D76  # 28022, "mv": the link group that makes a macvlan link ours, from the moment it exists
LEAVING = 0x6D77  # the group into which shims go for the instant before they are deleted together
PROTOCOL = 77  # of our routes and neighbours; free in iproute2's rt_protos, where the packages register it
ALIAS = "macvland: "  # what ifalias begins with
MODES = {Mode.PRIVATE: 1, Mode.VEPA: 2, Mode.BRIDGE: 4, Mode.PASSTHRU: 8}
# By family: 198.51.100.1, TEST-NET-2 (RFC 5737), and one for documentation (RFC 3849). They are on no network, so only
# a default route leads there.
ANYWHERE = {2: b"\xc6\x33\x64\x01", 10: b"\x20\x01\x0d\xb8" + bytes(12)}

_CREATE = codec.NLM_F_CREATE | codec.NLM_F_EXCL
_REPLACE = codec.NLM_F_CREATE | codec.NLM_F_REPLACE
_IP_VERSION = {4: 2, 6: 10}  # AF_INET, AF_INET6
_METRIC = 1024  # of an IPv6 route that is given none (IP6_RT_PRIO_USER)
_STAND_IN = _METRIC - 1
_NEIGHBOUR_TABLES = {4: "arp_cache", 6: "ndisc_cache"}


def links() -> Message:
    """Ask for every link, without its counters."""
    mask = attribute(codec.IFLA_EXT_MASK, codec.U32.pack(codec.RTEXT_FILTER_SKIP_STATS))
    return Message(codec.RTM_GETLINK, 0, codec.IFINFO.pack(0, 0, 0, 0, 0) + mask)


def addresses() -> Message:
    """Ask for every address."""
    return Message(codec.RTM_GETADDR, 0, codec.IFADDR.pack(0, 0, 0, 0, 0))


def routes(family: int, protocol: int = PROTOCOL) -> Message:
    """Ask for the routes of *family* that carry a *protocol* number, ours or another: the kernel filters."""
    return Message(codec.RTM_GETROUTE, 0, codec.RTMSG.pack(family, 0, 0, 0, 0, protocol, 0, 0, 0))


def neighbours() -> Message:
    """Ask for every neighbour: the kernel can filter by one link, but not by protocol."""
    return Message(codec.RTM_GETNEIGH, 0, codec.NDMSG.pack(0, 0, 0, 0, 0))


def accepted(parent: int) -> Message:
    """Ask for the MACs that a link takes in for its children, wherever these are (bridge(8), `fdb show`)."""
    return Message(codec.RTM_GETNEIGH, 0, codec.NDMSG.pack(codec.AF_BRIDGE, parent, 0, 0, 0))


def way_out(family: int, index: int) -> Message:
    """Ask which route of *family* leads to an address that is nowhere, over the link *index* if that is not 0."""
    address = ANYWHERE[family]
    head = codec.RTMSG.pack(family, 8 * len(address), 0, 0, 0, 0, 0, 0, codec.RTM_F_FIB_MATCH)
    body = head + attribute(codec.RTA_DST, address)
    return Message(codec.RTM_GETROUTE, 0, body + _number(codec.RTA_OIF, index) if index else body)


def way_to(address: Address) -> Message:
    """Ask which route a packet to *address* takes now."""
    head = codec.RTMSG.pack(_IP_VERSION[address.version], address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    return Message(codec.RTM_GETROUTE, 0, head + attribute(codec.RTA_DST, address.packed))


def create(shim: Shim, index: int, parent: int) -> Message:
    """Make *shim*, down, with all that the kernel takes at once: what another program sees of it first is complete."""
    body = (
        codec.IFINFO.pack(0, 0, index, 0, 0)
        + _text(codec.IFLA_IFNAME, shim.name)
        + _number(codec.IFLA_LINK, parent)
        + _number(codec.IFLA_GROUP, GROUP)
        + _number(codec.IFLA_MTU, shim.mtu)
        + attribute(codec.IFLA_ADDRESS, _mac(shim.mac))
        + _macvlan(shim)
    )
    return Message(codec.RTM_NEWLINK, _CREATE, body)


def create_vlan(vlan: Vlan, index: int, parent: int) -> Message:
    """Make *vlan*, down, with the MAC of its parent, which it keeps up with."""
    data = attribute(codec.IFLA_INFO_DATA, attribute(codec.IFLA_VLAN_ID, codec.U16.pack(vlan.id)))
    body = (
        codec.IFINFO.pack(0, 0, index, 0, 0)
        + _text(codec.IFLA_IFNAME, vlan.name)
        + _number(codec.IFLA_LINK, parent)
        + _number(codec.IFLA_GROUP, GROUP)
        + _number(codec.IFLA_MTU, vlan.mtu)
        + attribute(codec.IFLA_LINKINFO, attribute(codec.IFLA_INFO_KIND, b"vlan") + data)
    )
    return Message(codec.RTM_NEWLINK, _CREATE, body)


def settle_vlan(vlan: Vlan, index: int, *, ipv6: bool) -> Message:
    """Give a new *vlan* what the create message cannot carry; and the host no address there by itself."""
    families = attribute(codec.IFLA_AF_SPEC, _link_local(on=False)) if ipv6 else b""
    return _set(index, _alias(vlan.network) + families)


def settle(shim: Shim, index: int, *, ipv6: bool) -> Message:
    """Give a new *shim* what the create message cannot carry: the kernel ignores ifalias there."""
    families = _arp_filter(shim.arp_filter)
    if ipv6:
        families += _link_local(on=shim.link_local)
    return _set(index, _alias(shim.network) + attribute(codec.IFLA_AF_SPEC, families))


def hush(index: int, version: int) -> Message:
    """Keep a shim from ever asking by ARP or NDP, which would tell the LAN its MAC for an address of the host.

    With no probe to send, the kernel takes a neighbour that is not there for one that failed (neigh_event_send): so it
    is when somebody flushes the permanent ones while packets are on their way. Questions are answered as before, and
    duplicate address detection goes on asking.
    """
    probes = _number(codec.NDTPA_UCAST_PROBES, 0) + _number(codec.NDTPA_MCAST_PROBES, 0)
    if version == 6:
        # A proxy waits up to 0.8 s, lest it be faster than the owner; of ours the owner is the same host.
        probes += attribute(codec.NDTPA_PROXY_DELAY, codec.U64.pack(0))
    table = _text(codec.NDTA_NAME, _NEIGHBOUR_TABLES[version])
    parameters = attribute(codec.NDTA_PARMS, _number(codec.NDTPA_IFINDEX, index) + probes)
    return Message(codec.RTM_SETNEIGHTBL, 0, codec.NDTMSG.pack(_IP_VERSION[version]) + table + parameters)


def full_name(link: Shim | Vlan) -> str:
    """Return the name that *link* would have if the kernel let it: as its altname, cut at ALTIFNAMSIZ - 1."""
    whole = f"mv-{link.network}" if isinstance(link, Shim) else f"{link.parent}.{link.id}"
    return whole[:127]


def altname(link: Shim | Vlan, index: int) -> Message:
    """Give *link* its full name besides the hashed one."""
    names = _text(codec.IFLA_ALT_IFNAME, full_name(link))
    body = codec.IFINFO.pack(0, 0, index, 0, 0) + attribute(codec.IFLA_PROP_LIST | codec.NLA_F_NESTED, names)
    return Message(codec.RTM_NEWLINKPROP, _CREATE, body)


def adjust(shim: Shim, seen: Shim, index: int) -> Message | None:
    """Bring *seen* to the settings of *shim*, all but up; None where none of them differs."""
    body = b""
    if shim.mac != seen.mac:
        body += attribute(codec.IFLA_ADDRESS, _mac(shim.mac))
    if shim.mtu != seen.mtu:
        body += _number(codec.IFLA_MTU, shim.mtu)
    if shim.network != seen.network:
        body += _alias(shim.network)
    if (shim.mode, shim.bcqueuelen) != (seen.mode, seen.bcqueuelen):
        body += _macvlan(shim)
    families = _arp_filter(shim.arp_filter) if shim.arp_filter != seen.arp_filter else b""
    if shim.link_local != seen.link_local:
        families += _link_local(on=shim.link_local)
    if families:
        body += attribute(codec.IFLA_AF_SPEC, families)
    if shim.marked and not seen.marked:
        body += _number(codec.IFLA_GROUP, GROUP)
    return _set(index, body) if body else None


def adjust_vlan(vlan: Vlan, seen: Vlan, index: int) -> Message | None:
    """Bring *seen* to the settings of *vlan*, all but up; None where none of them differs."""
    body = b""
    if vlan.mtu != seen.mtu:
        body += _number(codec.IFLA_MTU, vlan.mtu)
    if vlan.marked and not seen.marked:
        body += _number(codec.IFLA_GROUP, GROUP)
    return _set(index, body) if body else None


def raise_link(index: int) -> Message:
    """Set a link up."""
    return Message(codec.RTM_NEWLINK, 0, codec.IFINFO.pack(0, 0, index, codec.IFF_UP, codec.IFF_UP))


def lower_link(index: int) -> Message:
    """Set a link down."""
    return Message(codec.RTM_NEWLINK, 0, codec.IFINFO.pack(0, 0, index, 0, codec.IFF_UP))


def leave(index: int) -> Message:
    """Put a link into the group of those that go."""
    return _set(index, _number(codec.IFLA_GROUP, LEAVING))


def delete_leaving() -> Message:
    """Delete the group of those that go: 0.84 ms per link, where deleting them one by one takes 20 ms each."""
    body = codec.IFINFO.pack(0, 0, 0, 0, 0) + _number(codec.IFLA_GROUP, LEAVING)
    return Message(codec.RTM_DELLINK, 0, body)


def delete_link(index: int) -> Message:
    """Delete one link."""
    return Message(codec.RTM_DELLINK, 0, codec.IFINFO.pack(0, 0, index, 0, 0))


def entry(action: Add | Change | Delete, index: int) -> Iterator[Message]:
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
            yield from entry(Delete(seen), index)
            yield from entry(Add(thing), index)
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
        yield _beside(route, index, _STAND_IN)
        yield _delete(seen, index, _METRIC)
        yield _beside(route, index, _METRIC)
        yield _delete(route, index, _STAND_IN)
    elif seen.source:
        yield _beside(route, index)
        yield _delete(seen, index)
    else:
        # To delete a route from no source is to delete the first one, whatever its source.
        yield _delete(seen, index)
        yield _beside(route, index)


def _beside(route: Route, index: int, metric: int = 0) -> Message:
    """Add *route* where there may be others to its destination."""
    return Message(codec.RTM_NEWROUTE, codec.NLM_F_CREATE, _route(route, index, metric))


def _delete(route: Route, index: int, metric: int = 0) -> Message:
    return Message(codec.RTM_DELROUTE, 0, _route(route, index, metric))


def _set(index: int, body: bytes) -> Message:
    return Message(codec.RTM_NEWLINK, 0, codec.IFINFO.pack(0, 0, index, 0, 0) + body)


def _number(kind: int, number: int) -> bytes:
    return codec.ATTRIBUTE.pack(8, kind) + codec.U32.pack(number)


def _text(kind: int, words: str) -> bytes:
    return attribute(kind, words.encode(errors="surrogateescape") + b"\0")


def _mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def _alias(network: str) -> bytes:
    return attribute(codec.IFLA_IFALIAS, f"{ALIAS}{network}".encode()[:255])  # IFALIASZ - 1


def _macvlan(shim: Shim) -> bytes:
    mode = _number(codec.IFLA_MACVLAN_MODE, MODES[shim.mode])
    data = attribute(codec.IFLA_INFO_DATA, mode + _number(codec.IFLA_MACVLAN_BC_QUEUE_LEN, shim.bcqueuelen))
    return attribute(codec.IFLA_LINKINFO, attribute(codec.IFLA_INFO_KIND, b"macvlan") + data)


def _arp_filter(on: bool) -> bytes:  # noqa: FBT001 - it is the value
    setting = attribute(codec.IFLA_INET_CONF, _number(codec.IPV4_DEVCONF_ARPFILTER, on))
    return attribute(_IP_VERSION[4], setting)


def _link_local(*, on: bool) -> bytes:
    mode = codec.IN6_ADDR_GEN_MODE_EUI64 if on else codec.IN6_ADDR_GEN_MODE_NONE
    return attribute(_IP_VERSION[6], attribute(codec.IFLA_INET6_ADDR_GEN_MODE, bytes((mode,))))


def _address(thing: ShimAddress, index: int) -> bytes:
    address = thing.address
    length = address.max_prefixlen if thing.prefix_length is None else thing.prefix_length
    head = codec.IFADDR.pack(_IP_VERSION[address.version], length, 0, codec.RT_SCOPE_UNIVERSE, index)
    return head + attribute(codec.IFA_LOCAL, address.packed) + attribute(codec.IFA_ADDRESS, address.packed)


def _route(thing: Route, index: int, metric: int = 0) -> bytes:
    destination = thing.destination
    family, length = _IP_VERSION[destination.version], destination.max_prefixlen
    # The kernel keeps scopes for IPv4 only and takes any with IPv6.
    where = (codec.RT_TABLE_MAIN, PROTOCOL, codec.RT_SCOPE_LINK, codec.RTN_UNICAST)
    head = codec.RTMSG.pack(family, length, 0, 0, *where, 0)
    body = head + attribute(codec.RTA_DST, destination.packed) + _number(codec.RTA_OIF, index)
    if metric:
        body += _number(codec.RTA_PRIORITY, metric)
    return body + attribute(codec.RTA_PREFSRC, thing.source.packed) if thing.source else body


def _neighbour(thing: Neighbour, index: int) -> bytes:
    head = codec.NDMSG.pack(_IP_VERSION[thing.address.version], index, codec.NUD_PERMANENT, 0, 0)
    return head + attribute(codec.NDA_DST, thing.address.packed)


def _hardware(thing: Neighbour) -> bytes:
    return attribute(codec.NDA_LLADDR, _mac(thing.mac)) + attribute(codec.NDA_PROTOCOL, bytes((PROTOCOL,)))
