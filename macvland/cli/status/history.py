"""What the journal holds of one network: the daemon's records with its name.

Refuses to guess: a journal that may not be read looks like an empty one, and so its files are asked first.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from macvland.status import rfc3339

TAIL = 10  # records
DIRECTORIES = (Path("/run/log/journal"), Path("/var/log/journal"))
CHANGED = "e828b1c0f32744fb87076903ef18732e"  # journal.CHANGED, whose module writes and is 20 ms of imports

HOW = "run this as root, or as a member of the group systemd-journal"


class UnreadableError(Exception):
    """The journal cannot be read: why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record of the journal."""

    time: str  # RFC 3339 UTC
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The last records of a network, oldest first, and the last one that says that something was changed."""

    records: tuple[Record, ...]
    changed: Record | None


def history(network: str) -> History:
    """Return what the journal holds of *network*. UnreadableError where it may not be read, or is none."""
    _refuse_unreadable(file for directory in DIRECTORIES for file in directory.glob("*/*.journal"))
    # 10 ms, which only the status of one network needs.
    from systemd import journal  # noqa: PLC0415

    try:
        with journal.Reader() as reader:
            reader.add_match(MACVLAND_NETWORK=network)
            records = tuple(_backwards(reader, TAIL, network))[::-1]
            reader.add_match(MESSAGE_ID=CHANGED)
            return History(records=records, changed=next(_backwards(reader, 1, network), None))
    except OSError as error:
        raise UnreadableError(f"the journal cannot be read: {error.strerror}; {HOW}") from error


def _refuse_unreadable(files: Iterable[Path]) -> None:
    """Refuse a journal of which no file may be read; the user's own ones hold nothing of the daemon's."""
    found = [file for file in files if not file.name.startswith("user-")]
    if not found:
        raise UnreadableError("this host has no journal, or its directory cannot be listed; " + HOW)
    if not any(os.access(file, os.R_OK) for file in found):
        raise UnreadableError(f"the journal cannot be read: {found[0]}: Permission denied; {HOW}")


def _backwards(reader: Any, count: int, network: str) -> Iterator[Record]:
    """Yield the last *count* records of *reader*, the newest first, without the name of *network* before each line."""
    reader.seek_tail()
    for _ in range(count):
        entry = reader.get_previous()
        if not entry:
            return
        moment: datetime = entry["__REALTIME_TIMESTAMP"]
        text = " ".join("".join(c if c.isprintable() else " " for c in str(entry.get("MESSAGE", ""))).split())
        yield Record(time=rfc3339(moment.astimezone(UTC)), text=text.removeprefix(f"{network}: "))
