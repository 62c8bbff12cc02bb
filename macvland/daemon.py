"""The loop: wait for a wake-up, settle, one pass, tell. When told to stop, it leaves everything in place.

Refuses to keep what can be looked at: networks, shims and whose they are is in Docker and in the kernel.
"""

import argparse
import gc
import logging
import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event, ExceptHookArgs, Thread

from systemd.daemon import notify

from macvland import __version__, config, journal
from macvland.clock import watch as watch_clock
from macvland.condition import Condition
from macvland.condition.daemon import NO_DIRECTORY, NO_LOCK, NO_LOOK, NO_STATUS, UNHEARD, UNWATCHED
from macvland.condition.parent import AWAITED
from macvland.config import Config
from macvland.config.trial import clock as boottime
from macvland.engine import INVOCATION, Docker, socket_path
from macvland.engine import watch as watch_engine
from macvland.error import ApplyError
from macvland.journal import Log, log
from macvland.kernel import Kernel, SettingsWatch
from macvland.kernel import watch as watch_kernel
from macvland.lan import Lan
from macvland.lock import Lock, TakenError
from macvland.machine import machine_id, this_machine
from macvland.machine import watch as watch_machine
from macvland.memory import Backoff, Grace, Recheck, Trust, Ways
from macvland.model import Goal, Host
from macvland.patience import Patient
from macvland.quarrel import Quarrels
from macvland.reconcile import Pass, attempts, converge
from macvland.record import record
from macvland.status import FILE, Status, line, read, rfc3339, status, write
from macvland.wake import Watcher
from macvland.wanted import removals, wanted

QUIET = 0.01  # seconds without a wake-up that end a burst: an editor's save is over in 2 ms
SETTLE = 0.1  # seconds that a burst may delay a pass
SAFETY = 600.0  # seconds to a look that nobody asked for
BLIND = 30.0  # the same while a directory cannot be watched
SOON = 1.0  # seconds to the next try where the kernel could not be looked at
LATE_PARENTS = 10.0  # seconds that READY=1 waits for parents: a USB NIC, a slow driver
# Objects that Python's collector lets come before it looks, 700 by default: a pass leaves no cycles for it to find, and
# at a thousand networks its looking took a third of the pass.
COLLECT = 50_000


class Daemon:
    """macvland.service."""

    def __init__(self) -> None:
        """Open what a pass needs; nothing is changed yet."""
        self._wake = Event()
        self._prod = Event()  # Docker's socket came or went
        self._stop = Event()
        self._reload = Event()
        self._reloads = 0
        self._died = False
        self._ready_by: float | None = time.monotonic() + LATE_PARENTS  # None: READY=1 is said
        self._lock = Lock()
        self._settings = SettingsWatch()
        self._kernel = Kernel(self._settings.arm)
        self._lan = Lan(self._wake.set)
        self._docker = Docker()
        self._engine = Patient(self._docker, self._wake.set)
        self._watcher = Watcher(config.DIRECTORIES, self._files(), self._wake.set)
        self._backoff = Backoff()
        self._quarrels = Quarrels()
        self._grace = Grace()
        self._recheck = Recheck()
        self._ways = Ways()
        self._trust = Trust()
        self._status = _last_status()
        self._told: Status | None = None  # a start tells everything: the log of a boot is whole
        self._survived: frozenset[Condition] = frozenset()
        self._before: Pass | None = None
        self._machine_id = machine_id()
        self._watchdog = int(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 / 2  # seconds; 0: nobody watches
        self._fed = -math.inf  # monotonic seconds

    def _files(self) -> dict[Path, Callable[[], object]]:
        """Return the files to watch besides those that declare: without its lock file, another daemon could serve."""
        return {Path(socket_path()): self._prod.set, INVOCATION: self._prod.set, self._lock.path: self._wake.set}

    def run(self) -> int:
        """Serve until SIGTERM; return the exit status. TakenError if another daemon serves already."""
        threading.excepthook = self._thread_died  # of each thread: a library's and a helper's as well
        self._notes(*self._hold_lock())
        self._start(self._listen)
        self._start(watch_kernel, self._wake.set, self._stop, self._settings)
        self._start(self._lan.listen, self._stop)
        self._start(watch_clock, self._wake.set)
        self._start(watch_machine, self._wake.set, this_machine().hostname)
        self._start(watch_engine, self._engine.news, self._stop, self._prod)
        log(logging.INFO, journal.STARTED, f"macvland {__version__} started")
        while not self._stop.is_set():
            self._wait(self._turn())
        _tell_manager("STOPPING=1")
        log(logging.INFO, journal.STOPPED, "stopped; networks and shims stay")
        return 1 if self._died else 0

    # One turn: a pass and what is told of it

    def _turn(self) -> float:
        """Do one pass and tell of it; return the monotonic time of the next one that needs no wake-up."""
        if self._reload.is_set():
            self._reload.clear()
            self._reloads += 1  # in the status: by it `macvlanctl apply` knows that this pass began after its request
            self._ready_by = time.monotonic()
            _tell_manager(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
            self._backoff.forget()
            self._before = self._before and replace(self._before, unheard=())
            self._quarrels.end()
            self._recheck.forget()
            self._lan.forget()
            self._trust.renew()
        blind = self._watcher.arm()  # before the look: what changes after it wakes us
        declared = config.read(this_machine())
        replaced = self._trust.broken(declared.directories)
        deaf = self._lan.trouble
        trouble = [
            *self._hold_lock(),
            *([UNWATCHED(trouble=blind)] if blind else []),
            *([UNHEARD(trouble=deaf)] if deaf else []),
            *(NO_DIRECTORY(path=path) for path in replaced),
        ]
        now = time.monotonic()
        try:
            ended = self._pass(declared, bool(replaced), now)
        except ApplyError as error:
            self._notes(*trouble, NO_LOOK(error=error))
            return now + SOON
        self._notes(*trouble, *self._tell(declared, ended, now))
        self._say_ready(ended, now)
        return min(self._next(now, BLIND if blind else SAFETY), _over(declared, now))

    def _pass(self, declared: Config, hold_all: bool, now: float) -> Pass:  # noqa: FBT001 - a fact, not a mode
        heard = self._lan.heard  # what is said meanwhile wakes us

        def want(seen: Host) -> Goal:
            gone = removals(declared, seen)
            held = gone if hold_all else self._grace.fresh(gone, now)
            asked = self._recheck.again(seen.addresses, now)
            seen = replace(seen, heard=heard)
            goal = wanted(declared, seen, self._machine_id, held, asked, ways=self._ways.recall())
            self._lan.ask(goal.questions, seen)  # at once: the LAN answers while Docker works
            return goal

        due, disputed = partial(self._backoff.due, now=now), partial(self._quarrels.held, now=now)
        ended = converge(want, self._kernel, self._engine, due, before=self._before, held=disputed)
        self._ways.note(ended.seen, ended.goal.host)
        tried = attempts(ended.undisputed, ended.seen)
        self._backoff.note(tried, ended.failures, now, waiting=self._engine.waiting)
        told = self._quarrels.note(ended.seen, made=ended.done, undone=ended.undone, held=ended.held, now=now)
        obstacles = ended.goal.obstacles | self._quarrels.obstacles()
        seen = replace(ended.seen, heard=heard)
        # An engine that is gone has not refused what it was asked: that does not count when it is back.
        unheard = ended.unheard if self._engine.waiting else ()
        return replace(ended, seen=seen, done=told, goal=replace(ended.goal, obstacles=obstacles), unheard=unheard)

    def _next(self, now: float, safety: float) -> float:
        asked = (self._backoff.again(), self._quarrels.next(), self._grace.next(now), self._recheck.next())
        return min(one for one in (*asked, self._ready_by, now + safety) if one is not None)

    # Telling

    def _tell(self, declared: Config, ended: Pass, now: float) -> Iterator[Condition]:
        """Log what changed, replace the status file, set the status line; yield what got in the way."""
        clock = datetime.now(UTC)
        retries = {
            name: rfc3339(clock + timedelta(seconds=again - now))
            for name in {action.network for action in ended.left}
            if (again := self._backoff.again_for(name) or self._quarrels.again_for(name)) is not None
        }
        new = replace(status(declared, ended, rfc3339(clock), retries, self._status), reloads=self._reloads)
        record(ended, new, self._told, self._before.seen if self._before else None)
        self._before = ended
        if self._told is None or line(new) != line(self._told):
            _tell_manager(f"STATUS={line(new)}")
        self._status = self._told = new
        try:
            try:
                self._docker.remember()  # first: whoever has seen the new status finds nothing to be proved again
            finally:
                write(new)
        except OSError as error:
            yield NO_STATUS(path=FILE, error=error.strerror)

    def _say_ready(self, ended: Pass, now: float) -> None:
        late = any(one.kind in AWAITED for one in ended.goal.obstacles)
        if self._ready_by is not None and (not late or now >= self._ready_by):
            self._ready_by = None
            _tell_manager("READY=1")

    def _notes(self, *survived: Condition) -> None:
        """Warn of what macvland works round, once as long as it lasts."""
        for one in survived:
            if one not in self._survived:
                log(logging.WARNING, journal.SURVIVED, f"{one}, ignoring", MACVLAND_CODE=one.code)
        self._survived = frozenset(survived)

    def _hold_lock(self) -> Iterator[Condition]:
        try:
            self._lock.hold()
        except OSError as error:
            yield NO_LOCK(path=error.filename, error=error.strerror)

    # Waiting

    def _wait(self, until: float) -> None:
        """Wait for a wake-up or the monotonic time *until*, then for the end of the burst."""
        self._feed()  # also where there is always more to do: a flood of events is no hang
        while not self._wake.is_set() and (left := until - time.monotonic()) > 0:
            self._wake.wait(min(left, self._watchdog or left))
            self._feed()
        end = time.monotonic() + SETTLE
        self._wake.clear()
        while time.monotonic() < end and self._wake.wait(QUIET) and not self._stop.is_set():
            self._wake.clear()

    def _feed(self) -> None:
        """Tell the watchdog that the loop turns, as often as it asks for."""
        now = time.monotonic()
        if self._watchdog and now >= self._fed + self._watchdog:
            self._fed = now
            _tell_manager("WATCHDOG=1")

    def _listen(self) -> None:
        """Take signals in a thread of their own: a handler could meet the main thread inside the Event it must set."""
        while True:
            match signal.sigwait({signal.SIGTERM, signal.SIGINT, signal.SIGHUP}):
                case signal.SIGHUP:
                    self._reload.set()
                case _:
                    self._stop.set()
                    self._prod.set()
            self._wake.set()

    def _start(self, watch: Callable[..., None], *arguments: object) -> None:
        Thread(target=watch, args=arguments, name=f"{watch.__module__}.{watch.__name__}", daemon=True).start()

    def _thread_died(self, death: ExceptHookArgs) -> None:
        """Tell of a thread that ended by an error, and stop: a dead watcher is worse than a restart by systemd."""
        name = death.thread.name if death.thread else "a thread"
        where = "".join(traceback.format_exception(death.exc_type, death.exc_value, death.exc_traceback)[-2:])
        log(logging.ERROR, journal.DIED, f"{name} died: {where}")
        self._died = True
        self._stop.set()
        self._wake.set()


def _tell_manager(state: str) -> None:
    """Tell the service manager (sd_notify(3)); one that cannot be reached is as good as none."""
    with suppress(OSError):
        notify(state)


def _over(declared: Config, now: float) -> float:
    """Return the monotonic time at which a trial is over. A suspend counts for it, and wakes by `watch_clock`."""
    return math.inf if declared.changes is None else now + max(0.0, declared.changes - boottime())


def _last_status() -> Status | None:
    try:
        return read()
    except (OSError, ValueError):
        return None


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: the manual page is held against it."""
    parser = argparse.ArgumentParser(
        prog="macvland", description="Keep Docker macvlan networks as /etc/macvlan.d says."
    )
    parser.add_argument("--version", action="version", version=f"macvland {__version__}")
    return parser


def main() -> int:
    """Run the daemon: the `macvland` command."""
    parser().parse_args()
    gc.set_threshold(COLLECT)
    # Before any thread is there: all of them inherit it, and only sigwait takes these signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
    with Log():
        try:
            return Daemon().run()
        except (TakenError, ApplyError) as error:
            log(logging.ERROR, journal.DIED, str(error))
            return 1
