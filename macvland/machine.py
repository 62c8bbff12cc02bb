"""Which machine this is: what files call it by, and what the MACs of its shims are derived from (machine-id(5))."""

import select
import socket
from collections.abc import Callable
from pathlib import Path

from macvland.model import Machine

HOSTNAME = Path("/proc/sys/kernel/hostname")


def machine_id() -> str:
    """Return the machine's id; a host without one has at least its name."""
    try:
        text = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return text or socket.gethostname()


def this_machine() -> Machine:
    """Return what files can call this machine by, now: a hostname may change at any time."""
    return Machine(hostname=socket.gethostname(), id=machine_id())


def watch(wake: Callable[[], object], name: str) -> None:
    """Call *wake* whenever the machine has another hostname than it had, at first than *name*: the body of a thread.

    The kernel tells whoever polls the file (proc_sys_poll, fs/proc/proc_sysctl.c); but of each sethostname(2), also of
    that by which a container names itself when it starts.
    """
    with HOSTNAME.open("rb") as file:
        poll = select.poll()
        poll.register(file, select.POLLPRI)
        while True:
            if (now := socket.gethostname()) != name:
                name = now
                wake()
            poll.poll()
