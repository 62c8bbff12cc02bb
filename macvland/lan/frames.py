"""The frames by which a LAN is asked for an address, and those that say who has one. Pure.

Questions tell nobody anything that is not true. An ARP request is from the parent's own address in the subnet, where it
has one: Linux with arp_filter answers that on one link (ip-sysctl.rst). For an address that is this host's, or is to be
its own, it is a probe (RFC 5227, 2.1.1): from 0.0.0.0, which no table takes, and answered on all links.

A solicitation says at which MAC its sender is, an address of the parent's own: without that, Linux answers nobody
(ndisc_recv_ns). Only a parent that has no IPv6 address asks from ::, as duplicate address detection does (RFC 4862,
5.4.2): to a device that is just about to take the same address, that is an objection.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Interface, IPv6Address
from struct import Struct
from typing import NamedTuple

from macvland.model import Address, Interface

ETH_P_ARP, ETH_P_IPV6 = 0x0806, 0x86DD
REQUEST = 1
ICMPV6, SOLICITATION, ADVERTISEMENT = 58, 135, 136
HOPS = 255  # whoever forwards a frame takes one away: with all of them it is from this LAN (RFC 4861, 7.1)

BROADCAST = b"\xff" * 6
ETHERNET = Struct("!6s6sH")
ARP = Struct("!HHBBH6s4s6s4s")  # RFC 826: Ethernet, IPv4, lengths, operation, then sender and target
HEAD = (1, 0x0800, 6, 4)
IPV6 = Struct("!IHBB16s16s")
ICMP = Struct("!BBHI16s")
OUR_MAC = bytes((1, 1))  # source link-layer address, of 8 octets (RFC 4861, 4.6.1)
NOBODY = IPv6Address("::")
MULTICAST = IPv6Address("ff02::1:ff00:0").packed[:13]  # solicited-node: the last three octets are the target's


class Claim(NamedTuple):
    """Which address a frame says is at which MAC."""

    address: Address
    mac: str
    asks: bool = False  # whether it only asks if it may be there: a probe (RFC 5227, 2.1.1)


def probe(mac: str, target: Address, source: Address | None = None) -> bytes:
    """Return the frame that asks from *mac* who has *target*.

    It asks from *source*, an address of *mac*'s that is certain, or without one as if *mac* wanted the *target*.
    """
    own = bytes.fromhex(mac.replace(":", ""))
    if isinstance(target, IPv6Address):
        return _solicitation(own, target, source if isinstance(source, IPv6Address) else NOBODY)
    sender = source.packed if isinstance(source, IPv4Address) else bytes(4)
    return ETHERNET.pack(BROADCAST, own, ETH_P_ARP) + ARP.pack(*HEAD, REQUEST, own, sender, bytes(6), target.packed)


def source_for(target: IPv4Address, own: Iterable[Interface]) -> IPv4Address | None:
    """Return the address of *own* to ask for *target* from; None where it is one of them, or in no subnet of theirs."""
    there = [one for one in own if isinstance(one, IPv4Interface)]
    near = [one.ip for one in there if target in one.network]
    return None if target in {one.ip for one in there} else min(near, default=None)


def _solicitation(own: bytes, target: IPv6Address, source: IPv6Address) -> bytes:
    group = MULTICAST + target.packed[13:]
    option = OUR_MAC + own if source != NOBODY else b""
    body = ICMP.pack(SOLICITATION, 0, 0, 0, target.packed) + option
    pseudo = source.packed + group + bytes((0, 0, 0, len(body), 0, 0, 0, ICMPV6))
    body = ICMP.pack(SOLICITATION, 0, _checksum(pseudo + body), 0, target.packed) + option
    head = IPV6.pack(6 << 28, len(body), ICMPV6, HOPS, source.packed, group)
    return ETHERNET.pack(b"\x33\x33" + group[12:], own, ETH_P_IPV6) + head + body


def _checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071 of *data*, whose length is even."""
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def claim_in(frame: bytes) -> Claim | None:
    """Return which address *frame* says is at which MAC; None where it says none."""
    kind = int.from_bytes(frame[12:14], "big")
    return _arp_claim(frame) if kind == ETH_P_ARP else _ndp_claim(frame) if kind == ETH_P_IPV6 else None


def _arp_claim(frame: bytes) -> Claim | None:
    if len(frame) < ETHERNET.size + ARP.size:
        return None
    *head, _, sender_mac, sender, _, target = ARP.unpack_from(frame, ETHERNET.size)
    if tuple(head) != HEAD:
        return None
    if not any(sender):
        return Claim(IPv4Address(target), sender_mac.hex(":"), asks=True)
    return Claim(IPv4Address(sender), sender_mac.hex(":"))


def _ndp_claim(frame: bytes) -> Claim | None:
    """Return what an advertisement says, or a solicitation from :: (its sender is about to use the address)."""
    if len(frame) < ETHERNET.size + IPV6.size + ICMP.size:
        return None
    _, _, following, hops, source, _ = IPV6.unpack_from(frame, ETHERNET.size)
    kind, _, _, _, target = ICMP.unpack_from(frame, ETHERNET.size + IPV6.size)
    if (following, hops) != (ICMPV6, HOPS) or not (kind == ADVERTISEMENT or (kind == SOLICITATION and not any(source))):
        return None
    return Claim(IPv6Address(target), frame[6:12].hex(":"))
