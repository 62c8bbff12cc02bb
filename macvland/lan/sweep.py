"""A sweep: ask LANs by ARP who has each of some addresses, and wait for it: what a program does and no daemon may.

All LANs are asked at the same time, so that the wait for the last answers is one, however many they are. The questions
leave by the parent, so the host's own macvlan links do not hear them: of these the kernel and Docker tell.
"""

import socket
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from select import EPOLLIN, epoll
from time import monotonic

from macvland.condition.daemon import NO_SWEEP
from macvland.condition.wording import MOST_DEVICES
from macvland.error import ApplyError
from macvland.kernel.assembly import attach
from macvland.lan.ears import BATCH, FRAME
from macvland.lan.filter import EVERYTHING, only_from
from macvland.lan.frames import ETH_P_ARP, claim_in, probe, source_for
from macvland.model import Link

PACKET_OUTGOING = 4
LAST_WAIT = 1.0  # seconds for the last answers; RFC 5227 has PROBE_WAIT and PROBE_MIN of 1 s

Answer = tuple[IPv4Address, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """Who answered on one LAN, or said the same meanwhile, MOST_DEVICES for each address; why not all was asked."""

    answers: frozenset[Answer] = frozenset()
    error: ApplyError | None = None


@dataclass(slots=True)
class _Lan:
    """A LAN that is being swept."""

    link: Link
    targets: Sequence[IPv4Address]
    rate: int
    asked: frozenset[IPv4Address]
    packets: socket.socket | None = None
    sent: int = 0
    due: float = 0.0  # of the next question
    said: dict[IPv4Address, set[str]] = field(default_factory=lambda: defaultdict(set))
    problem: OSError | None = None

    @property
    def asking(self) -> bool:
        """Tell whether there is more to ask."""
        return self.problem is None and self.sent < len(self.targets)


def sweep(asked: Iterable[tuple[Link, Sequence[IPv4Address]]], rate: int) -> Mapping[str, Swept]:
    """Ask for all that is *asked*, *rate* in a second on each link; return by link what came of it.

    Raises ApplyError without CAP_NET_RAW.
    """
    together: dict[Link, list[IPv4Address]] = defaultdict(list)
    for link, targets in asked:
        together[link] += targets
    lans = [_Lan(link, targets, rate, frozenset(targets)) for link, targets in together.items() if targets]
    with ExitStack() as stack:
        poll = stack.enter_context(epoll())
        for lan in lans:
            _open(lan, poll, stack)
        _ask(lans, poll)
    return {lan.link.name: Swept(answers=frozenset(_answers(lan)), error=_told(lan)) for lan in lans}


def _answers(lan: _Lan) -> Iterator[Answer]:
    return ((address, mac) for address, macs in lan.said.items() for mac in macs)


def _told(lan: _Lan) -> ApplyError | None:
    if lan.problem is None:
        return None
    return ApplyError(f"'{lan.link.name}' cannot be swept: {lan.problem.strerror}; is it up?")


def _open(lan: _Lan, poll: epoll, stack: ExitStack) -> None:
    try:
        # Protocol 0 hears nothing: the filter is there before the first frame.
        packets = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0))
        attach(packets, only_from(lan.link.index, EVERYTHING))
        packets.bind((lan.link.name, ETH_P_ARP))
        poll.register(packets, EPOLLIN)
    except PermissionError as problem:
        raise ApplyError(NO_SWEEP(), passing=False) from problem
    except OSError as problem:
        lan.problem = problem
    else:
        lan.packets = packets


def _ask(lans: Sequence[_Lan], poll: epoll) -> None:
    """Send what is due on any of *lans* and take note of what comes, until the last answers had their time."""
    by_socket = {lan.packets.fileno(): (lan, lan.packets) for lan in lans if lan.packets}
    end = monotonic() + LAST_WAIT
    while True:
        asking = [lan for lan in lans if lan.asking]
        for lan in asking:
            if lan.due <= monotonic():
                _send(lan)
                end = monotonic() + LAST_WAIT
        left = min((lan.due for lan in asking), default=end) - monotonic()
        if left <= 0 and not asking:
            return
        for descriptor, _ in poll.poll(max(left, 0)):
            _hear(*by_socket[descriptor])


def _send(lan: _Lan) -> None:
    target = lan.targets[lan.sent]
    try:
        if lan.packets:
            lan.packets.send(probe(lan.link.mac, target, source_for(target, lan.link.addresses)))
    except OSError as problem:
        lan.problem = problem
    lan.sent += 1
    lan.due = monotonic() + 1 / lan.rate  # from now: who was kept waiting makes up for nothing by a burst


def _hear(lan: _Lan, packets: socket.socket) -> None:
    """Take note of what came, BATCH frames at most: who shouts keeps no other LAN from being asked."""
    for _ in range(BATCH):
        try:
            frame, (_, _, kind, *_) = packets.recvfrom(FRAME)
        except BlockingIOError:
            return
        except OSError as problem:
            lan.problem = problem
            return
        # What leaves is this host's own: its containers' words, of which Docker tells.
        claim = claim_in(frame) if kind != PACKET_OUTGOING else None
        if claim and not claim.asks and isinstance(claim.address, IPv4Address) and claim.address in lan.asked:
            macs = lan.said[claim.address]
            if len(macs) < MOST_DEVICES:
                macs.add(claim.mac)
