"""Whether a connection to Docker's socket would start Docker. It is not ours to start: somebody has stopped it."""

from pathlib import Path

UNITS = Path("/run/systemd/units")  # systemd keeps a link invocation:<unit> here for each unit that is active
PIDFILE = Path("/run/docker.pid")  # dockerd's own, written at its start: the sign to look again


def asleep() -> bool:
    """Tell whether systemd listens on Docker's socket in Docker's place: docker.socket active, docker.service not."""
    return _active("docker.socket") and not _active("docker.service")


def _active(unit: str) -> bool:
    return (UNITS / f"invocation:{unit}").is_symlink()
