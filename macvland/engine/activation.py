"""Whether a connection to Docker's socket would start Docker. It is not ours to start: somebody has stopped it."""

from pathlib import Path

# systemd keeps a link invocation:<unit> here for each service that is active; for sockets it keeps none (252, 257).
UNITS = Path("/run/systemd/units")
# A socket that belongs to a group has a cgroup while it is active: of the one who gives it its owner. Where version 2
# is not alone, systemd has its tree in one of the other places.
SLICES = tuple(Path("/sys/fs/cgroup", tree, "system.slice") for tree in ("", "unified", "systemd"))
PIDFILE = Path("/run/docker.pid")  # dockerd's own, written at its start: the sign to look again


def asleep() -> bool:
    """Tell whether systemd listens on Docker's socket in Docker's place: docker.socket active, docker.service not."""
    listens = any((slice_ / "docker.socket").is_dir() for slice_ in SLICES)
    return listens and not (UNITS / "invocation:docker.service").is_symlink()
