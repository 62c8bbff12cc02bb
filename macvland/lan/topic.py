"""One question to a LAN, how far it is asked and what came of it; and the wire it is asked on."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from macvland.condition.wording import MOST_DEVICES
from macvland.lan.frames import NOBODY, source_for
from macvland.model import About, Address, Interface, Question

# In how many rounds others have to be heard than those that are told, before they are told instead.
AT_ONCE, FIRST_PATIENCE = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A parent as far as it can be asked."""

    name: str
    index: int
    mac: str
    live: bool  # up, with a carrier
    macs: frozenset[str] = frozenset()  # of the parent and of what is on it
    source: IPv6Address = NOBODY  # that it asks from
    addresses: frozenset[Interface] = frozenset()

    def source_for(self, question: Question) -> Address | None:
        """Return the address that *question* is asked from; None if from nobody's."""
        if isinstance(question.address, IPv6Address):
            return self.source
        return None if question.about is About.SHIM else source_for(question.address, self.addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What this host has by itself."""

    macs: frozenset[str] = frozenset()
    addresses: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """What is worth hearing on a wire."""

    addresses: frozenset[Address] | None  # None: everything
    probed: frozenset[Address] = frozenset()  # those of which it counts that somebody else asks for them, too


@dataclass(slots=True)
class Line:
    """What is remembered of a wire."""

    wire: Wire
    since: float  # of its carrier
    alive: bool = False  # whether anything was heard since
    suspicions: int = 0  # of twins, lately
    suspected: float = -math.inf  # when the last of them began


@dataclass(slots=True)
class Topic:
    """One question, how far it is asked, and what came of it."""

    question: Question
    due: float | None  # of the next probe, or of the verdict
    sent: int = 0
    heard: set[str] = field(default_factory=set)
    answers: frozenset[str] | None = None  # None: nobody knows yet
    stale: bool = True  # whether the answers are from before a question that waits for them
    behind: bool = False  # whether they are from before what a control said since
    shown: frozenset[str] | None = None  # as it was when the last verdict was certain
    rounds: int = 0  # in a row that brought the same answers
    patience: int = FIRST_PATIENCE  # how many it takes until others are told
    failures: int = 0
    last: float = 0.0  # when it was wrong

    @property
    def asking(self) -> bool:
        """Tell whether answers are awaited."""
        return self.answers is None or self.sent > 0

    @property
    def wrong(self) -> bool:
        """Tell whether it is to be asked again: a gateway is silent, another address is not.

        What is in use of a range stays so, until somebody asks for everything anew.
        """
        if self.question.about is About.RANGE:
            return False
        return self.answers is not None and bool(self.answers) == (self.question.about is not About.GATEWAY)

    def ask(self, now: float) -> None:
        """Begin a round at *now*."""
        self.sent, self.due = 0, now
        self.heard.clear()

    def hear(self, mac: str) -> None:
        """Take note of who answers; of more than MOST_DEVICES, not of all."""
        if len(self.heard) < MOST_DEVICES:
            self.heard.add(mac)

    def conclude(self) -> None:
        """End a round: who was heard is the answer."""
        self.rounds = self.rounds + 1 if self.answers == frozenset(self.heard) else 1
        if self.answers is None:  # it may be another LAN
            self.patience = AT_ONCE
        self.answers, self.due, self.stale, self.behind = frozenset(self.heard), None, False, False
        self.heard.clear()

    def show(self, proxies: frozenset[str]) -> None:
        """Tell who answers, but for *proxies*: during a conflict others are told once they are there to stay.

        A stranger who changes its MAC would be told anew with each question. Each time that others came after all, the
        next ones have to stay for twice as long.
        """
        found, shown = (self.answers or frozenset()) - proxies, (self.shown or frozenset()) - proxies
        goes_on = bool(found and shown)
        if goes_on and found != shown and self.rounds < self.patience:
            found = shown
        elif goes_on and found != shown:
            self.patience *= 2
        elif not goes_on:
            self.patience = FIRST_PATIENCE
        self.shown = found


def answering(controls: Collection[Topic]) -> frozenset[str]:
    """Return who answered for all of *controls*."""
    answers = [it.answers or frozenset() for it in controls]
    return frozenset.intersection(*answers) if answers else frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What is certain of one question: the MACs that are told."""

    question: Question
    macs: frozenset[str]
