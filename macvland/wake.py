"""What wakes the daemon when files change; netlink and Docker are watched in their edges. A wake-up carries no data.

Refuses to read what has changed: whoever is woken looks at everything. Our own reading wakes nobody.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from inspect import signature
from itertools import count
from pathlib import Path
from typing import Any

from watchdog import events
from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

# Not "opened": we open them ourselves. "attrib" is a "modified" up to watchdog 6: a chmod may make a file trustworthy.
CHANGES = frozenset({"created", "modified", "attrib", "deleted", "moved", "closed"})

# From 2.3 on watchdog has the kernel tell of every open as well, and on a shared directory such as /usr/lib that is two
# wake-ups a second, where it is not told (4.0) what is asked for. Debian 12's 2.2 asks for changes alone.
ASKED: dict[str, Any] = {
    "event_filter": [
        FileSystemEvent,  # the kernel is asked for what follows; of that everything passes
        events.FileCreatedEvent,
        events.FileModifiedEvent,
        events.FileDeletedEvent,
        events.FileMovedEvent,
        events.FileClosedEvent,
    ]
}
FILTER = ASKED if "event_filter" in signature(BaseObserver.schedule).parameters else {}

# Events to a look that no event asks for. The kernel keeps 16,384 of them and loses what comes then (IN_Q_OVERFLOW), of
# which watchdog says nothing; but those it kept come after the loss, and so comes a look.
FLOOD = 1000

LINKS = 40  # on one way at most, as the kernel has it (path_resolution(7), MAXSYMLINKS)

Identity = tuple[int, int, int, int]


class Watcher(FileSystemEventHandler):
    """Watches directories of *.toml files, those that are missing included, and single files such as a socket."""

    def __init__(
        self, directories: Iterable[Path], files: Mapping[Path, Callable[[], object]], wake: Callable[[], object]
    ) -> None:
        """Take *wake* for the directories, and for each of *files* what to call when it comes or goes."""
        self._asked = tuple(directories)
        self._directories: frozenset[Path] = frozenset()  # where they lead by now: the kernel watches no link
        self._files = {Path(os.path.realpath(file.parent), file.name): call for file, call in files.items()}
        self._wake = wake
        self._targets: frozenset[Path] = frozenset()
        self._armed: dict[Path, tuple[Identity, ObservedWatch]] = {}
        self._dead: set[Path] = set()  # watches that ended with their directory
        self._flood = count(1)
        self._observer: BaseObserver | None = None

    def arm(self) -> str:
        """Set the watches to what is there now; return why some are missing, "" if none is.

        A directory that does not exist is watched for in the nearest one above; one that was replaced gets a new
        watch, for the old one is dead; its parent is watched too, for a rename is no event in itself; links are
        followed to the file they name, for neither an edit there nor a link turned on the way is an event here.
        """
        self._directories = frozenset(Path(os.path.realpath(directory)) for directory in self._asked)
        self._targets = frozenset(_targets(self._asked))
        parents = {path.parent for path in (*self._directories, *self._files, *self._targets)}
        dead = {self._dead.pop() for _ in range(len(self._dead))}
        wanted = dict(_identities({*self._directories, *parents}))
        ended = [path for path, (identity, _) in self._armed.items() if path in dead or wanted.get(path) != identity]
        trouble = ""
        try:
            observer = self._observing()
        except OSError as error:
            return f"cannot watch any directory: {error.strerror}"
        for path in ended:
            observer.unschedule(self._armed.pop(path)[1])
        for path in sorted(wanted.keys() - self._armed.keys(), reverse=True):
            try:
                watch = observer.schedule(self, str(path), recursive=False, **FILTER)
            except OSError as error:
                trouble = f"cannot watch {path}: {error.strerror}"
            else:
                self._armed[path] = (wanted[path], watch)
        return trouble

    def _observing(self) -> BaseObserver:
        """Return watchdog's observer. From 7 on it has one inotify instance for all; OSError where none is left."""
        if self._observer is None:
            observer = Observer()
            observer.daemon = True
            observer.start()
            self._observer = observer
        return self._observer

    def close(self) -> None:
        """End all watches."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()

    def dispatch(self, event: FileSystemEvent) -> None:
        """Call whom *event* concerns."""
        if next(self._flood) % FLOOD == 0:
            self._wake()
        if event.event_type not in CHANGES:
            return
        for text in {event.src_path, getattr(event, "dest_path", "")} - {""}:
            path = Path(os.fsdecode(text))
            if event.event_type == "deleted" and path in self._armed:
                self._dead.add(path)  # the one made in its place may get its inode number
            if event.event_type == "modified" and self._is_as_armed(path):
                continue
            for file, call in self._files.items():
                if path == file or path in file.parents:
                    call()
            if self._concerns(path):
                self._wake()

    def _is_as_armed(self, path: Path) -> bool:
        """Tell whether *path* is a directory to which nothing happened: what happens in it is told of it as well."""
        armed = self._armed.get(path)  # once: `arm` may take it away meanwhile, in another thread
        return armed is not None and dict(_identities([path])).get(path) == armed[0]

    def _concerns(self, path: Path) -> bool:
        if path.parent in self._directories:
            return path.suffix == ".toml"
        if path in self._directories or path in self._targets:
            return True
        return any(path in one.parents for one in (*self._directories, *self._targets, *self._files))


def _targets(directories: Iterable[Path]) -> Iterator[Path]:
    """Yield what decides which file a link in *directories* means, or where one of them leads if it is a link."""
    for directory in directories:
        if os.path.realpath(directory) != str(directory):
            yield from _way(directory)
        try:
            with os.scandir(directory) as entries:
                links = [Path(entry.path) for entry in entries if entry.is_symlink()]
        except OSError:
            continue
        for link in links:
            yield from _way(link)


def _way(path: Path) -> Iterator[Path]:
    """Yield each link on the way that *path* leads, and what is at its end, there or not."""
    with suppress(OSError):  # a link that goes meanwhile ends the way
        for _ in range(LINKS):
            link = next((one for one in (*reversed(path.parents), path) if one.is_symlink()), None)
            if link is None:
                break
            yield link
            path = Path(link.parent, link.readlink(), path.relative_to(link))
    yield path


def _identities(paths: Iterable[Path]) -> Iterator[tuple[Path, Identity]]:
    """Yield each directory, or the nearest one above that exists, with what tells it from one put in its place.

    Its owner and rights are part of that: they decide whether its files count.
    """
    for path in paths:
        for candidate in (path, *path.parents):
            try:
                found = candidate.stat()
            except OSError:
                continue
            yield candidate, (found.st_dev, found.st_ino, found.st_uid, found.st_mode)
            break
