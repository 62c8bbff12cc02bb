"""The little the daemon must remember, for it cannot be looked at: tries, fresh removals, ways to containers.

Refuses to act and to look at a clock: whoever asks says what time it is, in monotonic seconds.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from macvland.action import Failure, Part, part_of
from macvland.config import Directory
from macvland.model import Address, Dad, Host, Neighbour, ShimAddress
from macvland.pauses import delay

GRACE = 1.0  # seconds that a removal must last: install(1) deletes a file before it creates it


@dataclass(frozen=True, slots=True)
class _Try:
    attempt: Hashable
    failures: int
    again: float | None  # monotonic seconds; None: the same try would fail the same way


class Backoff:
    """The failed tries, by part."""

    def __init__(self) -> None:
        """Start without a failure."""
        self._tries: dict[Part, _Try] = {}
        self._dormant: frozenset[Part] = frozenset()  # the engine's, while it does not say what is left

    def due(self, part: Part, attempt: Hashable, now: float) -> bool:
        """Tell whether *attempt* may be made at monotonic time *now*."""
        last = self._tries.get(part)
        return last is None or last.attempt != attempt or (last.again is not None and last.again <= now)

    def note(
        self, attempts: Mapping[Part, Hashable], failures: Iterable[Failure], now: float, *, waiting: bool = False
    ) -> None:
        """Remember what a pass left undone: *attempts* by part, and what failed now.

        What the engine failed at is over when it is not left any more; but not while the engine is *waiting*: at work
        on it, or slow to answer.
        """
        over = self._tries.keys() - attempts.keys()
        self._dormant = frozenset(part for part in over if waiting and part.engine)
        for part in over - self._dormant:
            del self._tries[part]
        failed: dict[Part, list[Failure]] = defaultdict(list)
        for failure in failures:
            failed[part_of(failure.action)].append(failure)
        for part in failed.keys() & attempts.keys():
            last = self._tries.get(part)
            times = last.failures + 1 if last and last.attempt == attempts[part] else 1
            again = now + delay(times) if all(failure.passing for failure in failed[part]) else None
            self._tries[part] = _Try(attempts[part], times, again)

    def again(self) -> float | None:
        """Return the monotonic time of the next try, None if nothing waits for one."""
        awake = (one for part, one in self._tries.items() if part not in self._dormant)
        return min((one.again for one in awake if one.again is not None), default=None)

    def again_for(self, network: str) -> float | None:
        """Return the monotonic time of the next try for *network*, None if it waits for none."""
        tries = (one for part, one in self._tries.items() if part.network == network)
        return min((one.again for one in tries if one.again is not None), default=None)

    def forget(self) -> None:
        """Make everything due: somebody asked for it."""
        self._tries.clear()


@dataclass(frozen=True, slots=True)
class _Question:
    failures: int
    again: float | None  # monotonic seconds; None: it is asked just now


class Ways:
    """The ways to containers as they were wanted when Docker answered last: while it does not, nobody can tell them."""

    def __init__(self) -> None:
        """Know of none."""
        self._last: frozenset[Neighbour] = frozenset()

    def recall(self) -> frozenset[Neighbour]:
        """Return them."""
        return self._last

    def note(self, seen: Host, goal: Host) -> None:
        """Take those of *goal*, if Docker had its say in it."""
        if seen.engine is not None:
            self._last = goal.neighbours


class Recheck:
    """The shims' addresses that another device had when the LAN was asked, and when it is asked again."""

    def __init__(self) -> None:
        """Start without one."""
        self._questions: dict[tuple[str, Address], _Question] = {}

    def again(self, addresses: Collection[ShimAddress], now: float) -> frozenset[ShimAddress]:
        """Return those of *addresses*, all that are seen, that another device had when the LAN was asked last.

        For what is denied it is time to ask again, and whoever gets it does; the others are asked for just now.
        One that is certain or gone is forgotten.
        """
        before, self._questions = self._questions, {}
        found = []
        for it in addresses:
            name = (it.shim, it.address)
            last = before.get(name)
            if it.dad is Dad.FAILED and (last is None or last.again is None):
                failures = last.failures + 1 if last else 1
                self._questions[name] = _Question(failures, now + delay(failures))
            elif it.dad is Dad.FAILED and last and last.again is not None and last.again <= now:
                self._questions[name] = _Question(last.failures, None)
                found.append(it)
            elif it.dad is not Dad.DONE and last:
                self._questions[name] = last
                if it.dad is Dad.TENTATIVE:
                    found.append(it)
        return frozenset(found)

    def next(self) -> float | None:
        """Return the monotonic time of the next question, None if there is none to ask."""
        return min((one.again for one in self._questions.values() if one.again is not None), default=None)

    def forget(self) -> None:
        """Make every address due: somebody asked for it."""
        self._questions = {
            name: _Question(0, None if one.again is None else -math.inf) for name, one in self._questions.items()
        }


class Grace:
    """Since when something of ours has been without a file."""

    def __init__(self) -> None:
        """Start without a removal."""
        self._since: dict[str, float] = {}

    def fresh(self, removals: Collection[str], now: float) -> frozenset[str]:
        """Return those of *removals*, the networks no file asks for any more, that have not lasted long enough."""
        self._since = {network: self._since.get(network, now) for network in removals}
        return frozenset(network for network, since in self._since.items() if now < since + GRACE)

    def next(self, now: float) -> float | None:
        """Return the time at which the next of them has lasted long enough."""
        return min((since + GRACE for since in self._since.values() if now < since + GRACE), default=None)


class Trust:
    """Which directories there were. One that vanishes or is replaced takes no network with it.

    To unmount, restore or swap a directory is not to remove its networks; `systemctl reload` says that it was meant.
    """

    def __init__(self) -> None:
        """Trust whatever is seen first."""
        self._known: dict[Path, tuple[int, int]] = {}

    def broken(self, directories: Sequence[Directory]) -> tuple[Path, ...]:
        """Return those of *directories* that are not what they were."""
        for directory in directories:
            if directory.identity:
                self._known.setdefault(directory.path, directory.identity)
        return tuple(one.path for one in directories if one.identity != self._known.get(one.path))

    def renew(self) -> None:
        """Take the directories as they are from now on."""
        self._known.clear()
