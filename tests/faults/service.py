"""What systemd is to the daemon: a socket that hears its notices, and a journal that takes its words."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, socket

from tests.lab import wait_until

NOTIFY = "/run/notify"  # inside the host


@dataclass
class Manager:
    """The service manager's end of sd_notify(3)."""

    socket: socket
    heard: list[str] = field(default_factory=list)

    def listen(self) -> list[str]:
        """Return all that has been said so far, one entry a message."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(self.socket.recv(4096).decode())
        return self.heard

    def wait_for(self, start: str, *, after: int = 0, seconds: float = 15) -> int:
        """Wait for a message that begins with *start*; return the position behind it."""

        def position() -> int:
            return next((at + 1 for at, text in enumerate(self.listen()) if at >= after and text.startswith(start)), 0)

        return wait_until(position, seconds, f"{start}; heard {self.heard}")

    def states(self) -> list[str]:
        """Return what has been said besides the status line and the watchdog's pats, without the numbers."""
        return [text.partition("\n")[0] for text in self.listen() if not text.startswith(("STATUS=", "WATCHDOG="))]


@contextlib.contextmanager
def manager(path: Path) -> Iterator[Manager]:
    """Listen at *path*."""
    with socket(AF_UNIX, SOCK_DGRAM) as listener:
        listener.bind(str(path))
        listener.settimeout(0)
        try:
            yield Manager(listener)
        finally:
            path.unlink()
