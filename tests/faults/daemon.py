"""The real daemon under stress: started by itself, under strace, or with one of its own functions made to crash."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.lab import Host, Macvland, wait_until
from tests.lab.command import PROJECT
from tests.lab.macvland import console_script

TRACE = "/run/strace.log"  # inside the host


class Daemon(Macvland):
    """A running daemon; its PID is that of the daemon also where strace watches it."""

    def __init__(
        self,
        host: Host,
        *under: str,
        program: tuple[str, ...] = console_script("macvland", "macvland.daemon"),
        environment: Mapping[str, str] | None = None,
        stderr: Any = None,
    ) -> None:
        """Start *program* by the words *under*; what it says goes to a log of its own unless *stderr* takes it."""
        self.log = host.root / f"macvland-{len(list(host.root.glob('macvland-*.log')))}.log"
        with self.log.open("wb") as log:
            self.process = host.popen(
                *under,
                *program,
                environment={"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", **(environment or {})},
                stdout=log,
                stderr=stderr or subprocess.STDOUT,
            )

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.process.poll() is None

    def warnings(self) -> list[str]:
        """Return the lines of its log that are more than information, but for those of a Docker that takes its time."""
        lines = [line for line in self.read_log().splitlines() if line.startswith(("macvland: warn", "macvland: err"))]
        return [line for line in lines if "Docker has not answered yet" not in line]


def strace(*options: str) -> tuple[str, ...]:
    """Return the words that put a program under strace: the tracer stands behind it, and stops it at nothing else."""
    # strace 6.1 injects no signals with --seccomp-bpf: for these, attach.
    return (
        "strace",
        "-D",
        "-f",
        "--seccomp-bpf",
        "--quiet=attach,thread-execve",
        "-v",
        "-s",
        "64",
        "-o",
        TRACE,
        *options,
        "--",
    )


def attach(host: Host, daemon: Daemon, *options: str) -> subprocess.Popen[Any]:
    """Put a running daemon under strace, its main thread alone unless *options* say -f; return when that is done."""
    pid = str(daemon.pid)
    tracer = host.popen("strace", "-v", "-s", "64", "-o", TRACE, *options, "-p", pid, stderr=subprocess.PIPE)
    assert tracer.stderr
    assert b"attached" in tracer.stderr.readline()
    return tracer


def trace(host: Host) -> list[str]:
    """Return the lines of the last trace."""
    return host.path(TRACE).read_text(errors="replace").splitlines()


def changes(lines: list[str]) -> list[str]:
    """Return the netlink messages of a trace that change something."""
    return [line for line in lines if "nlmsg_type=RTM_" in line and "nlmsg_type=RTM_GET" not in line]


STOPPED = "__import__('os').kill(__import__('os').getpid(), 19)  # SIGSTOP"


def begin_stopped(daemon: Daemon) -> Daemon:
    """Wait until *daemon*, a program with_code(STOPPED), has come to its stop: all is imported, nothing has begun."""
    wait_until(lambda: ") T " in Path(f"/proc/{daemon.pid}/stat").read_text())
    return daemon


def with_code(*lines: str) -> tuple[str, ...]:
    """Return a program that runs *lines* before the daemon's own main."""
    return (
        sys.executable,
        "-c",
        "\n".join(("import sys", "from macvland.daemon import main", *lines, "sys.exit(main())")),
    )
