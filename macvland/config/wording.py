r"""How keys and values are shown in an error, whatever is in them.

What a file holds reaches logs and terminals only through here: control characters, bidirectional overrides and
all else that does not print are escaped as in Python (`\x1b`, `\u202e`), and nothing is longer than a line.
"""

import re
from datetime import date, datetime, time
from pathlib import Path

KeyPath = tuple[str | int, ...]  # ("subnet", 0, "reserved", 2): tables and keys by name, elements by index from 0

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
LONGEST = 100  # characters of a value that a message repeats

KINDS: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),  # before int: bool is one
    (int, "a number"),
    (float, "a number"),
    (str, "a string"),
    (list, "an array"),
    (dict, "a table"),
    (datetime, "a date and time"),  # before date: datetime is one
    (date, "a date"),
    (time, "a time"),
)


def escaped(text: str) -> str:
    """Return *text* with all that does not print escaped, cut where it is too long for a message."""
    whole = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: LONGEST + 1])
    return whole if len(text) <= LONGEST else f"{whole[:LONGEST]}…"


def quoted(value: object) -> str:
    """Return *value* as a message shows it, in 'ticks'."""
    return f"'{escaped(str(value))}'"


def kind_of(value: object) -> str:
    """Return what TOML calls the type of *value*, with its article."""
    return next(words for kind, words in KINDS if isinstance(value, kind))


def dotted(key: str, value: object) -> tuple[str, ...]:
    """Return the parts of a dotted key: TOML reads `com.docker.network.driver.mtu` as five nested tables."""
    path: tuple[str, ...] = (key,)
    while isinstance(value, dict) and value:
        inner, value = next(iter(value.items()))
        path = (*path, inner)
    return path


def key_of(path: KeyPath) -> str:
    """Return *path* as people read it: `subnet[1].reserved[3]`, elements counted from 1."""
    shown = ""
    for part in path:
        if isinstance(part, int):
            shown += f"[{part + 1}]"
            continue
        shown += "." if shown else ""
        shown += part if BARE_KEY.fullmatch(part) else f'"{escaped(part)}"'
    return shown


def shown_path(file: Path) -> Path:
    """Return *file* such that it can be printed."""
    return file if str(file).isprintable() else Path(*(escaped(part) for part in file.parts))
