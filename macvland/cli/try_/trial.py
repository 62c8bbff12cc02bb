"""A file on trial as a file: put where it counts before all others, taken away again, or kept for good.

Refuses to look at the network: what comes of it is up to the daemon.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from macvland.config import KEPT
from macvland.config.trial import DIRECTORY, clock, end_of, stamped

OWN = 0o755  # everybody may read: the daemon is not root


class TrialError(Exception):
    """There can be no trial now: why, and what to do."""


@contextmanager
def alone(directory: Path = DIRECTORY) -> Iterator[None]:
    """Be the only one who tries a file: two could not tell whose doing the other's changes are. TrialError, OSError."""
    for path in (directory.parent, directory):
        with suppress(FileExistsError):
            path.mkdir()
            path.chmod(OWN)  # whatever the umask
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sweep(directory)
        yield
    except BlockingIOError:
        raise TrialError("another file is on trial: answer its macvlanctl first, or end it with Ctrl-C") from None
    finally:
        os.close(descriptor)


def _sweep(directory: Path) -> None:
    """Remove what was left by one that was killed, once it does not count any more."""
    for file in (each for each in directory.iterdir() if each.is_file()):
        left = end_of(file.read_bytes()) - clock() if file.suffix == ".toml" else 0.0
        if left > 0:
            raise TrialError(
                f"a trial whose macvlanctl was killed is not over: wait {left:.0f} s, or remove {file} to end it"
            )
        file.unlink()


def place(name: str, text: bytes, until: float, directory: Path = DIRECTORY) -> Path:
    """Put *text* on trial until *until*, whole or not at all; return its file."""
    return _write(directory / name, stamped(text, until))


def withdraw(file: Path) -> bool:
    """Take a trial away: from then on the files count as they were. Return whether it was there."""
    try:
        file.unlink()
    except FileNotFoundError:
        return False
    return True


def edition(file: Path) -> tuple[int, int] | None:
    """Return what tells one *file* from another that takes its place, or from itself after an edit; None without it."""
    try:
        found = file.lstat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def keep(file: Path, text: bytes, directory: Path = KEPT) -> Path:
    """Move a trial to where it stays, in place of what is there; nothing in between means anything else."""
    kept = _write(directory / file.name, text)
    # Not before: it masks the one that is written, which says the same. Where it cannot be removed, it ends by itself.
    with suppress(OSError):
        withdraw(file)
    return kept


def _write(file: Path, text: bytes) -> Path:
    """Replace *file* by one with *text*, at once, and so that a power cut does not undo it."""
    new = file.with_name(f".{file.name}.new")
    try:
        with new.open("wb") as opened:
            opened.write(text)
            os.fchmod(opened.fileno(), 0o644)
            opened.flush()
            os.fsync(opened.fileno())
        new.replace(file)
    except OSError:
        new.unlink(missing_ok=True)
        raise
    _settle(file.parent)
    return file


def _settle(directory: Path) -> None:
    """Have the disk know of a rename. Where it cannot say so, the file is there all the same."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
