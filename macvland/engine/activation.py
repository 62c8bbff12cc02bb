"""Which run of Docker answers, and whether a connection to its socket would start it.

It is not ours to start: somebody has stopped it.
"""

from contextlib import suppress
from pathlib import Path

# A link that systemd keeps while docker.service is active or starts, to the invocation id of that start, which is no
# file (systemd.exec(5), INVOCATION_ID). For sockets it keeps none (252, 257).
INVOCATION = Path("/run/systemd/units/invocation:docker.service")
# A socket that belongs to a group has a cgroup while it is active: of the one who gives it its owner. Where version 2
# is not alone, systemd has its tree in one of the other places.
SLICES = tuple(Path("/sys/fs/cgroup", tree, "system.slice") for tree in ("", "unified", "systemd"))

PIDFILE = Path("/run/docker.pid")  # dockerd's own, in its usual place

Run = tuple[int, int, str, int, int]


def asleep() -> bool:
    """Tell whether systemd listens on Docker's socket in Docker's place: docker.socket active, docker.service not."""
    listens = any((slice_ / "docker.socket").is_dir() for slice_ in SLICES)
    return listens and not INVOCATION.is_symlink()


def run_of(socket: Path) -> Run:
    """Return what no other start of the dockerd behind *socket* has.

    A dockerd makes its socket anew at each start (inode and time). Where systemd made it, docker.service starts anew.
    Where a proxy made it, dockerd's pid file is another one, if it has its usual place.
    """
    invocation = ""
    with suppress(OSError):
        invocation = str(INVOCATION.readlink())
    return *_made(socket), invocation, *_made(PIDFILE)


def _made(file: Path) -> tuple[int, int]:
    """Return inode and time of *file*; zeros where there is none."""
    try:
        found = file.stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns
