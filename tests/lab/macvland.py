"""The daemon under test: one running macvland, its log and its end."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lab.command import PROJECT, TimeIsUpError, wait_until

if TYPE_CHECKING:
    from tests.lab.host import Host


def console_script(name: str, module: str) -> tuple[str, ...]:
    """Return the command that is the console script *name*, whether the project is installed or only lies here."""
    return (sys.executable, "-c", f"import sys; from {module} import main; sys.argv[0] = '{name}'; sys.exit(main())")


class Macvland:
    """A running daemon. Its standard error goes to a file of its own, which outlives it."""

    def __init__(self, host: "Host", arguments: tuple[str, ...], environment: Mapping[str, str]) -> None:
        self.log = _unused(host.root)
        with self.log.open("wb") as log:
            self.process = host.popen(
                *console_script("macvland", "macvland.daemon"),
                *arguments,
                environment={"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its PID, the same inside and outside."""
        return self.process.pid

    def read_log(self) -> str:
        """Return all it has written so far."""
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, seconds: float = 10) -> str:
        """Wait until its log has *text*; return the whole log."""
        with contextlib.suppress(TimeIsUpError):
            wait_until(lambda: text in self.read_log() or self.process.poll() is not None, seconds)
        log = self.read_log()
        if text not in log:
            state = "runs on" if self.process.poll() is None else f"ended with {self.process.returncode}"
            raise TimeIsUpError(f"macvland {state} without '{text}', waited {seconds:g} s at most:\n{log}")
        return log

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def stop(self, seconds: float = 10) -> int:
        """Ask it to end and return its exit status."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End it as a crash does."""
        self.signal(signal.SIGKILL)
        self.process.wait()


def _unused(directory: Path) -> Path:
    """Return the first macvland-<n>.log that is not there yet."""
    return directory / f"macvland-{len(list(directory.glob('macvland-*.log')))}.log"
