"""One rtnetlink socket: ask, dump, and send many changes at once. Knows neither links nor shims, and never retries.

A channel lives for one look or one round of changes: a fresh socket has no left-over answers, belongs to the network
namespace of its thread, and costs 20 µs.
"""

import errno
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from struct import Struct
from typing import NamedTuple, TypeVar

from macvland.condition.kernel import DUMP_INTERRUPTED, OVERFLOW, SILENT, TOO_LONG
from macvland.error import ApplyError, InterruptedDumpError
from macvland.kernel import codec
from macvland.kernel.codec import Message

BATCH = 64  # messages per send: the price per message stays the same beyond it, and so few errors fit every buffer
RECEIVE_BUFFER = 4 << 20  # octets; the default of 208 KiB holds about 118 link messages
LARGEST = 64 << 10  # octets; the kernel fills a dump's datagram up to 32 KiB
PATIENCE = 30  # seconds to wait for an answer that the kernel owes: it gives it before the send returns
OUR_PORTS = 0x6D760000  # "mv": the port id of our socket begins so, far from those that the kernel hands out

OVERHEAD = 32  # octets of a send buffer that netlink_sendmsg (net/netlink/af_netlink.c) keeps free
Part = TypeVar("Part")

SOL_NETLINK = 270
NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK = 10, 11, 12
SO_RCVBUFFORCE = 33
TIMEVAL = Struct("@ll")
WORDS = codec.wanted(codec.NLMSGERR_ATTR_MSG)


class Refusal(NamedTuple):
    """What the kernel said no with: an errno, and its own words where it had some."""

    errno: int
    words: str = ""
    octets: int = 0  # of a message that is larger than the *room* of octets that a socket has
    room: int = 0


class Channel:
    """A netlink socket that codec.attributes each error to the message it answers."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over *sock*, open and bound."""
        self._socket = sock
        self._sequence = count(1)
        self._room = sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - OVERHEAD  # octets of one send

    def send_units(self, units: Sequence[Sequence[Message]]) -> dict[int, Refusal]:
        """Send the messages of all *units* in order and return what was refused, by position among all of them.

        No kill can cut a unit in two, unless it is more than the socket takes. A message that is too large by itself is
        refused (EMSGSIZE), and the others are sent.
        """
        refusals: dict[int, Refusal] = {}
        position = 0
        for batch in batches(units, room=self._room, size=_size):
            if _size(batch[0]) > self._room:
                refusals[position] = Refusal(errno.EMSGSIZE, octets=_size(batch[0]), room=self._room)
            else:
                refusals |= {position + place: refusal for place, refusal in self._tried(batch).items()}
            position += len(batch)
        return refusals

    def _tried(self, messages: Sequence[Message]) -> dict[int, Refusal]:
        try:
            return self.send(messages)
        except (OSError, ApplyError) as problem:
            # Nothing tells which of them the kernel still did: the next look does.
            return dict.fromkeys(range(len(messages)), as_refusal(problem))

    def send(self, messages: Sequence[Message]) -> dict[int, Refusal]:
        """Send *messages* in one go and return what was refused, by position.

        The kernel acts on them in order before the send returns, and goes on after an error. Errors are answered
        unasked; so only the last message asks for an acknowledgement, which then says that there is no other error.
        """
        if not messages:
            return {}
        numbers = [next(self._sequence) for _ in messages]
        last = len(messages) - 1
        self._socket.send(
            b"".join(
                codec.frame(message, number, codec.NLM_F_ACK if position == last else 0)
                for position, (message, number) in enumerate(zip(messages, numbers, strict=True))
            )
        )
        refusals: dict[int, Refusal] = {}
        for number, answer in self._answers(numbers[-1]):
            if answer.kind == codec.NLMSG_ERROR and (refusal := refusal_in(answer)).errno:
                refusals[number - numbers[0]] = refusal
        return refusals

    def ask(self, message: Message) -> bytes | Refusal:
        """Return the body of the one answer to *message*, or why there is none."""
        return self.ask_each([message])[0]

    def ask_each(self, messages: Sequence[Message]) -> list[bytes | Refusal]:
        """Return for each of *messages* the body of its one answer, or why there is none."""
        answers: list[bytes | Refusal] = []
        for start in range(0, len(messages), BATCH):
            answers += self._ask_batch(messages[start : start + BATCH])
        return answers

    def _ask_batch(self, messages: Sequence[Message]) -> list[bytes | Refusal]:
        numbers = [next(self._sequence) for _ in messages]
        frames = (
            codec.frame(message, number, codec.NLM_F_ACK) for message, number in zip(messages, numbers, strict=True)
        )
        self._socket.send(b"".join(frames))
        found: dict[int, bytes | Refusal] = dict.fromkeys(numbers, b"")
        for number, answer in self._answers(numbers[-1]):
            if answer.kind != codec.NLMSG_ERROR:
                found[number] = answer.body
            elif (refusal := refusal_in(answer)).errno:
                found[number] = refusal
        return list(found.values())

    def dump(self, message: Message) -> list[bytes]:
        """Return the bodies of everything that *message* asks for.

        Raises InterruptedDumpError when things changed meanwhile, so that what was read need not fit together.
        """
        number = next(self._sequence)
        self._socket.send(codec.frame(message, number, codec.NLM_F_DUMP))
        bodies: list[bytes] = []
        while True:
            for sequence, (kind, flags, body) in codec.frames(self._receive()):
                if sequence != number:
                    continue
                if flags & codec.NLM_F_DUMP_INTR:
                    raise InterruptedDumpError(DUMP_INTERRUPTED())
                if kind in (codec.NLMSG_DONE, codec.NLMSG_ERROR):
                    raise_refused(body)
                    return bodies
                bodies.append(body)

    def _answers(self, last: int) -> Iterator[tuple[int, Message]]:
        while True:
            for sequence, answer in codec.frames(self._receive()):
                yield sequence, answer
                if sequence == last and answer.kind == codec.NLMSG_ERROR:
                    return

    def _receive(self) -> bytes:
        try:
            data, _, flags, _ = self._socket.recvmsg(LARGEST)
        except BlockingIOError:
            raise ApplyError(SILENT(seconds=PATIENCE)) from None
        except OSError as problem:
            if problem.errno != errno.ENOBUFS:
                raise
            raise InterruptedDumpError(OVERFLOW()) from None
        if flags & socket.MSG_TRUNC:
            raise InterruptedDumpError(TOO_LONG(octets=LARGEST))
        return data


def batches(units: Iterable[Sequence[Part]], *, room: int, size: Callable[[Part], int]) -> Iterator[list[Part]]:
    """Yield the parts of *units* in order, in batches of *room* at most; a part that is larger than that comes alone.

    A unit stays in one batch, unless it is larger than *room* by itself.
    """
    batch: list[Part] = []
    used = 0
    for unit in units:
        for together in [unit] if sum(map(size, unit)) <= room else [[part] for part in unit]:
            needed = sum(map(size, together))
            if batch and used + needed > room:
                yield batch
                batch, used = [], 0
            batch.extend(together)
            used += needed
    if batch:
        yield batch


def _size(message: Message) -> int:
    """Return how many octets the frame of *message* has."""
    return codec.HEADER.size + len(message.body)


def as_refusal(problem: OSError | ApplyError) -> Refusal:
    """Return what kept something from being done as if the kernel had refused it."""
    if isinstance(problem, OSError):
        return Refusal(problem.errno or errno.EIO, problem.filename or problem.strerror or "")
    return Refusal(errno.ENOBUFS, str(problem))


@contextmanager
def open_channel() -> Iterator[Channel]:
    """Open a channel in the network namespace of this thread."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as sock:
        widen(sock, RECEIVE_BUFFER)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMEVAL.pack(PATIENCE, 0))
        for option in (NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK):
            sock.setsockopt(SOL_NETLINK, option, 1)
        bind_ours(sock)
        yield Channel(sock)


def widen(sock: socket.socket, octets: int) -> None:
    """Give *sock* a receive buffer of *octets*: past the host's limit with CAP_NET_ADMIN, else up to it."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, octets)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, octets)


def our_port() -> int:
    """Return the port id that this process speaks from: it stands in the notices of what it changes."""
    return OUR_PORTS | os.getpid() & 0xFFFF


def bind_ours(sock: socket.socket) -> None:
    """Bind *sock* to our port; where that is taken, to any."""
    try:
        sock.bind((our_port(), 0))
    except OSError as problem:
        if problem.errno != errno.EADDRINUSE:
            raise
        sock.bind((0, 0))


def refusal_in(answer: Message) -> Refusal:
    """Return what an codec.NLMSG_ERROR says; an errno of 0 is an acknowledgement."""
    (code,) = codec.S32.unpack_from(answer.body)
    if not code or not answer.flags & codec.NLM_F_ACK_TLVS:
        return Refusal(-code)
    asked = codec.HEADER.size if answer.flags & codec.NLM_F_CAPPED else codec.HEADER.unpack_from(answer.body, 4)[0]
    found = codec.attributes(answer.body, WORDS, 4 + (asked + 3 & ~3))
    return Refusal(-code, codec.text(found.get(codec.NLMSGERR_ATTR_MSG, b"")))


def raise_refused(body: bytes) -> None:
    """Raise the error that ends a dump, if one does."""
    (code,) = codec.S32.unpack_from(body) if len(body) >= codec.S32.size else (0,)
    if code:
        raise OSError(-code, os.strerror(-code))
