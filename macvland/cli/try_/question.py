"""A question to whoever is there, and all the ways in which nobody is: none of them is a yes.

Refuses to take for an answer what was typed before the question was there.
"""

import os
import select
import signal
import sys
import termios
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Self, TextIO

from macvland.config.trial import clock

ENDS = {
    signal.SIGHUP: "the terminal is gone",
    signal.SIGINT: "Ctrl-C",
    signal.SIGTERM: "macvlanctl was told to end",
    signal.SIGQUIT: "macvlanctl was told to end",
}
LONGEST = 3600.0  # seconds of one poll(2), whose number of milliseconds is an int
MOST = 1000  # characters: nobody answers with more


class EndedError(BaseException):
    """A signal has ended the asking. Not an Exception, as KeyboardInterrupt is none: no library may swallow it."""


class NobodyError(Exception):
    """There is no answer: why."""


class Interruptible:
    """While it lasts, the first signal that would end the program is an EndedError; the others are nothing."""

    def __enter__(self) -> Self:
        """Take the signals, also those that nohup(1) has switched off: a trial ends with who asked for it."""
        self._armed = True
        self._before: dict[int, Any] = {number: signal.signal(number, self._end) for number in ENDS}
        return self

    def disarm(self) -> None:
        """Let no signal come between: what is begun now is brought to its end."""
        self._armed = False

    def __exit__(self, kind: type[BaseException] | None, it: BaseException | None, at: TracebackType | None) -> None:
        """Give the signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, _: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise EndedError(ENDS[signal.Signals(number)])


def asked(question: str, seconds: float) -> str:
    """Return the line that was typed in answer to *question*. NobodyError after *seconds*, or where nobody is there."""
    end = clock() + seconds
    try:
        descriptor = sys.stdin.fileno()
        with suppress(termios.error):  # a pipe has nothing that was typed too early: its writer knows what is asked
            termios.tcflush(descriptor, termios.TCIFLUSH)
        print(question, end=" ", file=sys.stderr, flush=True)
        return _line(descriptor, end, seconds)
    except (OSError, ValueError, AttributeError):  # no standard input at all, or a terminal that is gone
        raise NobodyError("nobody is there to answer") from None


def _line(descriptor: int, end: float, seconds: float) -> str:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    line = b""
    while (left := end - clock()) > 0:  # whoever was stopped meanwhile (Ctrl-Z) comes too late as well
        if not poller.poll(min(left, LONGEST) * 1000):
            continue
        # One character at a time: what follows the line is the answer to the next question.
        character = os.read(descriptor, 1)
        if not character:
            raise NobodyError("nobody is there to answer")
        if character == b"\n":
            return line.decode(errors="replace").strip()
        line = (line + character)[:MOST]
    raise NobodyError(f"no answer within {seconds:g} s")


def say(text: str, stream: TextIO | None = None) -> None:
    """Print *text* to *stream*, stderr by default; where the terminal is gone, nobody misses it."""
    stream = stream or sys.stderr
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError):
        with suppress(OSError, ValueError):  # what is left goes nowhere, else Python tries again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def is_yes(answer: str, *, default: bool = False) -> bool:
    """Tell whether *answer* is a yes; an empty one is *default*."""
    return answer.casefold() in {"y", "yes"} if answer else default
