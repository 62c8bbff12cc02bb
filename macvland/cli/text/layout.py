"""Rows and paragraphs laid out for so many columns. Pure; words are never cut, so that an address stays whole."""

from collections.abc import Sequence
from itertools import zip_longest

from macvland.cli.text.cells import padded, width

GAP = 2  # columns between two cells


def filled(text: str, columns: int, indent: str = "", further: str | None = None) -> list[str]:
    """Return *text* in lines of *columns*, the first begun with *indent*, others with *further* (None: the same)."""
    lines: list[str] = []
    line, begun = indent, False
    for word in text.split():
        if begun and width(line) + 1 + width(word) > columns:
            lines.append(line)
            line, begun = (indent if further is None else further), False
        line += f" {word}" if begun else word
        begun = True
    return [*lines, line]


def laid_out(rows: Sequence[Sequence[str]], columns: int) -> list[list[list[str]]] | None:
    """Return each of *rows* as lines of padded cells, wrapped at words; None where *columns* are too few for these."""
    table = list(zip(*rows, strict=True))
    room = columns - GAP * (len(table) - 1)
    widths = _shrunk(table, room)
    if widths is None:
        return None
    whole = [_widest(column) for column in table]
    widths = _tight(table, widths)
    for index in reversed(range(len(widths))):  # what wrapping left over goes to the last columns, which hold most
        widths[index] = min(whole[index], widths[index] + room - sum(widths))
        widths = _tight(table, widths)
    return [_lines(row, widths) for row in rows]


def _shrunk(table: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Return widths that together fit into *room*: always the widest column yields that is no single word."""
    widths = [_widest(column) for column in table]
    least = [_widest([word for cell in column for word in cell.split()]) for column in table]
    while sum(widths) > room:
        spare = [index for index in range(len(widths)) if widths[index] > least[index]]
        if not spare:
            return None
        widths[max(spare, key=lambda index: widths[index])] -= 1
    return widths


def _tight(table: Sequence[Sequence[str]], widths: Sequence[int]) -> list[int]:
    """Return what of *widths* is used once the cells are wrapped."""
    return [
        _widest([line for cell in column for line in filled(cell, room)])
        for column, room in zip(table, widths, strict=True)
    ]


def _widest(texts: Sequence[str]) -> int:
    return max(map(width, texts), default=0)


def _lines(row: Sequence[str], widths: Sequence[int]) -> list[list[str]]:
    wrapped = [filled(cell, room) for cell, room in zip(row, widths, strict=True)]
    lines = zip_longest(*wrapped, fillvalue="")
    return [[padded(cell, room) for cell, room in zip(line, widths, strict=True)] for line in lines]


def joined(cells: Sequence[str]) -> str:
    """Return a line of *cells*."""
    return (" " * GAP).join(cells).rstrip()
