"""The LANs of the parents as the daemon asks and hears them. What they said cannot be looked at, only remembered.

Refuses to decide: what is asked, and what an answer means for a network, `wanted` says.
"""

import errno
import math
import os
import socket
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from select import EPOLLIN, epoll
from threading import Event, Lock
from time import monotonic

from macvland.lan.ears import BATCH, Ears
from macvland.lan.frames import ETH_P_ARP, ETH_P_IPV6, NOBODY, probe
from macvland.lan.inquiry import Inquiry
from macvland.lan.topic import Interest, Own, Wire, Word
from macvland.lan.vendor import vendor_of
from macvland.model import About, Device, Finding, Heard, Host, Question

# A link that goes, or is gone: the kernel's notice of it has the daemon look.
PASSING = frozenset({errno.ENETDOWN, errno.ENODEV, errno.ENXIO, errno.ENOBUFS})
BUNDLE = 0.2  # seconds from one word to the daemon to the next: a thousand answers are a few passes
REST = 0.05  # seconds after a full batch: who shouts is heard twenty times a second, and no more often


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    """What the questions have come to."""

    words: Sequence[Word]
    proxies: frozenset[tuple[str, str]]
    listened: Mapping[Wire, Interest]

    @classmethod
    def of(cls, inquiry: Inquiry, now: float) -> "_News":
        """Return those of *inquiry*."""
        return cls(words=inquiry.words(), proxies=inquiry.proxies(), listened=inquiry.listened(now))


class Lan:
    """Asks and listens in a thread of its own: nothing that a pass does waits for the LAN."""

    def __init__(self, wake: Callable[[], object], vendor: Callable[[str], str] = vendor_of) -> None:
        """Take *wake* to be called when the LAN has said something new, and *vendor* to tell who built a device."""
        self._wake = wake
        self._vendor = vendor
        self._lock = Lock()
        self._inquiry = Inquiry()
        self._own = Own()
        self._wires: frozenset[Wire] = frozenset()
        self._grounds: object = None  # all that it depends on what is asked: mostly the same as in the pass before
        self._asked: object = None
        self._questions: frozenset[Question] = frozenset()
        self._prod = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._heard: Heard | None = Heard()
        self._new = Heard()  # is heard next
        self._woke = 0.0
        self._unsaid = ""  # why a question did not leave, as long as none has
        self.trouble = _refusal()
        if self.trouble:
            self._heard = None

    # What a pass has to do with it

    @property
    def heard(self) -> Heard | None:
        """What the LANs have said by now."""
        return self._heard

    def ask(self, questions: frozenset[Question], seen: Host) -> None:
        """Ask *questions* from now on, and no others, on the host as *seen*."""
        grounds = (questions, seen.links, seen.shims, seen.networks, seen.attachments, seen.addresses, seen.engine)
        if self._heard is None or grounds == self._grounds:
            return
        self._grounds = grounds
        own = _own(seen)
        if seen.engine is None:  # containers outlive it, and so does what is asked for them
            questions |= {it for it in self._questions if it.about in (About.CONTAINER, About.RANGE)}
            own = Own(macs=own.macs | self._own.macs, addresses=own.addresses | self._own.addresses)
        wires, self._questions = frozenset(_wires(seen)), questions
        if (questions, wires, own) == self._asked:
            return
        with self._lock:
            self._inquiry.want(questions, wires, own, monotonic(), first=self._asked is None)
            self._wires, self._own = wires, own
        self._asked = (questions, wires, own)
        os.eventfd_write(self._prod, 1)

    def forget(self) -> None:
        """Ask everything anew: somebody asked for it."""
        with self._lock:
            self._inquiry.forget(monotonic())
        os.eventfd_write(self._prod, 1)

    # The thread

    def listen(self, stop: Event) -> None:
        """Ask and listen until *stop* is set; sleeps without a timeout while there is nothing to ask."""
        if self._heard is None:
            stop.wait()
            return
        with epoll() as poll:
            poll.register(self._prod, EPOLLIN)
            ears = Ears(poll)
            while not stop.is_set():
                until = self._say(ears)
                ready = poll.poll(None if until is None else max(until - monotonic(), 0))
                if self._prod in (descriptor for descriptor, _ in ready):
                    os.eventfd_read(self._prod)
                if self._hear(ears, [descriptor for descriptor, _ in ready if descriptor != self._prod]):
                    stop.wait(REST)
            ears.close()

    def _say(self, ears: Ears) -> float | None:
        """Ask what is due, and tell what has come of it; return when to do so again."""
        now = monotonic()
        with self._lock:
            due = self._inquiry.steps(now)
            wires = {wire.name: wire for wire in self._wires} if due else {}
            news = _News.of(self._inquiry, now) if self._inquiry.news() else None
            until = self._inquiry.next()
        # A pass that asks waits for the lock: neither for the kernel, which takes filters, nor for a list of vendors.
        if news:
            ears.tune(news.listened)
        if due:
            self._unsaid = self._send(ears, [(wires[it.parent], it) for it in due])
        if news:
            self._new = self._heard_by(news)
        trouble = self._unsaid or _deaf(ears)
        if (self._new, trouble) == (self._heard, self.trouble):
            return until
        if now < self._woke + BUNDLE:
            return min(self._woke + BUNDLE, until or math.inf)
        self._heard, self.trouble, self._woke = self._new, trouble, now
        self._wake()
        return until

    def _heard_by(self, news: "_News") -> Heard:
        """Return what *news* come to, with the vendors of the devices."""
        return Heard(
            findings=frozenset(
                Finding(question=word.question, devices=frozenset(map(self._device, word.macs)))
                for word in news.words
                if word.question.about is not About.TWIN
            ),
            proxies=frozenset((parent, self._device(mac)) for parent, mac in news.proxies),
            twins=frozenset(
                (word.question.parent, word.question.address, Device(mac=mac))
                for word in news.words
                if word.question.about is About.TWIN
                for mac in word.macs
            ),
        )

    def _device(self, mac: str) -> Device:
        return Device(mac=mac, vendor=self._vendor(mac))

    def _send(self, ears: Ears, due: Iterable[tuple[Wire, Question]]) -> str:
        """Ask each question on its wire; return what keeps some question from leaving, and is worth telling."""
        trouble = ""
        for wire, question in due:
            kind = ETH_P_ARP if question.address.version == 4 else ETH_P_IPV6
            try:
                ears.say(wire, kind, probe(wire.mac, question.address, wire.source_for(question)))
            except OSError as problem:
                with self._lock:
                    self._inquiry.unsaid(question, monotonic())
                if problem.errno not in PASSING:
                    trouble = f"the LAN of '{wire.name}' cannot be asked for an address: {problem.strerror}"
        return trouble

    def _hear(self, ears: Ears, ready: Iterable[int]) -> bool:
        """Take note of what came; tell whether anybody shouts."""
        loud = False
        for descriptor in ready:
            claims = list(ears.hear(descriptor))
            loud = loud or len(claims) == BATCH
            now = monotonic()
            with self._lock:
                for parent, claim in claims:
                    if claim:
                        self._inquiry.hear(parent, claim, now)
        return loud


def _deaf(ears: Ears) -> str:
    """Return what keeps a LAN from being heard, and is worth telling; "" for nothing."""
    lasting = {parent: problem for parent, problem in ears.refusals.items() if problem.errno not in PASSING}
    parent = min(lasting, default="")
    return f"the LAN of '{parent}' cannot be listened to: {lasting[parent].strerror}" if parent else ""


def _refusal() -> str:
    """Return why no LAN can be asked at all; "" where it can."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as problem:
        return f"no packet socket can be had ({problem.strerror}): no LAN is asked for an address"
    return ""


def _wires(seen: Host) -> Iterator[Wire]:
    """Yield every link of the host, each with the MACs on it."""
    parents = {name: link.name for link in seen.links for name in (link.name, *link.altnames)}
    networks = {network.id: parents.get(network.parent or "") for network in seen.networks}
    macs: dict[str | None, set[str]] = defaultdict(set)
    for shim in seen.shims:
        macs[shim.parent].add(shim.mac)
    for it in seen.attachments:
        macs[networks.get(it.network_id)].add(it.mac)
    for link in seen.links:
        on_it = frozenset(macs[link.name] | {link.mac}) - {""}
        live = link.up and link.carrier
        certain = {it.ip for it in link.addresses} - link.tentative
        # One that is no question itself: whoever has it as well would be asked from it.
        source = max((it for it in certain if isinstance(it, IPv6Address)), default=NOBODY)
        yield Wire(
            name=link.name,
            index=link.index,
            mac=link.mac,
            live=live,
            macs=on_it,
            source=source,
            addresses=link.addresses,
        )


def _own(seen: Host) -> Own:
    macs = {it.mac for it in seen.links} | {it.mac for it in seen.shims} | {it.mac for it in seen.attachments}
    addresses = {interface.ip for link in seen.links for interface in link.addresses}
    addresses |= {it.address for it in seen.addresses}
    return Own(
        macs=frozenset(macs - {""}), addresses=frozenset(addresses.union(*(it.addresses for it in seen.attachments)))
    )
