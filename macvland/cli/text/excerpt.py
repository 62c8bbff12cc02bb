"""A line of a file with carets below what is wrong with it, as compilers show it. Pure.

Whatever is in the line, what is shown is one line, prints, and is no longer than asked.
"""

from itertools import accumulate

from macvland.cli.text.cells import shown, width

INDENT = "  "
CUT = "…"
BEFORE = 3  # of what is shown of a long line, one part in so many stands before the carets


def excerpt(source: str, column: int, length: int, cells: int) -> tuple[str, str]:
    """Return *source* and the carets below *length* characters from *column* on (from 1), in *cells* at most.

    The end of the line may be pointed at: there the column is one more than it has characters.
    """
    pieces = _pieces(source)
    starts = [0, *accumulate(width(piece) for piece in pieces)]  # the cell of each piece, and of the end
    first = min(column - 1, len(pieces))
    last = min(first + max(length, 1), len(pieces))
    room = cells - len(INDENT) - 2 * len(CUT)
    begin, end = _window(starts, first, room)
    left = CUT if begin else ""
    right = CUT if end < len(pieces) else ""
    offset = len(INDENT) + len(left) + starts[first] - starts[begin]
    carets = max(starts[min(last, end)] - starts[first], 1)
    return f"{INDENT}{left}{''.join(pieces[begin:end])}{right}".rstrip(), " " * offset + "^" * carets


def _pieces(source: str) -> list[str]:
    """Return what is shown for each character of *source*."""
    pieces, at = [], 0
    for character in source:
        pieces.append(shown(character, at))
        at += width(pieces[-1])
    return pieces


def _window(starts: list[int], first: int, room: int) -> tuple[int, int]:
    """Return the first piece and the one after the last that are shown of a line: *first* is among them."""
    pieces = len(starts) - 1
    if starts[-1] <= room:
        return 0, pieces
    # Some of what is before, but no emptiness behind the end.
    least = max(0, min(starts[first] - room // BEFORE, starts[-1] - room))
    begin = next(piece for piece in range(first + 1) if starts[piece] >= least or piece == first)
    end = next((piece for piece in range(begin, pieces) if starts[piece + 1] - starts[begin] > room), pieces)
    return begin, end
