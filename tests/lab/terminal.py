"""A command at a real terminal: what is typed, what is shown, and a window that may be closed meanwhile."""

import fcntl
import os
import pty
import select
import time
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.lab.command import PROJECT
from tests.lab.host import Host
from tests.lab.macvland import console_script

# The program is the leader of its session: so the terminal becomes its own, and Ctrl-C and a hang-up are the kernel's.
OWN = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"


class Terminal:
    """A `macvlanctl` in a terminal."""

    begun: ClassVar[list["Terminal"]] = []  # and still to be ended, should a test not come so far

    def __init__(self, host: Host, *words: str, environment: Mapping[str, str], first: str = "pass") -> None:
        """Begin it with *words*; *first* is a statement that its interpreter executes before."""
        interpreter, option, script = console_script("macvlanctl", "macvland.cli")
        self.ours, theirs = pty.openpty()
        fcntl.fcntl(self.ours, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        ends: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
        self.process = host.popen(
            *(interpreter, option, f"{OWN}; {first}; {script}", *words),
            environment={"PYTHONPATH": str(PROJECT), "NO_COLOR": "1", **environment},
            **ends,
        )
        os.close(theirs)
        self.begun.append(self)
        self.text = ""

    @classmethod
    def kill_all(cls) -> None:
        """End those that a test left."""
        for terminal in cls.begun:
            terminal.process.kill()
            terminal.process.wait()
        cls.begun.clear()

    def wait_for(self, text: str, seconds: float = 20) -> None:
        """Wait until the terminal shows *text*."""
        end = time.monotonic() + seconds
        while text not in self.text:
            assert select.select([self.ours], [], [], max(0.0, end - time.monotonic()))[0], self.text
            self.text += self._read()

    def _read(self) -> str:
        try:
            data = os.read(self.ours, 4096)
        except OSError:  # the kernel's way to say that nobody has the other end any more
            data = b""
        assert data, f"the terminal is closed: {self.text}"
        return data.decode().replace("\r\n", "\n")

    def type(self, keys: bytes) -> None:
        """Press *keys*."""
        os.write(self.ours, keys)

    def hang_up(self) -> None:
        """Close the terminal's window."""
        os.close(self.ours)
        self.ours = -1

    def end(self, seconds: float = 40) -> int:
        """Return the exit status; *text* is whole then, unless the window was closed."""
        end = time.monotonic() + seconds
        while self.ours >= 0 and time.monotonic() < end:
            over = self.process.poll() is not None  # before the look: what it said last may still be on its way
            if select.select([self.ours], [], [], 0 if over else 0.05)[0]:
                try:
                    self.text += self._read()
                except AssertionError:
                    break
            elif over:
                break
        return self.process.wait(max(0.1, end - time.monotonic()))
