"""A Docker that hangs for sure."""

from pathlib import Path

from tests.lab import Host, wait_until


def hang(host: Host) -> None:
    """Stop dockerd, and wait until each of its threads has: one may be about to answer."""
    host.engine.pause()
    tasks = Path(f"/proc/{host.engine.pid}/task")
    wait_until(lambda: all(") T " in (task / "stat").read_text() for task in tasks.iterdir()), what="a stopped Docker")
