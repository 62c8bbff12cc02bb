"""What a lab leaves on this machine, and how it goes away.

Everything a lab made is found again from its identifier alone, so one sweep serves the normal end, a failing test and
the next run after a SIGKILL:

- every process runs in the cgroup `mvl-<id>`; the kernel keeps that record, and kills them all at one word;
- every network namespace is called `mvl-<id>-<name>`, and no link is ever made outside of them;
- every file and mount lies in a tmpfs of the lab's own, /run/macvland-lab/<id>;
- the owner holds a lock on /run/macvland-lab/<id>.lock: while it lives, nobody else sweeps.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.command import run, wait_until

ROOT = Path("/run/macvland-lab")
NAMESPACES = Path("/run/netns")


@dataclass(frozen=True, slots=True)
class State:
    """One lab on this machine, and the descriptor of the lock that says its owner lives."""

    id: str
    lock: int

    @property
    def path(self) -> Path:
        """The lab's tmpfs."""
        return ROOT / self.id

    @property
    def cgroup(self) -> Path:
        """The lab's cgroup: version 2, mounted by the lab itself, so that a hybrid machine looks like any other."""
        return self.path / "cgroup" / f"mvl-{self.id}"

    def namespace(self, name: str) -> str:
        """Return the name of the network namespace of station *name*."""
        return f"mvl-{self.id}-{name}"


def claim() -> State:
    """Make the ground for a new lab: identifier, lock, tmpfs, cgroup."""
    with one_at_a_time():
        identifier = secrets.token_hex(3)
        state = State(identifier, os.open(ROOT / f"{identifier}.lock", os.O_CREAT | os.O_RDWR, 0o600))
        fcntl.flock(state.lock, fcntl.LOCK_EX)
    os.write(state.lock, f"{os.getpid()}\n".encode())
    state.path.mkdir()
    run("mount", "-t", "tmpfs", "-o", "mode=755", "macvland-lab", state.path)
    run("mount", "--make-private", state.path)
    (state.path / "cgroup").mkdir()
    run("mount", "-t", "cgroup2", "cgroup2", state.path / "cgroup")
    state.cgroup.mkdir()
    return state


def sweep(state: State) -> None:
    """Take away everything that belongs to *state*, however little of it is there."""
    kill_cgroup(state.cgroup)
    for namespace in NAMESPACES.glob(f"mvl-{state.id}-*"):
        run("ip", "netns", "del", namespace.name)
    if os.path.ismount(state.path):
        run("umount", "--recursive", "--lazy", state.path)
    if state.path.exists():
        state.path.rmdir()
    (ROOT / f"{state.id}.lock").unlink(missing_ok=True)
    os.close(state.lock)


def sweep_abandoned() -> tuple[str, ...]:
    """Take away the labs whose owner is gone; return their identifiers."""
    with one_at_a_time():
        abandoned = tuple(state for lock in ROOT.glob("?*.lock") if (state := _abandoned(lock)))
        for state in abandoned:
            sweep(state)
    return tuple(state.id for state in abandoned)


def kill_cgroup(cgroup: Path) -> None:
    """Kill every process in *cgroup* and below, and remove it."""
    wait_until(lambda: _removed(cgroup), 30, f"the end of all processes in {cgroup}")


def _removed(cgroup: Path) -> bool:
    """Kill and remove; tell whether *cgroup* is gone. One that is just being started joins after the kill: again."""
    try:
        (cgroup / "cgroup.kill").write_text("1")
        for directory, _, _ in os.walk(cgroup, topdown=False):
            Path(directory).rmdir()
    except FileNotFoundError:  # a container's went by itself in between, or all are gone
        return not cgroup.exists()
    except OSError as error:
        if error.errno == errno.EBUSY:
            return False
        raise
    return True


def sweepable(identifier: str) -> bool:
    """Tell whether nobody who lives owns the lab *identifier*."""
    lock = ROOT / f"{identifier}.lock"
    state = _abandoned(lock) if lock.exists() else None
    if state:
        os.close(state.lock)
    return bool(state) or not lock.exists()


def _abandoned(lock: Path) -> State | None:
    """Return the lab of *lock*, now ours to sweep, unless its owner lives."""
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return State(lock.stem, descriptor)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the lock over all labs: one that is just being made must not look abandoned."""
    ROOT.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(ROOT / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
