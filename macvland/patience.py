"""An edge that may be slow, made harmless: a pass waits for it a moment, and goes on without it.

Docker can hang for minutes (a stopped dockerd accepts connections and never answers); shims must be repaired all the
same. Refuses to cancel: what was asked for ends by its own deadline, wakes the daemon, and counts then.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from threading import Event, Thread
from typing import TypeVar

from macvland.action import Action, Failure
from macvland.condition.docker import ANSWER_DEFECT, AT_WORK, NOT_YET
from macvland.model import Host
from macvland.reconcile import Edge, isolated

Answer = TypeVar("Answer")

PATIENCE = 0.3  # seconds; listing 100 networks takes 2 ms, creating one 30 ms


class Patient:
    """The engine's edge as the daemon uses it: one request at a time, and a moment of waiting for it."""

    def __init__(self, edge: Edge, wake: Callable[[], object]) -> None:
        """Take *wake* to be called when an answer comes that a pass did not wait for."""
        self._edge = edge
        self._wake = wake
        self._looking: Future[Host] | None = None
        self._acting: Future[Sequence[Failure]] | None = None
        self._late = False
        self._news = Event()

    def news(self) -> None:
        """Say that something of this side has changed: an answer that is on its way may be too old to know of it."""
        self._news.set()
        self._wake()

    @property
    def waiting(self) -> bool:
        """Whether something was asked of it that it has not answered yet."""
        return self._looking is not None or self._acting is not None

    def observe(self, host: Host) -> Host:
        """Return *host* with the engine's part, or without an engine while it takes its time."""
        if self._acting is None and self._looking is None:
            self._news.clear()
            self._looking = _start(self._edge.observe, Host())
        if self._looking is None or not self._ended(self._looking):
            busy = AT_WORK() if self._acting else NOT_YET()
            return replace(host, engine=None, absent=busy)
        looked, self._looking = self._looking, None
        if self._news.is_set():  # perhaps a pass that did not wait for the answer has used up the wake-up
            self._wake()
        seen = _host(looked)
        return replace(
            host,
            engine=seen.engine,
            absent=seen.absent,
            networks=seen.networks,
            attachments=seen.attachments,
            unfinished=seen.unfinished,
            proofs=seen.proofs,
            losses=seen.losses,
        )

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Start *actions*; return the failures that are known by now, those of an earlier call included."""
        earlier = self._outcome()
        if actions and self._acting is None:
            self._acting = _start(isolated, self._edge, tuple(actions))
        return earlier + self._outcome()

    def _outcome(self) -> tuple[Failure, ...]:
        if self._acting is None or not self._ended(self._acting):
            return ()
        acted, self._acting = self._acting, None
        return tuple(acted.result())

    def _ended(self, asked: Future[Answer]) -> bool:
        """Tell whether *asked* is answered, after a moment at most; the second time, at once."""
        if self._late:
            ended = asked.done()
            self._late = not ended
            return ended
        ended = asked in wait([asked], timeout=PATIENCE).done
        if not ended:
            self._late = True
            asked.add_done_callback(lambda _: self._wake())
        return ended


def _start(call: Callable[..., Answer], *arguments: object) -> Future[Answer]:
    answer: Future[Answer] = Future()

    def run() -> None:
        try:
            answer.set_result(call(*arguments))
        except Exception as error:  # noqa: BLE001 - it is raised again where the answer is taken
            answer.set_exception(error)

    # One thread a request: none is left idle, and as a daemon thread a hanging Docker does not hold up the exit.
    Thread(target=run, name="engine", daemon=True).start()
    return answer


def _host(looked: Future[Host]) -> Host:
    try:
        return looked.result()
    except Exception as defect:  # noqa: BLE001 - quarantine: a defect met in Docker's answer must not stop the shims
        return Host(absent=ANSWER_DEFECT(defect=repr(defect)))
