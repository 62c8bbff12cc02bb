"""Rows laid out in columns that fit a terminal."""

import shutil
from collections.abc import Sequence

UNBOUNDED = 1 << 16  # columns of what is no terminal: nothing is cut for a program


def width() -> int:
    """Return how many columns the terminal has; without one, as many as anybody needs. COLUMNS says otherwise."""
    return shutil.get_terminal_size(fallback=(UNBOUNDED, 0)).columns


def laid_out(rows: Sequence[Sequence[str]], columns: int, elastic: int) -> list[str]:
    """Return *rows*, all of equal length, as lines of at most *columns*, by cutting column *elastic*."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    excess = sum(widths) + 2 * (len(widths) - 1) - columns
    widths[elastic] = max(8, widths[elastic] - max(0, excess))
    lines = ("  ".join(cut(cell, wide).ljust(wide) for cell, wide in zip(row, widths, strict=True)) for row in rows)
    return [line.rstrip() for line in lines]


def cut(text: str, wide: int) -> str:
    """Return *text* in at most *wide* columns; an ellipsis stands for what is missing."""
    return text if len(text) <= wide else f"{text[: wide - 1]}…"
