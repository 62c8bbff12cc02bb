"""Which frames are worth waking up for, as programs that the kernel runs: all others cost us nothing.

Of the frames that the kernel gives to a socket, those of another VLAN are not of its link's LAN. Of the others, those
are let through that say that an address asked for or listened to is at a MAC which is none of this host's, and those
that say of another address that it is at one of our MACs. A busy LAN is full of other ARP. Addresses and MACs are found
by binary search. What is longer than a word is looked up by a hash of it: a frame that gets through by a collision is
told apart when it is read.
"""

from collections.abc import Collection, Iterator, Sequence
from ipaddress import IPv6Address

from macvland.kernel.assembly import (
    AT_LEAST,
    EQUAL,
    FETCH,
    FETCH_X,
    HALF,
    JUMP,
    LOAD,
    OCTET,
    RETURN,
    STORE,
    TIMES,
    WORD,
    XOR_X,
    Line,
)
from macvland.lan.frames import ADVERTISEMENT, HOPS, ICMPV6, SOLICITATION
from macvland.model import Address

BLOCK = 32  # keys that are compared one by one at the end of a search
# Addresses and MACs of one program, and MACs among these. The kernel makes two instructions of a comparison with an
# address above 127.255.255.255, and before Linux 6.8 has room for 20 KiB of them (net.core.optmem_max).
ROOM, MACS = 900, 500
FEW = 100  # addresses that the host is about to take at one moment, of which it hears the probes of others
FACTOR = 0x9E3779B1  # of the hash: odd, its bits in no order (Knuth, vol. 3, 6.4)
ALL = 0xFFFFFFFF  # octets of a frame

# Where things stand behind the 14 octets of Ethernet.
HARDWARE, PROTOCOL, SENDER_MAC, SENDER, WANTED = 14, 16, 22, 28, 38  # RFC 826
NEXT_HEADER, HOP_LIMIT, SOURCE, TYPE, TARGET = 20, 21, 22, 54, 62  # RFC 8200, RFC 4861
SOURCE_MAC = 6

# What the kernel tells of a frame besides its octets (SKF_AD_PKTTYPE, SKF_AD_IFINDEX of linux/filter.h).
PACKET_TYPE, INTERFACE = 0xFFFFF004, 0xFFFFF008
OTHERHOST = 3  # PACKET_OTHERHOST

EVERYTHING = (Line(RETURN, ALL),)
DROP, PASS = "drop", "pass"


def only_from(index: int, program: Sequence[Line]) -> tuple[Line, ...]:
    """Return *program* for the frames of the LAN of the link *index*, and of no VLAN on it.

    On a trunk the kernel takes the tag off and forgets it before a socket for one protocol gets the frame
    (__netif_receive_skb_core). What it leaves to tell the VLAN: without a link of that VLAN the frame is for another
    host, with one the frame came in on that link. A tag of VLAN 0 is a priority only, and changes neither.
    """
    return (
        Line(WORD, PACKET_TYPE),
        Line(EQUAL, OTHERHOST, yes="elsewhere"),
        Line(WORD, INTERFACE),
        Line(EQUAL, index, yes="here"),
        Line(RETURN, 0, label="elsewhere"),
        Line(LOAD, 0, label="here"),
        *program,
    )


def room_beside(macs: Collection[str]) -> int:
    """Return for how many addresses one program has room on a host with *macs*."""
    return ROOM - min(len(macs), MACS)


def arp(addresses: Sequence[Address], macs: Sequence[str], probed: Sequence[Address] = ()) -> tuple[Line, ...]:
    """Return the program for ARP about *addresses*, on a host with *macs*, and for probes of *probed*."""
    return (
        Line(HALF, HARDWARE),
        Line(EQUAL, 1, no="no ARP"),
        Line(HALF, PROTOCOL),
        Line(EQUAL, 0x0800, no="no ARP"),
        Line(WORD, SENDER),
        Line(EQUAL, 0, no="ARP"),
        Line(WORD, WANTED),
        *_search(sorted(map(int, probed[:FEW])), PASS, DROP),
        Line(RETURN, 0, label="no ARP"),
        *_verdict("ARP", SENDER_MAC, [SENDER], addresses, macs),
    )


def ndp(addresses: Sequence[Address], macs: Sequence[str]) -> tuple[Line, ...]:
    """Return the program for NDP about *addresses*, on a host with *macs*."""
    source = [each for at in range(SOURCE, SOURCE + 16, 4) for each in (Line(WORD, at), Line(EQUAL, 0, no="no NDP"))]
    return (
        Line(OCTET, NEXT_HEADER),
        Line(EQUAL, ICMPV6, no="no NDP"),
        Line(OCTET, HOP_LIMIT),
        Line(EQUAL, HOPS, no="no NDP"),
        Line(OCTET, TYPE),
        Line(EQUAL, ADVERTISEMENT, yes="NDP"),
        Line(EQUAL, SOLICITATION, no="no NDP"),
        *source,
        Line(JUMP, 0, yes="NDP"),
        Line(RETURN, 0, label="no NDP"),
        *_verdict("NDP", SOURCE_MAC, list(range(TARGET, TARGET + 16, 4)), addresses, macs),
    )


def _verdict(
    label: str, mac: int, words: Sequence[int], addresses: Sequence[Address], macs: Sequence[str]
) -> Iterator[Line]:
    """Yield what lets through one of *addresses* at a foreign MAC, and any other at one of *macs*.

    *mac* and *words* are where the frame has them.
    """
    yield Line(HALF, mac, label=label)
    yield Line(TIMES, FACTOR)
    yield from (Line(STORE, 0), Line(FETCH_X, 0), Line(WORD, mac + 2), Line(XOR_X, 0))
    yield from _search(sorted({_mac_key(each) for each in macs[:MACS]}), "our MAC", "foreign MAC")
    yield from (Line(LOAD, 1, label="our MAC"), Line(STORE, 1), Line(JUMP, 0, yes="address"))
    yield from (Line(LOAD, 0, label="foreign MAC"), Line(STORE, 1))
    first, *others = words
    yield Line(WORD, first, label="address")
    for at in others:
        yield from (Line(TIMES, FACTOR), Line(STORE, 0), Line(FETCH_X, 0), Line(WORD, at), Line(XOR_X, 0))
    yield from _search(sorted({key_of(each) for each in addresses}), "known", "unknown")
    yield from (Line(FETCH, 1, label="known"), Line(EQUAL, 0, yes=PASS, no=DROP))
    yield from (Line(FETCH, 1, label="unknown"), Line(EQUAL, 0, yes=DROP, no=PASS))
    yield from (Line(RETURN, ALL, label=PASS), Line(RETURN, 0, label=DROP))


def _mac_key(mac: str) -> int:
    octets = bytes.fromhex(mac.replace(":", ""))
    return _mixed([int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:], "big")])


def key_of(address: Address) -> int:
    """Return what the programs look *address* up by."""
    if not isinstance(address, IPv6Address):
        return int(address)
    return _mixed([int.from_bytes(address.packed[at : at + 4], "big") for at in range(0, 16, 4)])


def _mixed(words: Sequence[int]) -> int:
    key, *others = words
    for word in others:
        key = key * FACTOR & 0xFFFFFFFF ^ word
    return key


def _search(keys: Sequence[int], yes: str, no: str, label: str = "") -> Iterator[Line]:
    """Yield the search for the accumulator in *keys*, which are in order; go on at *yes* or *no*, however far."""
    if len(keys) > BLOCK:
        half = len(keys) // 2
        here = f"{yes} {keys[half]:x}"
        yield Line(AT_LEAST, keys[half], no=f"below {here}", label=label)
        yield Line(JUMP, 0, yes=f"from {here}")
        yield from _search(keys[:half], yes, no, f"below {here}")
        yield from _search(keys[half:], yes, no, f"from {here}")
        return
    hit = f"{yes} {label} hit"
    yield from (Line(EQUAL, key, yes=hit, label="" if at else label) for at, key in enumerate(keys))
    yield Line(JUMP, 0, yes=no, label="" if keys else label)
    yield Line(JUMP, 0, yes=yes, label=hit)
