"""What rtnetlink's answers say, message by message. Joins nothing and judges nothing: look.py does."""

from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

from macvland.kernel import codec
from macvland.kernel.codec import attributes, members, text
from macvland.memo import Memo
from macvland.model import BCQUEUELEN, Address

AF_INET, AF_INET6 = 2, 10
SEEN = Memo()  # what the last look made of octets
NO_LINK_LOCAL = bytes((codec.IN6_ADDR_GEN_MODE_NONE,))

_LINK = codec.wanted(
    *(codec.IFLA_ADDRESS, codec.IFLA_IFNAME, codec.IFLA_MTU, codec.IFLA_LINK, codec.IFLA_MASTER, codec.IFLA_LINKINFO),
    *(codec.IFLA_IFALIAS, codec.IFLA_AF_SPEC, codec.IFLA_GROUP, codec.IFLA_CARRIER, codec.IFLA_LINK_NETNSID),
    *(codec.IFLA_PROP_LIST, codec.IFLA_PERM_ADDRESS),
)
_INFO = codec.wanted(codec.IFLA_INFO_KIND, codec.IFLA_INFO_DATA)
_MACVLAN = codec.wanted(codec.IFLA_MACVLAN_MODE, codec.IFLA_MACVLAN_BC_QUEUE_LEN)
_VLAN = codec.wanted(codec.IFLA_VLAN_ID, codec.IFLA_VLAN_PROTOCOL)
_FAMILIES = codec.wanted(AF_INET, AF_INET6)
_IPV4_SETTINGS, _IPV6_SETTINGS = (
    codec.wanted(codec.IFLA_INET_CONF),
    codec.wanted(codec.IFLA_INET6_CONF, codec.IFLA_INET6_ADDR_GEN_MODE),
)
_ADDRESS = codec.wanted(codec.IFA_ADDRESS, codec.IFA_LOCAL)
_ROUTE = codec.wanted(
    *(codec.RTA_DST, codec.RTA_OIF, codec.RTA_PREFSRC, codec.RTA_PRIORITY),
    *(codec.RTA_GATEWAY, codec.RTA_MULTIPATH, codec.RTA_VIA),
)
_NEIGHBOUR = codec.wanted(codec.NDA_DST, codec.NDA_LLADDR, codec.NDA_PROTOCOL)


class Settings(NamedTuple):
    """The per-link settings of IPv4 and IPv6 that concern a shim; all off where the family is."""

    arp_filter: bool = False
    accept_ra: bool = False
    autoconf: bool = False
    proxy_ndp: bool = False  # with forwarding, without which the kernel answers for nobody else
    link_local: bool = False  # whether the kernel makes one by itself, by whatever rule


class Macvlan(NamedTuple):
    """What only a macvlan or macvtap link has."""

    mode: int = 0  # MACVLAN_MODE_*
    # As asked for, the port uses the longest that one of its links asks for; None: before Linux 5.12 all have the same.
    bcqueuelen: int | None = BCQUEUELEN


class LinkFacts(NamedTuple):
    """One link. *parent* is the ifindex of the link below it, in *parent_namespace* where that is not None."""

    ifindex: int
    name: str
    ethernet: bool
    flags: int
    mac: str
    permanent_mac: str
    mtu: int
    carrier: bool
    master: int
    parent: int
    parent_namespace: int | None
    group: int
    alias: str
    kind: str
    macvlan: Macvlan
    vlan: int  # 802.1Q VLAN ID; 0 where it is no VLAN link, or one of 802.1ad
    altnames: frozenset[str]
    settings: Settings  # of a macvlan; nobody asks for those of others

    @property
    def up(self) -> bool:
        """Whether it is up administratively."""
        return bool(self.flags & codec.IFF_UP)

    @property
    def promiscuous(self) -> bool:
        """Whether somebody asked for promiscuous mode; the kernel's own counting does not show here."""
        return bool(self.flags & codec.IFF_PROMISC)


class AddressFacts(NamedTuple):
    """One address of one link."""

    ifindex: int
    address: Address
    prefix_length: int
    scope: int
    flags: int  # IFA_F_*; of IPv4 they mean other things in part


class RouteFacts(NamedTuple):
    """One route."""

    ifindex: int
    destination: Address | None
    length: int
    source: Address | None
    table: int
    protocol: int
    kind: int
    priority: int
    direct: bool  # over one link, without a gateway


class NeighbourFacts(NamedTuple):
    """One neighbour entry."""

    ifindex: int
    address: Address
    mac: str
    state: int
    protocol: int


def link_facts(body: bytes) -> LinkFacts:
    """Decode the body of an RTM_NEWLINK message."""
    _, hardware, index, flags, _ = codec.IFINFO.unpack_from(body)
    found = attributes(body, _LINK, codec.IFINFO.size).get
    info = attributes(found(codec.IFLA_LINKINFO, b""), _INFO).get
    kind = text(info(codec.IFLA_INFO_KIND, b""))
    namespace = found(codec.IFLA_LINK_NETNSID)
    return LinkFacts(
        ifindex=index,
        name=text(found(codec.IFLA_IFNAME, b"")),
        ethernet=hardware == codec.ARPHRD_ETHER,
        flags=flags,
        mac=found(codec.IFLA_ADDRESS, b"").hex(":"),
        permanent_mac=found(codec.IFLA_PERM_ADDRESS, b"").hex(":"),
        mtu=_u32(found(codec.IFLA_MTU)),
        carrier=found(codec.IFLA_CARRIER, b"\1") != b"\0",
        master=_u32(found(codec.IFLA_MASTER)),
        parent=_u32(found(codec.IFLA_LINK)),
        parent_namespace=None if namespace is None else codec.S32.unpack(namespace)[0],
        group=_u32(found(codec.IFLA_GROUP)),
        alias=text(found(codec.IFLA_IFALIAS, b"")),
        kind=kind,
        macvlan=_macvlan(info(codec.IFLA_INFO_DATA, b"")) if kind in ("macvlan", "macvtap") else Macvlan(),
        vlan=_vlan(info(codec.IFLA_INFO_DATA, b"")) if kind == "vlan" else 0,
        altnames=_altnames(found(codec.IFLA_PROP_LIST, b"")),
        settings=_settings(found(codec.IFLA_AF_SPEC, b"")) if kind == "macvlan" else Settings(),
    )


def address_facts(body: bytes) -> AddressFacts:
    """Decode the body of an RTM_NEWADDR message. On a point-to-point link the own address is codec.IFA_LOCAL."""
    _, length, flags, scope, index = codec.IFADDR.unpack_from(body)
    found = attributes(body, _ADDRESS, codec.IFADDR.size)
    return AddressFacts(index, address(found.get(codec.IFA_LOCAL) or found[codec.IFA_ADDRESS]), length, scope, flags)


def route_facts(body: bytes) -> RouteFacts:
    """Decode the body of an RTM_NEWROUTE message."""
    _, length, _, _, table, protocol, _, kind, _ = codec.RTMSG.unpack_from(body)
    found = attributes(body, _ROUTE, codec.RTMSG.size)
    destination, source, index = found.get(codec.RTA_DST), found.get(codec.RTA_PREFSRC), found.get(codec.RTA_OIF)
    if index is None and codec.RTA_MULTIPATH in found:
        index = found[codec.RTA_MULTIPATH][4:8]  # rtnexthop: length, flags, hops, then the index of the first way
    return RouteFacts(
        ifindex=_u32(index),
        destination=None if destination is None else address(destination),
        length=length,
        source=None if source is None else address(source),
        table=table,
        protocol=protocol,
        kind=kind,
        priority=_u32(found.get(codec.RTA_PRIORITY)),
        direct=found.keys().isdisjoint((codec.RTA_GATEWAY, codec.RTA_VIA, codec.RTA_MULTIPATH)),
    )


def neighbour_facts(body: bytes) -> NeighbourFacts:
    """Decode the body of an RTM_NEWNEIGH message. A kernel before 5.0 names no protocol."""
    _, index, state, _, _ = codec.NDMSG.unpack_from(body)
    found = attributes(body, _NEIGHBOUR, codec.NDMSG.size)
    return NeighbourFacts(
        ifindex=index,
        address=address(found[codec.NDA_DST]),
        mac=found.get(codec.NDA_LLADDR, b"").hex(":"),
        state=state,
        protocol=found.get(codec.NDA_PROTOCOL, b"\0")[0],
    )


def accepted_mac(body: bytes) -> str:
    """Decode an RTM_NEWNEIGH message of AF_BRIDGE: a MAC that a link takes in."""
    return attributes(body, _NEIGHBOUR, codec.NDMSG.size).get(codec.NDA_LLADDR, b"").hex(":")


@SEEN.keeps
def address(octets: bytes) -> Address:
    """Return the address in *octets*. The same thousand come with every look: building them anew takes 2 µs each."""
    return IPv4Address(octets) if len(octets) == 4 else IPv6Address(octets)


def _macvlan(data: bytes) -> Macvlan:
    found = attributes(data, _MACVLAN).get
    length = found(codec.IFLA_MACVLAN_BC_QUEUE_LEN)
    return Macvlan(_u32(found(codec.IFLA_MACVLAN_MODE)), None if length is None else _u32(length))


def _vlan(data: bytes) -> int:
    found = attributes(data, _VLAN)
    if int.from_bytes(found.get(codec.IFLA_VLAN_PROTOCOL, b""), "big") != codec.ETH_P_8021Q:
        return 0
    number: int = codec.U16.unpack(found[codec.IFLA_VLAN_ID])[0]
    return number


def _altnames(properties: bytes) -> frozenset[str]:
    return frozenset(text(name) for kind, name in members(properties) if kind == codec.IFLA_ALT_IFNAME)


def _settings(families: bytes) -> Settings:
    """Decode IFLA_AF_SPEC: the kernel dumps the settings of a family as a plain array of 32-bit numbers."""
    found = attributes(families, _FAMILIES)
    ipv4 = attributes(found.get(AF_INET, b""), _IPV4_SETTINGS).get(codec.IFLA_INET_CONF, b"")
    both = attributes(found.get(AF_INET6, b""), _IPV6_SETTINGS)
    ipv6 = both.get(codec.IFLA_INET6_CONF, b"")
    return Settings(
        arp_filter=_setting(ipv4, codec.IPV4_DEVCONF_ARPFILTER - 1),
        accept_ra=_setting(ipv6, codec.DEVCONF_ACCEPT_RA),
        autoconf=_setting(ipv6, codec.DEVCONF_AUTOCONF),
        proxy_ndp=_setting(ipv6, codec.DEVCONF_FORWARDING) and _setting(ipv6, codec.DEVCONF_PROXY_NDP),
        link_local=both.get(codec.IFLA_INET6_ADDR_GEN_MODE, NO_LINK_LOCAL) != NO_LINK_LOCAL,
    )


def _u32(payload: bytes | None) -> int:
    if payload is None:
        return 0
    number: int = codec.U32.unpack_from(payload)[0]
    return number


def _setting(settings: bytes, position: int) -> bool:
    """Whether a setting is on; accept_ra has a 2 besides the 1. A shorter array is an older kernel's or none at all."""
    return bool(settings[4 * position : 4 * position + 4].strip(b"\0"))
