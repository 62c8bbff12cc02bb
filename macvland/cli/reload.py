"""The request to the running daemon to look at everything anew: the signal that `systemctl reload` sends.

Refuses to signal whom it does not know: a process number may be another's by now, and SIGHUP ends most programs.
"""

import os
import signal
from pathlib import Path

START = "macvland is not running: start it with 'systemctl start macvland'"
NOT_ALLOWED = "only root may ask macvland: 'sudo macvlanctl apply'"


class NotAskedError(Exception):
    """The daemon could not be asked: why, and what to do."""


def ask(pid: int) -> None:
    """Send SIGHUP to the daemon *pid*. NotAskedError where it does not run, or where one is not allowed to."""
    try:
        process = os.pidfd_open(pid)  # from here on it means this process and no later one of the same number
    except (OSError, OverflowError, ValueError):
        raise NotAskedError(START) from None
    try:
        if not takes_requests(Path(f"/proc/{pid}")):
            raise NotAskedError(START)
        signal.pidfd_send_signal(process, signal.SIGHUP)
    except PermissionError:
        raise NotAskedError(NOT_ALLOWED) from None
    except ProcessLookupError:
        raise NotAskedError(START) from None
    finally:
        os.close(process)


def takes_requests(process: Path) -> bool:
    """Tell whether *process*, a directory of proc(5), is macvland and waits for SIGHUP, which it blocks for sigwait."""
    try:
        words = (process / "cmdline").read_bytes()
        status = (process / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    blocked = next((line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:")), "0")
    return b"macvland" in words and bool(int(blocked, 16) >> signal.SIGHUP - 1 & 1)
