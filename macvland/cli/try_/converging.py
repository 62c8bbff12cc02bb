"""What the daemon makes of a file that is put on trial, and of the files once it is gone again: waited for, never done.

The daemon hears of both by itself. It is not asked to reload, for that would also say of a directory which vanished
meanwhile that its networks are to go.
"""

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from threading import TIMEOUT_MAX, Event

from macvland import status as report
from macvland.cli.apply import settled
from macvland.cli.daemon import is_current, last, watching
from macvland.cli.outlook import Outlook, outlook
from macvland.error import ApplyError
from macvland.status import State, Status

BROKEN = frozenset({State.FAILED, State.CONFLICT})
Version = tuple[int, int]
NEVER: Version = (0, 0)  # no file has it


class News:
    """The status file, watched."""

    def __init__(self) -> None:
        """Watch it from now on; ApplyError where that is not possible."""
        self._changed = Event()
        self._arm = watching(self._changed)
        if trouble := self._arm():
            raise ApplyError(trouble)

    def until(self, reached: Callable[[Status], bool], seconds: float) -> bool:
        """Wait until *reached* is so of the status; return False after *seconds*, or when the daemon has gone."""
        end = time.monotonic() + seconds
        while True:
            self._changed.clear()
            now = last()
            if now and reached(now):
                return True
            gone = now is None or not is_current(now)
            left = min(1.0, end - time.monotonic()) if gone else end - time.monotonic()  # a restart takes a second
            if not self._changed.wait(max(0.0, min(left, TIMEOUT_MAX))) and (gone or time.monotonic() >= end):
                return False


def taken(now: Status, file: Path) -> bool:
    """Tell whether *now* is of a pass that read *file*."""
    return any(one.file == str(file) for one in now.networks) or bool(_wrong(now, file))


def arrived(now: Status, file: Path, concerned: Collection[str]) -> bool:
    """Tell whether the daemon has done with *file* what it can, as far as the networks *concerned* go."""
    networks = tuple(one for one in now.networks if one.name in concerned)
    return taken(now, file) and settled(replace(now, networks=networks))


def failure(now: Status | None, file: Path) -> str:
    """Return why *file* does not work; "" where it does, or would if what it waits for came."""
    if now is None or not is_current(now):
        return "macvland has stopped"
    if not taken(now, file):
        return "macvland has not taken it up in time; 'journalctl -u macvland' may tell why"
    own = next((one for one in now.networks if one.file == str(file)), None)
    if own and own.state in BROKEN:
        return f"{own.name}: {own.state}: {'; '.join(own.reasons)}"
    return "; ".join(_wrong(now, file))


def _wrong(now: Status, file: Path) -> list[str]:
    return [one.text for one in now.wrong_files if str(file) in one.field("file")]


def version() -> Version:
    """Return what tells one status file from the next: each is another file."""
    try:
        found = report.FILE.stat()
    except OSError:
        return NEVER
    return found.st_ino, found.st_mtime_ns


def restored(news: News, before: Outlook, file: Path, since: Version, seconds: float) -> tuple[str, ...]:
    """Wait until the host is again as *before* had it; return what is not.

    A pass that had read *file* may be under way: the first status after *since* that does not speak of it is not of
    that one, for there is one pass at a time.
    """
    left: tuple[str, ...] = ("macvland does not look at its files; start it with 'systemctl start macvland'",)

    def reached(now: Status) -> bool:
        nonlocal left
        if version() == since or taken(now, file):
            return False
        try:
            left = lacking(before, outlook())
        except ApplyError as error:
            left = (str(error),)
        return not left

    news.until(reached, seconds)
    return left


def lacking(before: Outlook, now: Outlook) -> tuple[str, ...]:
    """Return what of *now* is still to be done, or in the way, and was not so *before*."""
    actions = (f"{one.network}: {one}" for one in now.actions if one not in before.actions)
    obstacles = (f"{one.network}: {one}" for one in now.obstacles if one not in before.obstacles)
    errors = (str(one) for one in now.declared.errors if one not in before.declared.errors)
    return (*actions, *obstacles, *errors)
