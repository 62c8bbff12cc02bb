"""Where in a TOML text its keys stand: tomli gives values without their lines.

It reads only what tomli has accepted, so it checks nothing and refuses nothing; it is asked only once something is
wrong with a file. Elements of arrays have a place of their own, keys of inline tables too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import tomli

from macvland.config.wording import KeyPath

# Each alternative stands before those that would match its beginning. A multi-line string may end in up to two quotes
# of its own before the closing three (TOML 1.0, "String").
TOKEN = re.compile(
    r'''
      (?P<string> """ (?: [^"\\] | \\. | "{1,2}(?!") )* "{3,5}
                | \'\'\' (?: [^'] | '{1,2}(?!') )* '{3,5}
                | " (?: [^"\\] | \\. )* "
                | ' [^']* ' )
    | (?P<comment> \#[^\n]* )
    | (?P<newline> \n )
    | (?P<mark>    [\[\]{},=.] )
    | (?P<bare>    [^\s\[\]{},=.\#"']+ )
    ''',
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """A piece of the text that is neither space nor comment."""

    text: str
    line: int
    column: int


class Place(NamedTuple):
    """Where something stands: line and column, in characters, count from 1; it is *length* of them on that line."""

    line: int
    column: int
    length: int


class Places(NamedTuple):
    """Where a key stands, and its value. A table's header and an element of an array are both."""

    key: Place
    value: Place


NOWHERE = Place(0, 0, 0)  # the whole file


def locate(text: str) -> dict[KeyPath, Places]:
    """Return the places of every table, key and array element of *text*."""
    found: dict[KeyPath, Places] = {}
    newest: dict[KeyPath, int] = {}  # of each array of tables the index of its last element
    table: KeyPath = ()
    for statement in _statements(text):
        if statement[0].text == "[":
            table = _header(statement, newest)
            header = _span(statement)
            pairs = iter([(table, Places(header, header))])
        else:
            pairs = _values(table, statement)
        for path, places in pairs:
            for length in range(1, len(path)):
                found.setdefault(path[:length], Places(places.key, places.key))
            found.setdefault(path, places)
    return found


def places_of(found: Mapping[KeyPath, Places], path: KeyPath) -> Places:
    """Return the places of *path*; of what is missing, the key that it is missing from; NOWHERE for the whole file."""
    if path in found:
        return found[path]
    while path and path not in found:
        path = path[:-1]
    key = found[path].key if path else NOWHERE
    return Places(key, key)


def _statements(text: str) -> Iterator[list[Token]]:
    """Split *text* where a newline ends a statement: outside of strings, arrays and inline tables."""
    statement: list[Token] = []
    line, depth, start = 1, 0, 0  # the line, and where it starts
    for match in TOKEN.finditer(text):
        piece = match.group()
        if match.lastgroup == "mark":
            depth += (piece in "[{") - (piece in "]}")
        if match.lastgroup in {"string", "mark", "bare"}:
            statement.append(Token(piece, line, match.start() - start + 1))
        elif match.lastgroup == "newline" and depth == 0 and statement:
            yield statement
            statement = []
        if "\n" in piece:
            line += piece.count("\n")
            start = match.start() + piece.rindex("\n") + 1
    if statement:
        yield statement


def _header(statement: Sequence[Token], newest: dict[KeyPath, int]) -> KeyPath:
    """Return the path of a [table] or of the next element of a [[table]]; names in between mean the last element."""
    *parents, last = _parts(token for token in statement if token.text not in {"[", "]"})
    path: KeyPath = ()
    for part in parents:
        path = (*path, part)
        path = (*path, newest[path]) if path in newest else path
    path = (*path, last)
    if statement[1].text != "[":
        return path
    newest[path] = newest.get(path, -1) + 1
    return (*path, newest[path])


def _span(tokens: Sequence[Token]) -> Place:
    """Return where *tokens* stand, which follow each other on one line, but for the last, which may go on."""
    first, last = tokens[0], tokens[-1]
    return Place(first.line, first.column, last.column - first.column + len(last.text.partition("\n")[0]))


def _values(table: KeyPath, statement: Sequence[Token]) -> Iterator[tuple[KeyPath, Places]]:
    """Yield the places of every key and array element of one `key = value`, nested ones included."""
    containers = [_Container(table)]
    key: list[Token] = []
    in_key = True
    for token in statement:
        inner = containers[-1]
        if in_key and token.text not in {"=", "}"}:
            key.append(token)
        elif token.text == "=":
            inner.key, inner.place = tuple(_parts(key)), _span(key)
            key, in_key = [], False
        elif token.text == ",":
            yield from inner.done()
            inner.index += 1
            in_key = not inner.array
        elif token.text in {"]", "}"}:
            yield from inner.done()
            containers.pop()
            in_key = False
        else:
            inner.value.append(token)
            if token.text in {"[", "{"}:
                in_key = token.text == "{"
                containers.append(_Container(inner.here, array=not in_key))
                yield from inner.done()
    yield from containers[0].done()


@dataclass(slots=True)
class _Container:
    """An array or inline table that is being read."""

    path: KeyPath
    array: bool = False
    index: int = 0  # of the element that is being read
    key: KeyPath = ()  # whose value is being read
    place: Place | None = None  # of that key
    value: list[Token] = field(default_factory=list)  # what is read of the value; numbers and dates are several tokens

    @property
    def here(self) -> KeyPath:
        """The path of the value that is being read."""
        return (*self.path, self.index) if self.array else (*self.path, *self.key)

    def done(self) -> Iterator[tuple[KeyPath, Places]]:
        """Yield the places of the value that has been read; of an array and a table, their bracket."""
        if self.value:
            place = _span(self.value)
            yield self.here, Places(self.place or place, place)
            self.value = []


def _parts(key: Iterable[Token]) -> Iterator[str]:
    """Yield the names of a dotted key, without their quotes."""
    for token in key:
        if token.text[0] in "\"'":
            yield tomli.loads(f"name = {token.text}")["name"]
        elif token.text != ".":
            yield token.text
