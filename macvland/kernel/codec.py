"""Netlink framing: messages and attributes, to and from bytes (RFC 3549, netlink(7), rtnetlink(7)).

A plain dump of a thousand links costs a twentieth of what pyroute2 spends on it, because nothing is decoded that nobody
reads. Knows neither shims nor sockets; the numbers are those of the kernel's uapi headers.
"""

import errno
from collections.abc import Container, Iterator
from struct import Struct
from typing import NamedTuple

AF_BRIDGE = 7

NLM_F_REQUEST = 0x1
NLM_F_ACK = 0x4
NLM_F_DUMP_INTR = 0x10
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_DUMP = 0x300

NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSGERR_ATTR_MSG = 1

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWQDISC, RTM_DELQDISC = 36, 37
RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER = 44, 45, 46
RTM_SETNEIGHTBL = 67
RTM_NEWLINKPROP = 108

IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK = 1, 3, 4, 5
IFLA_MASTER, IFLA_WIRELESS, IFLA_LINKINFO, IFLA_IFALIAS = 10, 11, 18, 20
IFLA_AF_SPEC, IFLA_GROUP, IFLA_EXT_MASK, IFLA_CARRIER = 26, 27, 29, 33
IFLA_LINK_NETNSID, IFLA_PROP_LIST, IFLA_ALT_IFNAME, IFLA_PERM_ADDRESS = 37, 52, 53, 54
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_MACVLAN_MODE, IFLA_MACVLAN_BC_QUEUE_LEN = 1, 7
IFLA_VLAN_ID, IFLA_VLAN_PROTOCOL = 1, 5
ETH_P_8021Q = 0x8100
IFLA_INET_CONF, IFLA_INET6_CONF, IFLA_INET6_ADDR_GEN_MODE = 1, 2, 8
IN6_ADDR_GEN_MODE_EUI64, IN6_ADDR_GEN_MODE_NONE = 0, 1
IPV4_DEVCONF_ARPFILTER = 13  # counts from 1
DEVCONF_FORWARDING, DEVCONF_ACCEPT_RA, DEVCONF_AUTOCONF, DEVCONF_PROXY_NDP = 0, 3, 5, 22  # count from 0
RTEXT_FILTER_SKIP_STATS = 0x8
IFF_UP, IFF_POINTOPOINT, IFF_PROMISC = 0x1, 0x10, 0x100
ARPHRD_ETHER = 1

IFA_ADDRESS, IFA_LOCAL, IFA_CACHEINFO = 1, 2, 6
IFA_F_TEMPORARY, IFA_F_OPTIMISTIC, IFA_F_DADFAILED, IFA_F_TENTATIVE, IFA_F_PERMANENT = 0x1, 0x4, 0x8, 0x40, 0x80
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_PREFSRC, RTA_MULTIPATH, RTA_VIA = 1, 4, 5, 6, 7, 9, 18
RT_TABLE_MAIN, RT_TABLE_LOCAL, RTN_UNICAST, RTPROT_RA = 254, 255, 1, 9
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
RTM_F_FIB_MATCH = 0x2000
NDA_DST, NDA_LLADDR, NDA_PROTOCOL = 1, 2, 12
NUD_NOARP, NUD_PERMANENT, NTF_PROXY = 0x40, 0x80, 0x08
NDTA_NAME, NDTA_PARMS = 1, 6
NDTPA_IFINDEX, NDTPA_UCAST_PROBES, NDTPA_MCAST_PROBES, NDTPA_PROXY_DELAY = 1, 10, 11, 13
TCA_KIND, TCA_OPTIONS = 1, 2
TCA_BPF_OPS_LEN, TCA_BPF_OPS, TCA_BPF_FLAGS = 4, 5, 8
TCA_BPF_FLAG_ACT_DIRECT = 1

HEADER = Struct("=IHHII")  # nlmsghdr: length, type, flags, sequence, port
IFINFO = Struct("=BxHiII")  # ifinfomsg: family, hardware type, index, flags, change
IFADDR = Struct("=BBBBi")  # ifaddrmsg: family, prefix length, flags, scope, index
RTMSG = Struct("=BBBBBBBBI")  # rtmsg: family, dst length, src length, tos, table, protocol, scope, type, flags
NDTMSG = Struct("=Bxxx")  # ndtmsg: family
NDMSG = Struct("=BxxxiHBB")  # ndmsg: family, index, state, flags, type
TCMSG = Struct("=BxxxiIII")  # tcmsg: family, index, handle, parent, info
ATTRIBUTE = Struct("=HH")  # nlattr: length with this header, type
U16 = Struct("=H")
U32 = Struct("=I")
U64 = Struct("=Q")
S32 = Struct("=i")

LONGEST = 0xFFFF - ATTRIBUTE.size  # octets of a payload: its length is a number of 16 bits

NLA_F_NESTED = 0x8000  # newer parts of the kernel set it, older ones do not


class Message(NamedTuple):
    """A netlink message without its header: what a request asks or a dump answers."""

    kind: int
    flags: int
    body: bytes


def frame(message: Message, sequence: int, flags: int = 0) -> bytes:
    """Return *message* as it goes over the wire, with *flags* besides its own."""
    kind, own, body = message
    return HEADER.pack(16 + len(body), kind, own | flags | NLM_F_REQUEST, sequence, 0) + body


def frames(data: bytes) -> Iterator[tuple[int, Message]]:
    """Yield the sequence number and the message of every frame in *data*, one datagram."""
    offset, end = 0, len(data)
    while offset + 16 <= end:
        length, kind, flags, sequence, _ = HEADER.unpack_from(data, offset)
        if not 16 <= length <= end - offset:
            raise ValueError(f"a netlink message of {length} octets where {end - offset} are left")
        yield sequence, Message(kind, flags, data[offset + 16 : offset + length])
        offset += length + 3 & ~3


def attribute(kind: int, payload: bytes) -> bytes:
    """Return one attribute, padded to four octets; OSError (EMSGSIZE) for a payload that none can hold."""
    length = len(payload)
    if length > LONGEST:
        raise OSError(errno.EMSGSIZE, f"{length} octets are more than an attribute holds")
    return ATTRIBUTE.pack(length + 4, kind) + payload + b"\0" * (-length & 3)


def wanted(*kinds: int) -> frozenset[int]:
    """Return *kinds* as `attributes` looks for them: with and without NLA_F_NESTED, so that it need not mask each."""
    return frozenset(kinds) | frozenset(kind | NLA_F_NESTED for kind in kinds)


def attributes(data: bytes, kinds: Container[int], start: int = 0) -> dict[int, bytes]:
    """Return the payloads of the attributes of *kinds*, as of `wanted`, in *data* from *start*: of equal ones the last.

    A link has 41 attributes, so every step here counts a thousandfold.
    """
    found: dict[int, bytes] = {}
    unpack, end = ATTRIBUTE.unpack_from, len(data) - 3
    while start < end:
        length, kind = unpack(data, start)
        if length < 4:
            raise ValueError(f"a netlink attribute of {length} octets")
        if kind in kinds:
            found[kind & ~NLA_F_NESTED] = data[start + 4 : start + length]
        start += length + 3 & ~3
    return found


def members(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and payload of every attribute in *data*: for lists that repeat one type."""
    start, end = 0, len(data) - 3
    while start < end:
        length, kind = ATTRIBUTE.unpack_from(data, start)
        if length < 4:
            raise ValueError(f"a netlink attribute of {length} octets")
        yield kind & ~NLA_F_NESTED, data[start + 4 : start + length]
        start += length + 3 & ~3


def text(payload: bytes) -> str:
    """Return a name or alias: the kernel ends most strings with a NUL, and promises no encoding."""
    return payload.rstrip(b"\0").decode(errors="surrogateescape")
