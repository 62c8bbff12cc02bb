"""The bytes of files that may be trusted, and nothing that could block, harm or fill the memory.

A file counts only if root owns it and root alone may write to it, its directory likewise; a link only if its target
and the target's directory pass as well. What is judged is what was opened, by fstat, never what a name meant before.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from macvland.config.value import RefusalError

LARGEST = 64 * 1024  # bytes
# O_NONBLOCK: a FIFO opens at once, without a writer. O_NOCTTY: a terminal does not become ours.
SAFELY = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def directory(path: Path) -> Iterator[int]:
    """Keep the directory *path* open; raises OSError."""
    descriptor = os.open(path, SAFELY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def refuse_unsafe(status: os.stat_result, what: str) -> None:
    """Refuse a file or directory that is not root's alone."""
    if status.st_uid != 0:
        raise RefusalError(f"{what} belongs to uid {status.st_uid}", "make it root's: chown root")
    if status.st_mode & OTHERS_MAY_WRITE:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        raise RefusalError(f"{what} may be written by others than root (mode {mode})", "take that away: chmod go-w")


def trusted(parent: int, file: Path) -> bytes | None:
    """Return what *file* holds, whose directory is open as *parent*; None for a link to /dev/null, which masks.

    Raises RefusalError, OSError, and FileNotFoundError only where the file has gone since it was listed.
    """
    try:
        return _trusted(parent, file.name, "the file")
    except OSError as error:
        if error.errno != errno.ELOOP:  # what O_NOFOLLOW says to a link
            raise
    return _linked(file)


def given(file: Path) -> bytes:
    """Return what *file* holds, whoever owns it. Raises RefusalError and OSError."""
    descriptor = os.open(file, SAFELY)
    try:
        status = os.fstat(descriptor)
        _refuse_irregular(status)
        return _content(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _linked(link: Path) -> bytes | None:
    target = Path(os.path.realpath(link))
    if str(target) == os.devnull:
        return None
    try:
        with directory(target.parent) as parent:
            refuse_unsafe(os.fstat(parent), f"the directory '{target.parent}' of the link's target")
            return _trusted(parent, target.name, "the link's target")
    except FileNotFoundError:
        link.lstat()  # else the link itself has gone
        raise RefusalError("is a link to nothing", "link it to /dev/null to mask the network") from None


def _trusted(parent: int, name: str, what: str) -> bytes:
    descriptor = os.open(name, SAFELY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        status = os.fstat(descriptor)
        _refuse_irregular(status)
        refuse_unsafe(status, what)
        return _content(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _refuse_irregular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "special")
        raise RefusalError(f"is {kind}", "write a regular file")


def _content(descriptor: int, size: int) -> bytes:
    content = os.read(descriptor, min(size, LARGEST) + 1)
    # A file may grow meanwhile, and those of procfs say that they are empty: the size proves nothing.
    while len(content) <= LARGEST and (more := os.read(descriptor, LARGEST + 1 - len(content))):
        content += more
    if len(content) > LARGEST:
        raise RefusalError("is larger than 64 KiB", "a network needs a few hundred bytes")
    return content
