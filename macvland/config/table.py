"""One table of a file while it is read: it hands out values of the right type and collects all that is wrong.

It knows no key by name and no file: lines are found when the file is done, and only if something is wrong with it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from macvland.config.problem import Problem
from macvland.config.value import RefusalError, array, table
from macvland.config.wording import KeyPath

Value = TypeVar("Value")
Reader = Callable[[object], Value]  # raises RefusalError


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file; *problems* is one list for all tables of a file."""

    path: KeyPath
    content: dict[str, object]
    problems: list[Problem]

    def complain(self, key: KeyPath, wrong: str, right: str = "") -> None:
        """Note what is wrong with *key*, a path from this table on."""
        self.problems.append(Problem((*self.path, *key), wrong, right))

    def refuse_key(self, key: KeyPath, wrong: str, right: str = "") -> None:
        """Note that *key* has no business here, whatever its value."""
        self.problems.append(Problem((*self.path, *key), wrong, right, of_key=True))

    def read(self, key: str, reader: Reader[Value]) -> Value | None:
        """Return the value of *key*; None where it is missing or wrong."""
        return self._tried((key,), self.content[key], reader) if key in self.content else None

    def elements(self, key: str, reader: Reader[Value]) -> Iterator[tuple[int, Value]]:
        """Yield the good elements of the array *key* with their indices."""
        for index, element in enumerate(self.read(key, array) or ()):
            value = self._tried((key, index), element, reader)
            if value is not None:
                yield index, value

    def each(self, key: str, reader: Reader[Value]) -> Iterator[tuple[KeyPath, Value]]:
        """Yield the good values of *key*, a single one or an array, with their paths."""
        if isinstance(self.content.get(key), list):
            yield from (((key, index), value) for index, value in self.elements(key, reader))
        elif (single := self.read(key, reader)) is not None:
            yield (key,), single

    def table(self, key: str) -> "Table | None":
        """Return the table *key*; None where it is missing or no table."""
        content = self.read(key, table)
        return None if content is None else Table((*self.path, key), content, self.problems)

    def tables(self, key: str) -> "Iterator[tuple[int, Table]]":
        """Yield the elements of the array of tables *key* with their indices."""
        for index, content in self.elements(key, table):
            yield index, Table((*self.path, key, index), content, self.problems)

    def _tried(self, path: KeyPath, value: object, reader: Reader[Value]) -> Value | None:
        try:
            return reader(value)
        except RefusalError as refusal:
            self.complain(path, refusal.wrong, refusal.right)
            return None
