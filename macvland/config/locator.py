"""Where in a TOML text its keys stand: tomli gives values without their lines.

It reads only what tomli has accepted, so it checks nothing and refuses nothing; it is asked only once something is
wrong with a file. Elements of arrays have a line of their own, keys of inline tables too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


def locate(text: str) -> dict[KeyPath, int]:
    """Return the line, counted from 1, of every table, key and array element of *text*."""
    lines: dict[KeyPath, int] = {}
    newest: dict[KeyPath, int] = {}  # of each array of tables the index of its last element
    table: KeyPath = ()
    for statement in _statements(text):
        if statement[0].text == "[":
            table = _header(statement, newest)
            places = iter([(table, statement[0].line)])
        else:
            places = _values(table, statement)
        for path, line in places:
            for length in range(1, len(path) + 1):
                lines.setdefault(path[:length], line)
    return lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int:
    """Return the line of *path*; of what is missing, the line of what it is missing from; 0 for the whole file."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)


def _statements(text: str) -> Iterator[list[Token]]:
    """Split *text* where a newline ends a statement: outside of strings, arrays and inline tables."""
    statement: list[Token] = []
    line, depth = 1, 0
    for match in TOKEN.finditer(text):
        piece = match.group()
        if match.lastgroup == "mark":
            depth += (piece in "[{") - (piece in "]}")
        if match.lastgroup in {"string", "mark", "bare"}:
            statement.append(Token(piece, line))
        elif match.lastgroup == "newline" and depth == 0 and statement:
            yield statement
            statement = []
        line += piece.count("\n")
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


def _values(table: KeyPath, statement: Sequence[Token]) -> Iterator[tuple[KeyPath, int]]:
    """Yield the place of every key and array element of one `key = value`, nested ones included."""
    containers = [_Container(table)]
    key: list[Token] = []
    in_key = True
    for token in statement:
        inner = containers[-1]
        if in_key and token.text not in {"=", "}"}:
            key.append(token)
        elif token.text == "=":
            inner.key = tuple(_parts(key))
            yield inner.here, key[0].line
            key, in_key = [], False
        elif token.text == ",":
            inner.index += 1
            in_key = not inner.array
        elif token.text in {"]", "}"}:
            containers.pop()
            in_key = False
        else:
            yield inner.here, token.line
            if token.text in {"[", "{"}:
                in_key = token.text == "{"
                containers.append(_Container(inner.here, array=not in_key))


@dataclass(slots=True)
class _Container:
    """An array or inline table that is being read."""

    path: KeyPath
    array: bool = False
    index: int = 0  # of the element that is being read
    key: KeyPath = ()  # whose value is being read

    @property
    def here(self) -> KeyPath:
        """The path of the value that is being read."""
        return (*self.path, self.index) if self.array else (*self.path, *self.key)


def _parts(key: Iterable[Token]) -> Iterator[str]:
    """Yield the names of a dotted key, without their quotes."""
    for token in key:
        if token.text[0] in "\"'":
            yield tomli.loads(f"name = {token.text}")["name"]
        elif token.text != ".":
            yield token.text
