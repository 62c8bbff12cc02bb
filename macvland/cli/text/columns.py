"""Rows laid out in columns that fit a terminal: one column yields. Pure."""

from collections.abc import Sequence

from macvland.cli.text.cells import padded, width

LEAST = 8  # cells of the column that yields


def laid_out(rows: Sequence[Sequence[str]], columns: int, elastic: int) -> list[str]:
    """Return *rows*, all of equal length, as lines of at most *columns*, by cutting column *elastic*."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(width(row[index]) for row in shown) for index in range(len(shown[0]))]
    excess = sum(widths) + 2 * (len(widths) - 1) - columns
    widths[elastic] = max(LEAST, widths[elastic] - max(0, excess))
    lines = ("  ".join(padded(cut(cell, wide), wide) for cell, wide in zip(row, widths, strict=True)) for row in shown)
    return [line.rstrip() for line in lines]


def printable(text: str) -> str:
    """Return *text* with a mark in the place of each character that does not print."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def cut(text: str, wide: int) -> str:
    """Return *text* in at most *wide* cells; an ellipsis stands for what is missing."""
    if width(text) <= wide:
        return text
    while width(text) >= wide:
        text = text[:-1]
    return f"{text}…"
