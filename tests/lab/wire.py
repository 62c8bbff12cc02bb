"""Everything that passes an interface, seen as a device on the LAN sees it: who says which address is whose."""

import os
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from tests.lab.netns import inside

ARP, IPV6 = 0x0806, 0x86DD
ICMPV6, SOLICITATION, ADVERTISEMENT = 58, 135, 136
EVERYTHING = 3  # ETH_P_ALL: only so does a socket see what leaves, and what a bridge takes from its port
REQUEST = 1
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_STATISTICS = 263, 6


@dataclass(frozen=True, kw_only=True)
class Arp:
    """One ARP packet (RFC 826), and who sent its frame."""

    source: str
    operation: int
    sender_mac: str
    sender: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Ndp:
    """A neighbour solicitation or advertisement (RFC 4861), and who sent its frame."""

    source: str
    sender: str  # "::": it asks whether *target* is free
    target: str
    answer: bool
    mac: str  # the sender's if it asks, the target's if it answers; "" where it tells none

    def claims(self) -> Iterator[tuple[str, str]]:
        """Yield each address that it tells the MAC of."""
        if self.answer or self.sender == "::":
            yield self.target, self.mac or self.source
        elif self.mac:
            yield self.sender, self.mac


class Wire:
    """All ARP and NDP that passes one interface, both ways, from now on."""

    def __init__(self, packets: socket.socket) -> None:
        """Listen on *packets*, which keeps everything until it is asked for."""
        self._packets = packets
        self._seen: list[bytes] = []

    def arps(self) -> list[Arp]:
        """Return all ARP that has passed."""
        return [decoded(frame) for frame in self._frames() if kind_of(frame) == ARP]

    def ndps(self) -> list[Ndp]:
        """Return all neighbour solicitations and advertisements that have passed."""
        return [decoded_ndp(frame) for frame in self._frames() if is_ndp(frame)]

    def claims(self) -> dict[str, set[str]]:
        """Return the MACs that were told for each IPv4 address, by whoever."""
        told = defaultdict(set)
        for arp in self.arps():
            if arp.sender != "0.0.0.0":
                told[arp.sender].add(arp.sender_mac)
        return dict(told)

    def claims6(self) -> dict[str, set[str]]:
        """Return the MACs that were told for each IPv6 address, by whoever."""
        told = defaultdict(set)
        for address, mac in (claim for ndp in self.ndps() for claim in ndp.claims()):
            told[address].add(mac)
        return dict(told)

    def _frames(self) -> list[bytes]:
        """Return all that has passed and is either; nothing may have escaped us."""
        with suppress(BlockingIOError):
            while frame := self._packets.recv(2048, socket.MSG_DONTWAIT):
                if kind_of(frame) == ARP or is_ndp(frame):
                    self._seen.append(frame)
        _, lost = struct.unpack("II", self._packets.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert lost == 0
        return self._seen


def kind_of(frame: bytes) -> int:
    return int.from_bytes(frame[12:14], "big")


def decoded(frame: bytes) -> Arp:
    return Arp(
        source=frame[6:12].hex(":"),
        operation=int.from_bytes(frame[20:22], "big"),
        sender_mac=frame[22:28].hex(":"),
        sender=str(IPv4Address(frame[28:32])),
        target=str(IPv4Address(frame[38:42])),
    )


def is_ndp(frame: bytes) -> bool:
    return kind_of(frame) == IPV6 and frame[20] == ICMPV6 and frame[54] in (SOLICITATION, ADVERTISEMENT)


def decoded_ndp(frame: bytes) -> Ndp:
    """Decode one; both have one option of interest, which comes first if it is there."""
    option = frame[78:86]
    return Ndp(
        source=frame[6:12].hex(":"),
        sender=str(IPv6Address(frame[22:38])),
        target=str(IPv6Address(frame[62:78])),
        answer=frame[54] == ADVERTISEMENT,
        mac=option[2:8].hex(":") if option[:1] in (b"\1", b"\2") else "",
    )


@contextmanager
def listening(namespace: Path, interface: str) -> Iterator[socket.socket]:
    """Give a socket on which every frame arrives that passes *interface* in *namespace*, both ways."""
    descriptor = os.open(namespace, os.O_RDONLY)
    try:
        with inside(descriptor):
            packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(EVERYTHING))
            packets.bind((interface, EVERYTHING))
    finally:
        os.close(descriptor)
    with packets:
        packets.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        yield packets
