"""One daemon at a time: a lock on a file in /run/macvland that ends with the process, however it ends."""

import fcntl
import os
from pathlib import Path

DIRECTORY = Path("/run/macvland")


class TakenError(Exception):
    """Another daemon has the lock."""


class Lock:
    """The lock file, and whether it is still the one that others see."""

    def __init__(self, path: Path = DIRECTORY / "lock") -> None:
        """Name the file; nothing is opened yet."""
        self.path = path
        self._file = -1

    def hold(self) -> None:
        """Take the lock, or take it again where somebody removed the file; TakenError, OSError if the disk refuses."""
        if self._file >= 0 and self._is_ours():
            return
        self.path.parent.mkdir(mode=0o755, exist_ok=True)
        new = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(new, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as refused:
            os.close(new)
            if isinstance(refused, BlockingIOError):
                raise TakenError(f"another macvland holds {self.path}") from None
            raise
        if self._file >= 0:
            os.close(self._file)
        self._file = new

    def _is_ours(self) -> bool:
        ours = os.fstat(self._file)
        try:
            seen = self.path.stat()
        except OSError:
            return False
        return (ours.st_dev, ours.st_ino) == (seen.st_dev, seen.st_ino)
