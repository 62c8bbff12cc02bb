"""All the hosts that there can be, as far as patterns tell them apart. Pure.

A host is what the patterns are that mean it: those that the same ones mean read all files alike. So the host of each
name that is written out stands for itself, and of all others one stands for all that are meant by the same globs. How
many there are of these is counted over every hostname there can be, by running the globs side by side as automata.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from macvland.config.host import fits, is_exact, is_machine_id

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789-._"
LONGEST = 64  # HOST_NAME_MAX, linux/utsname.h
MOST_STATES = 4096  # that globs side by side can be in: a dozen that cross each other, or thousands that do not

TOKEN = re.compile(r"\*|\[[^\]]*\]|.")

Tokens = tuple[tuple[str, ...], ...]  # of each glob
State = tuple[frozenset[int], ...]  # of each glob, the tokens that may come next


class TooManyError(ValueError):
    """The globs cross each other in so many ways that telling hosts apart would take too long."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """The hosts that the same patterns mean. No two hosts have the same name or machine-id."""

    named: frozenset[str]  # of the patterns those that mean their names
    name: str  # "" where they have none that a file says
    namesakes: bool  # whether *named* mean several names
    machine_id: str  # "" where it is none that a file says

    def __str__(self) -> str:
        return f"'{self.title}'" if self.title else f"a host {self.kind}"

    @property
    def patterns(self) -> frozenset[str]:
        """All that mean them."""
        return self.named | {self.machine_id}

    @property
    def title(self) -> str:
        """What files call the one host; "" where they have no word for it alone."""
        return " with machine-id ".join(filter(None, (self.name, self.machine_id)))

    @property
    def kind(self) -> str:
        """What those are for whom there is no word."""
        shown = " and ".join(f"'{glob}'" for glob in sorted(self.named))
        return f"like {shown}" if shown else "that no file names"

    def may_differ(self, other: "Hosts") -> bool:
        """Tell whether there can be two hosts, one of these and one of *other*."""
        names = self.named != other.named or self.namesakes
        return names and (self.machine_id != other.machine_id or not self.machine_id)


def population(patterns: Iterable[str]) -> tuple[Hosts, ...]:
    """Return all the hosts that *patterns*, as `host` reads them, can tell apart; TooManyError."""
    every = frozenset(patterns)
    ids = frozenset(filter(is_machine_id, every))
    names = list(_names(every - ids))
    return tuple(Hosts(*those, machine_id) for machine_id in ("", *sorted(ids)) for those in names)


def _names(patterns: frozenset[str]) -> Iterator[tuple[frozenset[str], str, bool]]:
    """Yield which of *patterns* mean one name, that name if it is one of them, and whether they mean others, too."""
    globs = sorted(one for one in patterns if not is_exact(one))
    spoken_for: Counter[frozenset[str]] = Counter()
    for name in sorted(patterns.difference(globs)):
        meant = frozenset(glob for glob in globs if fits(glob, name))
        spoken_for[meant] += len(name) <= LONGEST
        yield meant | {name}, name, False
    for meant, number in _numbers(globs).items():
        left = number - spoken_for[meant]
        if left:
            yield meant, "", left > 1


def _numbers(globs: Sequence[str]) -> Mapping[frozenset[str], int]:
    """Return, for each set of *globs* that are all that mean some hostname, how many hostnames there are of these."""
    tokens = tuple(tuple(TOKEN.findall(glob)) for glob in globs)
    states, moves = _automaton(tokens)
    ended = [_ended(globs, tokens, state) for state in states]
    numbers: Counter[frozenset[str]] = Counter()
    ways = [1] + [0] * (len(states) - 1)  # to come to each state, by so many letters
    for _ in range(LONGEST):
        step = [0] * len(states)
        for number, onward in zip(ways, moves, strict=True):
            for state, size in onward.items() if number else ():
                step[state] += number * size
        ways = step
        for each, number in zip(ended, ways, strict=True):
            numbers[each] += number
    return numbers


def _automaton(tokens: Tokens) -> tuple[list[State], list[Counter[int]]]:
    """Return all states, that before the first letter first, and from each how many letters lead to which others."""
    letters = {alike[0]: len(alike) for alike in _alike(tokens)}
    states = [tuple(_open(of, {0}) for of in tokens)]
    known = {states[0]: 0}
    moves: list[Counter[int]] = []
    for state in states:  # which grows
        moves.append(Counter())
        for letter, size in letters.items():
            to = _next(tokens, state, letter)
            if to not in known:
                known[to] = len(states)
                states.append(to)
            moves[-1][known[to]] += size
        if len(states) > MOST_STATES:
            raise TooManyError
    return states, moves


def _alike(tokens: Tokens) -> Iterator[str]:
    """Yield the letters of a hostname, those together between which no token makes a difference."""
    distinct = {token for of in tokens for token in of}
    groups: dict[tuple[bool, ...], str] = {}
    for letter in ALPHABET:
        key = tuple(fits(token, letter) for token in sorted(distinct))
        groups[key] = groups.get(key, "") + letter
    yield from groups.values()


def _ended(globs: Sequence[str], tokens: Tokens, state: State) -> frozenset[str]:
    """Return which of *globs* mean a name that ends here."""
    return frozenset(glob for glob, of, at in zip(globs, tokens, state, strict=True) if len(of) in at)


def _next(tokens: Tokens, state: State, letter: str) -> State:
    return tuple(
        _open(of, {place + (of[place] != "*") for place in at if place < len(of) and fits(of[place], letter)})
        for of, at in zip(tokens, state, strict=True)
    )


def _open(of: Sequence[str], at: Iterable[int]) -> frozenset[int]:
    """Return *at* with the tokens that may come next where a `*` stands for nothing."""
    found = set(at)
    for place, glob in enumerate(of):
        if place in found and glob == "*":
            found.add(place + 1)
    return frozenset(found)
