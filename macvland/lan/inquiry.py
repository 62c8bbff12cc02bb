"""What was asked of the LANs and what they said: whom to ask when, and what that comes to.

Refuses to send, to receive and to look at a clock: all times are monotonic seconds of the one who calls.

An address is asked for by three probes and then listened to. Whoever claims it meanwhile has it asked for anew, so that
a word said once never counts for longer than it is true. What is not as it should be is asked for again, later and
later; until then nothing more is heard of it, for a device that shouts has no more to say than one that answers.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from macvland.lan.frames import NOBODY, Claim
from macvland.lan.topic import AT_ONCE, Interest, Line, Own, Topic, Wire, Word, answering
from macvland.model import About, Address, Question
from macvland.pauses import LONGEST, delay

PROBES, GAP, LAST = 3, 0.1, 0.2  # in a round, seconds from one to the next, and from the last one to the verdict
BURST, SLOT = 100, 0.1  # frames at once, and seconds to the next ones: 1000 in a second, which is 0.5 Mbit/s
AGAIN = 1.0  # seconds to the next round where one proves nothing: a question did not leave, a port may not forward
SETTLE = 30.0  # seconds from its carrier in which silence proves nothing: a port's listening and learning (802.1D)
CALM = 2 * LONGEST  # seconds after which what was wrong is forgotten: what comes and goes is told ever more rarely
CONTROLS = frozenset({About.CONTROL, About.RANGE})  # what nobody should answer for
TWINS = 8  # of one parent at most, at one moment and until nobody was suspected for CALM

Key = tuple[str, Address]


class Inquiry:
    """All questions of one host."""

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._topics: dict[Key, Topic] = {}
        self._lines: dict[str, Line] = {}
        self._resting: dict[Key, list[Key]] = {}  # by control, the questions that it is one of
        self._own = Own()
        self._free = 0.0  # when frames may be sent again
        self._news = False  # whether there is more to be concluded than who is asked next

    # What is to be asked

    def want(
        self,
        questions: Iterable[Question],
        wires: Iterable[Wire],
        own: Own,
        now: float,
        *,
        first: bool = False,
    ) -> None:
        """Ask *questions* and no others, on *wires*; *own* is what is this host's, and nobody else's.

        *wires* are all of the host. A carrier that is there at the *first* call is taken to be as old as the boot, at
        which this clock began.
        """
        self._own, self._news = own, True
        self._plug({wire.name: wire for wire in wires}, now, settled=first)
        # Of several about one address, the most urgent counts.
        asked = {(it.parent, it.address): it for it in sorted(questions, key=lambda it: it.about, reverse=True)}
        self._resting = defaultdict(list)
        for key, question in asked.items():
            for address in question.controls:
                self._resting[question.parent, address].append(key)
        for key, topic in list(self._topics.items()):
            if key not in asked and topic.question.about not in (About.CONTROL, About.TWIN):
                del self._topics[key]
        for key, question in sorted(asked.items(), key=lambda it: it[1].about):
            known = self._topics.get(key)
            if known is None or not _answered(known.question, question):
                self._topics[key] = Topic(question, now)
            else:
                known.question = question

    def _plug(self, wires: Mapping[str, Wire], now: float, *, settled: bool) -> None:
        for name in self._lines.keys() - wires.keys():
            del self._lines[name]
        for name, wire in wires.items():
            line = self._lines.get(name)
            if line and (line.wire.index, line.wire.live) == (wire.index, wire.live):
                line.wire = wire
                continue
            self._lines[name] = Line(wire, 0.0 if settled else now)
            for topic in self._of(name):  # it may be another LAN
                topic.answers, topic.shown = None, topic.shown or None
                topic.ask(now)

    def forget(self, now: float) -> None:
        """Ask everything anew: somebody asked for it."""
        self._news = True
        for topic in self._topics.values():
            topic.failures, topic.rounds, topic.patience = 0, 0, AT_ONCE
            topic.ask(now)

    # What is said

    def hear(self, parent: str, claim: Claim, now: float) -> None:
        """Take note of what somebody said on the LAN of *parent*."""
        address, mac, asks = claim
        line, topic = self._lines.get(parent), self._topics.get((parent, address))
        ours = mac in self._own.macs
        if line is None or (asks and not (topic and self._takes(topic))):
            return
        self._news = self._news or line.alive == ours
        line.alive = line.alive or not ours
        if topic is None and ours:
            self._suspect(line, address, mac, now)
        elif topic and ours == (topic.question.about is About.TWIN):
            if topic.due is None and self._listens(topic):
                self._news = True
                topic.ask(now)
            if topic.asking or topic.due == now:
                topic.hear(mac)

    def _suspect(self, line: Line, address: Address, mac: str, now: float) -> None:
        """Find out whether somebody uses one of the MACs that are on this very parent.

        Where a question of IPv6 would have to leave as if we wanted the address, a LAN that returns it would be proof.
        """
        if now >= line.suspected + CALM:
            line.suspicions = 0
        if line.suspicions == TWINS:  # ever other addresses
            return
        twins = [it for it in self._of(line.wire.name) if it.question.about is About.TWIN]
        provable = address.version == 4 or line.wire.source != NOBODY
        if provable and mac in line.wire.macs and address not in self._own.addresses and len(twins) < TWINS:
            question = Question(parent=line.wire.name, address=address, about=About.TWIN)
            self._topics[line.wire.name, address] = Topic(question, now, heard={mac})
            line.suspicions, line.suspected = line.suspicions + 1, now
            self._news = True

    # What to do

    def steps(self, now: float) -> list[Question]:
        """Return what to ask at *now*, and draw the conclusions that are due."""
        asked: list[Question] = []
        if now < self._free:
            return asked
        for key, topic in list(self._topics.items()):
            if topic.due is None or topic.due > now or not self._can_ask(key[0]):
                continue
            if topic.sent == PROBES:
                self._conclude(topic, now)
                continue
            asked.append(topic.question)
            topic.sent += 1
            self._news = self._news or topic.sent == 1  # its answers are worth hearing
            topic.due = now + (GAP if topic.sent < PROBES else LAST)
            if len(asked) == BURST:
                self._free = now + SLOT
                break
        return asked

    def news(self) -> bool:
        """Tell whether what is certain, or worth hearing, may be another than when this was asked before."""
        news, self._news = self._news, False
        if news:
            self._settle()
            self._drop()
        return news

    def unsaid(self, question: Question, now: float) -> None:
        """Take note that *question* did not leave: silence would mean nothing."""
        topic = self._topics.get((question.parent, question.address))
        if topic:
            self._news = True
            topic.ask(now + AGAIN)

    def next(self) -> float | None:
        """Return when there is something to do again, None if only the LAN can say."""
        due = min(
            (it.due for key, it in self._topics.items() if it.due is not None and self._can_ask(key[0])), default=None
        )
        return None if due is None else max(due, self._free)

    def _can_ask(self, parent: str) -> bool:
        return parent in self._lines and self._lines[parent].wire.live

    def _conclude(self, topic: Topic, now: float) -> None:
        line = self._lines[topic.question.parent]
        topic.sent, self._news = 0, True
        if topic.question.about is not About.TWIN:
            topic.heard -= self._own.macs  # a container that was not known yet when it spoke
        if not topic.heard and not line.alive and now < line.since + SETTLE:
            topic.due = now + AGAIN
            return
        fresh, gone = topic.heard - (topic.answers or frozenset()), (topic.answers or frozenset()) - topic.heard
        topic.conclude()
        if gone and topic.question.about in CONTROLS:
            self._doubt(topic, now)
        if topic.wrong:
            topic.failures = topic.failures + 1 if now < topic.last + CALM else 1
            topic.last, topic.due = now, now + delay(topic.failures)
        if fresh and topic.question.about in (About.SHIM, About.CONTAINER, About.RANGE):
            self._control(topic.question, now)

    def _control(self, question: Question, now: float) -> None:
        """Find out whether who answers does so for everything."""
        for address in question.controls:
            key = question.parent, address
            control = Question(parent=question.parent, address=address, about=About.CONTROL)
            topic = self._topics.setdefault(key, Topic(control, now))
            # A range asks for all of its addresses at one time, controls included.
            if question.about is not About.RANGE and topic.question.about in CONTROLS and not topic.asking:
                topic.stale = True
                topic.ask(now)

    def _doubt(self, control: Topic, now: float) -> None:
        """Ask anew for what rests on *control*, which somebody ceased to answer for: perhaps he answers for nothing."""
        for key in self._resting.get((control.question.parent, control.question.address), ()):
            topic = self._topics.get(key)
            if topic and topic is not control and topic.answers and topic.answers - (control.answers or frozenset()):
                topic.behind = True
                topic.ask(now)

    def _drop(self) -> None:
        """Let go of the controls that nobody needs any more, and of the twins that are gone."""
        needed = {id(control) for it in self._topics.values() if it.answers for control in self._controls_of(it)}
        for key, topic in list(self._topics.items()):
            about = topic.question.about
            if (about is About.CONTROL and id(topic) not in needed) or (
                about is About.TWIN and (topic.answers == frozenset() or key[0] not in self._lines)
            ):
                del self._topics[key]

    # What it comes to

    def _settle(self) -> None:
        """Note what is certain by now: of who answers, when it is known who answers for everything."""
        for topic in self._topics.values():
            controls = self._controls_of(topic)
            waits = topic.behind or any(control.stale for control in controls)
            if topic.answers is None or (topic.answers and waits):
                continue
            topic.show(answering(controls))

    def words(self) -> list[Word]:
        """Return what is certain of each question."""
        return [
            Word(question=it.question, macs=it.shown)
            for it in self._topics.values()
            if it.shown is not None and it.question.about is not About.CONTROL
        ]

    def proxies(self) -> frozenset[tuple[str, str]]:
        """Return by parent the MACs that answer for everything."""
        return frozenset(
            (topic.question.parent, mac)
            for topic in self._topics.values()
            if topic.answers
            for mac in topic.answers & answering(self._controls_of(topic))
        )

    def _controls_of(self, topic: Topic) -> list[Topic]:
        """Return the controls of *topic* that were asked; who has a gateway's is of no interest."""
        question = topic.question
        if question.about is About.GATEWAY:
            return []
        found = (self._topics.get((question.parent, address)) for address in question.controls)
        return [it for it in found if it and it.question.about in CONTROLS]

    def _of(self, parent: str) -> Iterator[Topic]:
        return (it for it in self._topics.values() if it.question.parent == parent)

    # What is worth hearing

    def listened(self, now: float) -> dict[Wire, Interest]:
        """Return by wire what to listen to: everything, while any word would show that a port forwards."""
        found: dict[Wire, Interest] = {}
        by_parent: dict[str, list[Topic]] = defaultdict(list)
        for topic in self._topics.values():
            by_parent[topic.question.parent].append(topic)
        for name, topics in by_parent.items():
            line = self._lines.get(name)
            if line is None or not line.wire.live:
                continue
            unsure = not line.alive and now < line.since + SETTLE and any(it.asking for it in topics)
            worth = frozenset(it.question.address for it in topics if self._worth(it))
            probed = frozenset(it.question.address for it in topics if self._takes(it))
            found[line.wire] = Interest(addresses=None if unsure else worth, probed=probed)
        return found

    def _takes(self, topic: Topic) -> bool:
        """Tell whether the host is about to take the address: who asks for it meanwhile is about to as well.

        To ask is to claim nothing at any other time (RFC 5227, 2.1.1). Until it has the address, nobody answers for it.
        """
        return topic.question.about is About.SHIM and topic.question.address not in self._own.addresses

    def _worth(self, topic: Topic) -> bool:
        # A twin has one of our MACs, which is worth hearing with every address but those that are known.
        return not topic.asking if topic.question.about is About.TWIN else topic.asking or self._listens(topic)

    @staticmethod
    def _listens(topic: Topic) -> bool:
        if topic.question.about is About.RANGE:
            return not topic.answers
        return not topic.wrong and topic.question.about in (About.SHIM, About.CONTAINER)


def _answered(known: Question, question: Question) -> bool:
    """Tell whether what the LAN said of an address to *known* answers *question*, too: one for a network just made."""
    return known == question or (known.about is question.about is About.RANGE and not known.of)
