"""A look at the status file again and again: at each change of it, until nobody looks any more.

Refuses to poll: the kernel tells of the file, of the reader that went away, and of Ctrl-C.
"""

import os
import select
import sys
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from macvland.cli.daemon import watching
from macvland.cli.ending import FINE, fail

CLEAR = "\x1b[H\x1b[2J\x1b[3J"  # cursor home, the screen and what scrolled out of it erased (xterm)


def follow(show: Callable[[], str]) -> int:
    """Print what *show* returns now and whenever it is something else: on a terminal in place, else one after another.

    It ends with Ctrl-C, or when the other end of a pipe is closed: both as wanted.
    """
    changed, gone = Event(), Event()
    arm = watching(changed)
    Thread(target=_await_reader, args=(gone, changed), daemon=True).start()
    last = ""
    with suppress(KeyboardInterrupt, BrokenPipeError):
        while not gone.is_set():
            changed.clear()
            if trouble := arm():  # before the look: what changes after it wakes us
                return fail(trouble)
            text = show()
            if text != last:
                print(_frame(text, first=not last), flush=True)
                last = text
            changed.wait()
        return FINE
    _silence()
    return FINE


def _frame(text: str, *, first: bool) -> str:
    if sys.stdout.isatty():
        return CLEAR + text
    return text if first or "\n" not in text else f"\n{text}"


def _await_reader(gone: Event, changed: Event) -> None:
    """Set both when standard output has no reader any more: poll(2) reports POLLERR without being asked."""
    with suppress(OSError, ValueError):
        poller = select.poll()
        poller.register(sys.stdout.fileno(), 0)
        poller.poll()
        gone.set()
        changed.set()


def _silence() -> None:
    """Send what is left nowhere, else Python complains of a closed pipe when it flushes at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
