"""The terminal that is written to, if it is one: how wide it is, and whether it shows colours."""

import os
import shutil
import sys
from collections.abc import Callable

from macvland.status import State

UNBOUNDED = 10_000  # columns of what is no terminal: programs read lines

BOLD, RED, GREEN, YELLOW, CYAN = "1", "31", "32", "33", "36"
COLOURS = {
    State.FAILED: RED,
    State.CONFLICT: RED,
    State.WAITING: YELLOW,
    State.CHECKING: YELLOW,
    State.LEAVING: YELLOW,
    State.FOREIGN: CYAN,
    State.READY: GREEN,
}

Paint = Callable[[str, str], str]  # text and colour → what the terminal is given


def plain(text: str, colour: str) -> str:  # noqa: ARG001 - as all of Paint
    """Return *text* as it is."""
    return text


def coloured(text: str, colour: str) -> str:
    """Return *text* in *colour* (ECMA-48, SGR)."""
    return f"\x1b[{colour}m{text}\x1b[0m"


def paint() -> Paint:
    """Return how standard output takes colours: on a terminal only, and not where NO_COLOR is set (no-color.org)."""
    dull = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty()
    return plain if dull else coloured


def columns() -> int:
    """Return how many columns standard output has; COLUMNS counts before what the terminal says."""
    return shutil.get_terminal_size((UNBOUNDED, 24)).columns if sys.stdout.isatty() or _said() else UNBOUNDED


def _said() -> bool:
    return os.environ.get("COLUMNS", "").isdecimal()
