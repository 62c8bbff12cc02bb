"""On a lab host: passes with nothing to do, as the daemon makes them, each part timed; and ip(8) listing the same.

First converges to what the files say; then nothing may be left to do.
"""

import gc
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from macvland import config
from macvland.action import Action, Failure
from macvland.daemon import COLLECT
from macvland.engine import Docker
from macvland.kernel import Kernel
from macvland.lan import Lan
from macvland.machine import machine_id, this_machine
from macvland.model import Goal, Host
from macvland.plan import plan
from macvland.reconcile import Edge, Pass, converge
from macvland.record import record
from macvland.status import Status, line, status, write
from macvland.wanted import removals, wanted

LISTS = ("link", "address", "route", "neighbour")
NOW = "2024-01-01T00:00:00Z"


class Clock:
    """Adds up what each part of a pass takes, in milliseconds."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)

    @contextmanager
    def timing(self, part: str) -> Iterator[None]:
        """Count the block as *part*."""
        began = perf_counter()
        yield
        self.parts[part] += (perf_counter() - began) * 1000


class Timed:
    """An edge whose looks are timed."""

    def __init__(self, edge: Edge, part: str, clock: Clock) -> None:
        self._edge = edge
        self._part = part
        self._clock = clock
        self.looks = 0

    def observe(self, host: Host) -> Host:
        """Look."""
        self.looks += 1
        with self._clock.timing(self._part):
            return self._edge.observe(host)

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Act."""
        return self._edge.apply(actions)


class Turns:
    """What the daemon does when it is woken: read, converge, tell."""

    def __init__(self, socket: str) -> None:
        self.clock = Clock()
        self.kernel = Timed(Kernel(), "kernel", self.clock)
        self.docker = Timed(Docker(socket), "Docker", self.clock)
        self._lan = Lan(lambda: None)  # what it is asked costs a pass; its thread has no part in that
        self._machine_id = machine_id()
        self._last: Status | None = None

    def turn(self) -> Pass:
        """Make one pass and tell of it."""
        with self.clock.timing("files"):
            declared = config.read(this_machine())

        def want(seen: Host) -> Goal:
            with self.clock.timing("wanted"):
                seen = replace(seen, heard=self._lan.heard)
                goal = wanted(declared, seen, self._machine_id, removals(declared, seen))
                self._lan.ask(goal.questions, seen)
                return goal

        ended = converge(want, self.kernel, self.docker, lambda *_: True)
        with self.clock.timing("tell"):
            new = status(declared, ended, NOW, {}, self._last)
            if self._last is not None:  # the first one tells of everything
                record(ended, new, self._last)
                line(new)
            write(new, Path("/run/bench-status.json"))
            self._last = new
        return ended


def _settle(turns: Turns) -> Pass:
    """Converge; the networks that Docker makes show their containers in the next pass only."""
    for _ in range(3):
        ended = turns.turn()
    if not ended.converged or ended.done:
        problem = [str(one) for one in (*ended.failures, *ended.left)][:3]
        raise RuntimeError(f"does not converge: {problem}")
    return ended


def _measure(turns: Turns, rounds: int) -> dict[str, float]:
    """Return the median of each part, of the whole, and of ip(8), taken in turn."""
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        found["ip"].append(_timed(_list_all))
        turns.clock.parts.clear()
        turns.kernel.looks = 0
        began = perf_counter()
        ended = turns.turn()
        found["whole"].append((perf_counter() - began) * 1000)
        if ended.done or turns.kernel.looks != 1:
            raise RuntimeError(f"a pass with nothing to do looked {turns.kernel.looks} times and did {ended.done}")
        turns.clock.parts["plan"] = _timed(partial(plan, ended.goal.host, ended.seen))
        for part, took in turns.clock.parts.items():
            found[part].append(took)
    return {part: median(times) for part, times in found.items()}


def _timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return (perf_counter() - began) * 1000


def _list_all() -> None:
    for what in LISTS:
        subprocess.run(("ip", "-details", "-json", what, "show"), stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    """Answer the question in the first argument with the medians and with what there was."""
    question = json.loads(sys.argv[1])
    os.chdir("/")
    gc.set_threshold(COLLECT)
    turns = Turns(question.get("socket", ""))
    ended = _settle(turns)
    seen = {part: len(getattr(ended.seen, part)) for part in ("shims", "routes", "networks", "attachments")}
    profile = question.get("profile")
    if profile:
        import cProfile  # only where somebody looks for hot spots

        profiler = cProfile.Profile()
        profiler.enable()
        for _ in range(question["rounds"]):
            turns.turn()
        profiler.dump_stats(profile)
    print(json.dumps({"seen": seen} | _measure(turns, question["rounds"])))


if __name__ == "__main__":
    main()
