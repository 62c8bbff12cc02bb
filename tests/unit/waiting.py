"""Waiting for what other threads do: looking again and again, with a deadline that no good run comes near."""

import time
from collections.abc import Callable
from threading import Event

DEADLINE = 10.0  # seconds


def until(condition: Callable[[], object]) -> None:
    """Return once *condition* holds; fail if it does not in good time."""
    end = time.monotonic() + DEADLINE
    pause = Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        pause.wait(0.002)
