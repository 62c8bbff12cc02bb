"""The packet sockets, one for each kind of frame on each parent: each lets through what is worth it, from its start."""

import errno
import os
import socket
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from select import EPOLLIN, epoll
from struct import Struct

from macvland.kernel.assembly import Line, attach
from macvland.lan.filter import EVERYTHING, arp, ndp, only_from, room_beside
from macvland.lan.frames import ETH_P_ARP, ETH_P_IPV6, NOBODY, Claim, claim_in
from macvland.lan.topic import Interest, Wire

BATCH = 64  # frames that are read at once
FRAME = 128  # octets; all that is read stands in the first 86
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_MULTICAST = 263, 1, 0
MEMBERSHIP = Struct("@iHH8s")  # packet_mreq: interface, type, length, address
ALL_NODES = bytes.fromhex("333300000001")  # to whom an address is defended that somebody else is about to use


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one socket listens: of more addresses than one program has room for, each has a part."""

    wire: str
    index: int
    kind: int
    part: int


@dataclass(slots=True)
class _Ear:
    sock: socket.socket
    program: tuple[Line, ...]


class Ears:
    """The sockets of all parents."""

    def __init__(self, poll: epoll) -> None:
        """Listen to nothing; whoever waits does so on *poll*."""
        self._poll = poll
        self._ears: dict[str, dict[_Place, _Ear]] = defaultdict(dict)  # by parent
        self._places: dict[int, _Place] = {}
        self._listened: dict[Wire, Interest] = {}
        self._refusals: dict[str, OSError] = {}  # by parent, why a socket is missing, or hears what it should not

    def tune(self, listened: Mapping[Wire, Interest]) -> None:
        """Listen to what *listened* has for each wire; where that fails, the next time."""
        for name in self._ears.keys() - {wire.name for wire in listened}:
            self._keep(name, ())
        self._refusals = {wire.name: self._refusals[wire.name] for wire in listened if wire.name in self._refusals}
        before, self._listened = self._listened, {}
        for wire, interest in listened.items():
            unchanged = wire in before and before[wire] == interest
            if unchanged or self._tuned(wire, dict(_programs(wire, interest))):
                self._listened[wire] = interest

    def _tuned(self, wire: Wire, wanted: Mapping[_Place, tuple[Line, ...]]) -> bool:
        self._keep(wire.name, wanted)
        self._refusals.pop(wire.name, None)
        for place, program in wanted.items():
            ear = self._ears[wire.name].get(place)
            try:
                if ear is None:
                    self._open(place, program)
                elif ear.program != program:
                    self._change(place, ear, program)
            except OSError as problem:  # mostly, that the link is gone or was renamed, which the next look tells
                self._refusals[wire.name] = problem
        return wire.name not in self._refusals

    def _change(self, place: _Place, ear: _Ear, program: tuple[Line, ...]) -> None:
        try:
            attach(ear.sock, program)
            ear.program = program
        except OSError as problem:
            if problem.errno != errno.ENOMEM:
                raise
            # A socket has to have room for both at once: another one needs room for the new one only.
            self._open(place, program)
            self._close(ear)

    def _keep(self, name: str, wanted: Collection[_Place]) -> None:
        """Listen at no other places of the parent *name* than those *wanted*."""
        ears = self._ears[name]
        for place in ears.keys() - set(wanted):
            self._close(ears.pop(place))
        if not wanted:
            del self._ears[name]

    def _close(self, ear: _Ear) -> None:
        del self._places[ear.sock.fileno()]
        ear.sock.close()  # which takes it out of the poll as well

    def _open(self, place: _Place, program: tuple[Line, ...]) -> None:
        # Protocol 0 hears nothing: the filter is there before the first frame.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 0)
        try:
            attach(sock, program)
            if place.kind == ETH_P_IPV6:
                group = MEMBERSHIP.pack(place.index, PACKET_MR_MULTICAST, len(ALL_NODES), ALL_NODES)
                sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, group)
            sock.bind((place.wire, place.kind))
            self._poll.register(sock, EPOLLIN)
        except OSError:
            sock.close()
            raise
        self._ears[place.wire][place] = _Ear(sock, program)
        self._places[sock.fileno()] = place

    @property
    def refusals(self) -> Mapping[str, OSError]:
        """Why not all that is worth it is heard, by parent."""
        return self._refusals

    def close(self) -> None:
        """Listen to nothing any more."""
        self.tune({})

    def say(self, wire: Wire, kind: int, frame: bytes) -> None:
        """Send *frame*; OSError if it does not leave."""
        ear = self._ears.get(wire.name, {}).get(_Place(wire.name, wire.index, kind, 0))
        if ear is None:
            raise self._refusals.get(wire.name) or OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        ear.sock.send(frame)

    def hear(self, descriptor: int) -> Iterator[tuple[str, Claim | None]]:
        """Yield what came, BATCH frames at most: the parent and what the frame claims, if it does."""
        place = self._places.get(descriptor)
        if place is None:
            return
        sock = self._ears[place.wire][place].sock
        for _ in range(BATCH):
            try:
                frame = sock.recv(FRAME)
            except BlockingIOError:
                return
            except OSError:  # the link went down, or away
                continue
            yield place.wire, claim_in(frame)


def _programs(wire: Wire, interest: Interest) -> Iterator[tuple[_Place, tuple[Line, ...]]]:
    probed = sorted((it for it in interest.probed if it.version == 4), key=int)
    for kind, version, program in ((ETH_P_ARP, 4, partial(arp, probed=probed)), (ETH_P_IPV6, 6, ndp)):
        these = sorted((it for it in interest.addresses or () if it.version == version), key=int)
        if interest.addresses is None:
            yield _Place(wire.name, wire.index, kind, 0), only_from(wire.index, EVERYTHING)
        elif these or kind == ETH_P_ARP or wire.source != NOBODY:  # without a question, there are still our MACs
            room = room_beside(wire.macs)
            for part, start in enumerate(range(0, max(len(these), 1), room)):
                lines = program(these[start : start + room], sorted(wire.macs))
                yield _Place(wire.name, wire.index, kind, part), only_from(wire.index, lines)
