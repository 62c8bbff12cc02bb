"""Commands that must succeed, and waits that must come true."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

Value = TypeVar("Value")

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE = float(os.environ.get("LAB_PATIENCE", "1"))  # how many times slower than others this machine is
SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # a user's PATH often has no sbin


class CommandError(Exception):
    """A command failed; its text is the command, its exit status and all it printed."""


class TimeIsUpError(AssertionError):
    """Something waited for did not come true in time."""


def run(*command: str | Path, environment: Mapping[str, str] | None = None, within: tuple[str, ...] = ()) -> str:
    """Run *command* and return its standard output; raise CommandError with everything it said when it fails.

    *within* are words before it that take it to where it is to run; an error does not repeat them.
    """
    words = [str(word) for word in command]
    done = subprocess.run(
        [*within, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env=environment or {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        raise CommandError(f"{' '.join(words)}: exit status {done.returncode}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


def wait_until(predicate: Callable[[], Value], seconds: float = 10, what: str = "") -> Value:
    """Return the first true value of *predicate*; raise TimeIsUpError that names *what* after *seconds*."""
    deadline = time.monotonic() + seconds * PATIENCE
    pause = 0.002
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeIsUpError(f"not within {seconds * PATIENCE:g} s: {what or predicate}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.01)
