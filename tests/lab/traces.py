"""What labs have left on this machine; `python -m tests.lab.traces` fails where that is anything without an owner."""

import re
import sys
from pathlib import Path

from tests.lab.state import NAMESPACES, ROOT, sweepable

PLACES = (ROOT, NAMESPACES, Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
NAME = re.compile(r"mvl-([0-9a-f]{6})\b|^([0-9a-f]{6})(?:\.lock)?$")


def traces(identifier: str) -> list[str]:
    """Return every file, namespace, cgroup, mount and process of the lab *identifier*."""
    found = [str(path) for path in _listed() if identifier in path.name]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if identifier in line]
    return found + mounts + [str(process) for process in _processes() if _belongs(process, identifier)]


def main() -> int:
    """List what labs left whose owner is gone."""
    identifiers = {match[1] or match[2] for path in _listed() if (match := NAME.search(path.name))}
    left = [trace for identifier in sorted(identifiers) if sweepable(identifier) for trace in traces(identifier)]
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


if __name__ == "__main__":
    sys.exit(main())
