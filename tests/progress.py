"""What a long run tells the person who waits: how far each part of the suite is, every so often, and what failed.

A part is a directory of tests/. With one part alone pytest's own dots do.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from typing import Any

import pytest

PAUSE = 15.0  # seconds between two lines


class Progress:
    """Counts what has ended, by part, and writes lines through pytest's own reporter."""

    def __init__(self, config: pytest.Config) -> None:
        """Know of no test yet."""
        self._config = config
        self._all: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._worked: defaultdict[str, float] = defaultdict(float)
        self._began = self._told = time.monotonic()

    @property
    def wanted(self) -> bool:
        """Whether there are several parts."""
        return len(self._all) > 1

    def expect(self, names: Iterable[str]) -> None:
        """Take down the tests that will run: *names* are their node ids."""
        self._all = Counter(map(part_of, names))

    def take(self, report: pytest.TestReport) -> None:
        """Count *report*; tell of a failure at once, and of the rest now and then."""
        part = part_of(report.nodeid)
        self._worked[part] += report.duration
        if report.failed:
            self._failed[part] += 1
            self._write(f"FAILED {report.nodeid} ({report.when})")
        if report.when != "teardown":
            return
        self._done[part] += 1
        if self._done[part] == self._all[part]:
            self._write(f"{part}: all {self._all[part]} have run")
        elif time.monotonic() - self._told > PAUSE:
            self._write(self._counts())

    def table(self) -> list[str]:
        """Return a line for each part: its tests, and how long they took if one counts the workers one by one."""
        return [
            f"{part:<10}{self._done[part]:>6} run{self._failed[part]:>5} failed{self._worked[part]:>8.0f} s of work"
            for part in self._all
        ]

    def _counts(self) -> str:
        running = [part for part in self._all if self._done[part] < self._all[part]]
        return ", ".join(f"{part} {self._done[part]}/{self._all[part]}" for part in running)

    def _write(self, text: str) -> None:
        self._told = time.monotonic()
        seconds = int(self._told - self._began)
        terminal: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        terminal.ensure_newline()
        terminal.write_line(f"{seconds // 60:>3}:{seconds % 60:02} {text}")


class Plugin:
    """Pytest's hooks, for the process that reports; the workers of xdist run theirs in silence."""

    def __init__(self, config: pytest.Config) -> None:
        """Begin."""
        self._progress = Progress(config)
        self._made = 0
        self._thrown: list[str] = []

    def pool(self, made: int, thrown: list[str]) -> None:
        """Take down how many hosts a worker made for its pool, and which could not be used again."""
        self._made += made
        self._thrown += thrown

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take down what a worker has told as it ended."""
        self.pool(*getattr(node, "workeroutput", {}).get("pool", (0, [])))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Take down the tests of a run without workers."""
        self._progress.expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Take down the tests of a run with workers; all of them collect the same."""
        self._progress.expect(ids)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, tuple[str, Any, Any], tuple[str, Any, Any]]:
        """Count as always, and print no dot."""
        status = yield
        return (status[0], "", "") if self._progress.wanted else status

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test."""
        if self._progress.wanted:
            self._progress.take(report)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Write the table of the parts."""
        if self._progress.wanted:
            terminalreporter.section("parts")
            for line in self._progress.table():
                terminalreporter.write_line(line)
            terminalreporter.write_line(f"{self._made} hosts with Docker were made, {len(self._thrown)} not used again")
            for line in self._thrown:
                terminalreporter.write_line(f"  {line}")


def part_of(name: str) -> str:
    """Return the directory of tests/ that the test with the node id *name* stands in."""
    return name.removeprefix("tests/").partition("/")[0]
