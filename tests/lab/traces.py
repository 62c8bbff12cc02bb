"""What labs and virtual machines have left here; `python -m tests.lab.traces` fails on anything without an owner."""

import fcntl
import re
import sys
from pathlib import Path

from tests.lab.command import PROJECT
from tests.lab.state import NAMESPACES, ROOT, sweepable

PLACES = (ROOT, NAMESPACES, Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
VIRTUAL_MACHINES = PROJECT / ".cache/vm"
NAME = re.compile(r"mvl-([0-9a-f]{6})\b|^([0-9a-f]{6})(?:\.lock)?$")


def traces(identifier: str) -> list[str]:
    """Return every file, namespace, cgroup, mount and process of the lab *identifier*."""
    found = [str(path) for path in _listed() if identifier in path.name]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if identifier in line]
    return found + mounts + [str(process) for process in _processes() if _belongs(process, identifier)]


def machine_traces(place: Path) -> list[str]:
    """Return what is left of the virtual machines that were made in *place*: nothing while tests/vm/run.sh runs."""
    lock = place / "lock"
    if not lock.exists():
        return []
    with lock.open() as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return []
        mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if str(place) in line]
        running = [str(process) for process in _processes() if str(place) in _command(process)]
        return [str(path) for path in place.glob("new.*")] + mounts + running


def main() -> int:
    """List what labs and virtual machines left whose owner is gone."""
    identifiers = {match[1] or match[2] for path in _listed() if (match := NAME.search(path.name))}
    left = [trace for identifier in sorted(identifiers) if sweepable(identifier) for trace in traces(identifier)]
    left += machine_traces(VIRTUAL_MACHINES)
    print("\n".join(left) or "nothing of any lab is left")
    return 1 if left else 0


def _listed() -> list[Path]:
    return [path for place in PLACES if place.exists() for path in place.iterdir()]


def _processes() -> list[Path]:
    return list(Path("/proc").glob("[0-9]*"))


def _belongs(process: Path, identifier: str) -> bool:
    """Tell whether *process* runs in the lab; one that has ended and only waits for init to take notice does not."""
    try:
        alive = ") Z " not in (process / "stat").read_text()
        return alive and f"mvl-{identifier}" in (process / "cgroup").read_text()
    except OSError:  # it has just ended
        return False


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:  # it has just ended
        return ""


if __name__ == "__main__":
    sys.exit(main())
