"""A real systemd-journald inside a lab host, and a daemon whose stderr is connected to it as systemd does that."""

import json
import os
import signal
import subprocess
from socket import AF_UNIX, SHUT_RD, socket
from typing import Any

from tests.lab import Host, wait_until

JOURNALD = "/lib/systemd/systemd-journald"
STDOUT = "/run/systemd/journal/stdout"
SETTINGS = """\
[Journal]
Storage=volatile
RateLimitIntervalSec=0
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
"""


class Journald:
    """The journal of *host*: what it holds lies in the host's own /run."""

    def __init__(self, host: Host) -> None:
        """Start it."""
        self._host = host
        settings = host.path("/etc/systemd/journald.conf")
        settings.parent.mkdir(exist_ok=True)
        settings.write_text(SETTINGS)
        self.start()

    def start(self) -> None:
        """Start it, again or for the first time; return when it takes records."""
        self._process = self._host.popen(JOURNALD, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.records("SYSLOG_IDENTIFIER=systemd-journald") or self.records("_COMM=systemd-journal"))

    def kill(self) -> None:
        """End it as a crash does: its sockets stay, and nobody reads from them."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        """Make it hang."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._process.send_signal(signal.SIGCONT)

    def connect(self) -> socket:
        """Return a stream for a service's stderr (systemd.exec(5), StandardError=journal)."""
        stream = socket(AF_UNIX)
        stream.connect(str(self._host.path(STDOUT)))
        stream.shutdown(SHUT_RD)
        # Identifier, unit, priority, level prefix, and whether to forward to syslog, kmsg and console.
        stream.sendall(b"macvland\n\n6\n1\n0\n0\n0\n")
        return stream

    def records(self, *matches: str) -> list[dict[str, Any]]:
        """Return the records that match, oldest first."""
        directory = self._host.path("/run/log/journal")
        if not directory.exists():
            return []
        done = subprocess.run(
            ["journalctl", f"--directory={directory}", "--output=json", "--all", "--quiet", *matches],
            capture_output=True,
            text=True,
            check=False,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def messages(self) -> list[str]:
        """Return what macvland has said."""
        return [record["MESSAGE"] for record in self.records("SYSLOG_IDENTIFIER=macvland")]


def stream_of(stderr: socket) -> dict[str, str]:
    """Return the variable that tells a service that its stderr is the journal."""
    status = os.fstat(stderr.fileno())
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
