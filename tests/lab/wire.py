"""Everything that passes an interface, seen as a device on the LAN sees it: who says which address is whose."""

import os
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from tests.lab.netns import inside

ARP = 0x0806
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


class Wire:
    """All ARP that passes one interface, both ways, from now on."""

    def __init__(self, packets: socket.socket) -> None:
        """Listen on *packets*, which keeps everything until it is asked for."""
        self._packets = packets
        self._seen: list[Arp] = []

    def arps(self) -> list[Arp]:
        """Return all that has passed; none may have escaped us."""
        with suppress(BlockingIOError):
            while frame := self._packets.recv(2048, socket.MSG_DONTWAIT):
                if kind_of(frame) == ARP:
                    self._seen.append(decoded(frame))
        _, lost = struct.unpack("II", self._packets.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        assert lost == 0
        return self._seen

    def claims(self) -> dict[str, set[str]]:
        """Return the MACs that were told for each address, by whoever."""
        told = defaultdict(set)
        for arp in self.arps():
            if arp.sender != "0.0.0.0":
                told[arp.sender].add(arp.sender_mac)
        return dict(told)


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
