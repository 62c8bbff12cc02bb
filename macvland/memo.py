"""What pure functions have computed, kept for what lives: neither a size that a large host outgrows, nor a leak.

A look and a pass meet the same files, networks and addresses again and again. A cache of a fixed size (lru_cache) is of
no use at all once they are more than it holds: each result is thrown out just before it is asked for again.
"""

from collections.abc import Callable, Hashable
from functools import wraps
from threading import Lock
from types import TracebackType
from typing import Any, Generic, TypeVar, TypeVarTuple

Keys = TypeVarTuple("Keys")
Value = TypeVar("Value")

SLACK = 2  # so many times what a round has asked for may be kept: then a round that forgets is rare


class Memo:
    """The results of functions that are asked in rounds: `with memo:` is one, of any thread.

    What a round asks for is there in the next one. What was not asked for is forgotten, at the latest when it is more
    than what was. Rounds of several threads that overlap count as one. Outside of a round nothing is added.
    """

    def __init__(self) -> None:
        """Start without functions."""
        self._lock = Lock()
        self._running = 0  # `with` blocks
        self._round = 0
        self._tables: list[_Table[Any]] = []

    def keeps(self, function: Callable[[*Keys], Value]) -> Callable[[*Keys], Value]:
        """Decorate a pure *function* of hashable arguments, so that its results are kept here; errors are not."""
        table: _Table[Value] = _Table()
        self._tables.append(table)

        @wraps(function)
        def remembering(*key: *Keys) -> Value:
            result = table.results.get(key)
            if result is None:
                result = _Result(function(*key))
                if self._running:
                    table.results[key] = result
            if result.round != self._round:
                result.round = self._round
                table.asked += 1
            return result.value

        return remembering

    def __enter__(self) -> None:
        with self._lock:
            self._running += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with self._lock:
            self._running -= 1
            if not self._running:
                for table in self._tables:
                    table.forget(self._round)
                self._round += 1

    def __len__(self) -> int:
        """Return how many results are kept."""
        return sum(len(table.results) for table in self._tables)


class _Result(Generic[Value]):
    """A result and the last round that asked for it."""

    __slots__ = ("round", "value")

    def __init__(self, value: Value) -> None:
        self.value = value
        self.round = -1


class _Table(Generic[Value]):
    """The results of one function by its arguments, and how many of them the round has asked for so far.

    Two threads may count one result twice, or two as one: then a little more or less is kept.
    """

    def __init__(self) -> None:
        self.results: dict[tuple[Hashable, ...], _Result[Value]] = {}
        self.asked = 0

    def forget(self, number: int) -> None:
        """End round *number*. One that has asked for nothing, as while Docker is away, says nothing of what lives."""
        if self.asked and len(self.results) > SLACK * self.asked:
            # A list first: a thread outside of all rounds may just add a result.
            self.results = {key: result for key, result in list(self.results.items()) if result.round == number}
        self.asked = 0
