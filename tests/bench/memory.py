"""What an idle daemon holds and how often it wakes up: PSS, and the voluntary context switches of all its threads."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.inside import ENVIRONMENT
from tests.bench.report import Row, Table
from tests.lab import Host, Lab, wait_until

MEGABYTES = 45.0
WAKE_UPS = 1.0  # a minute
MINUTE = 60.0  # seconds
SETTLED = 55.0  # seconds until the pauses between two looks for a missing Docker have grown to a minute
DEBIAN = "/usr/bin/python3"
LIBRARIES = "import docker, pyroute2, systemd.journal, tomli, watchdog"
BARE = "import signal; print('bare', flush=True); signal.pause()"


@dataclass(frozen=True, slots=True)
class Case:
    """One daemon on one host."""

    what: str
    host: Host
    python: str
    sign: str  # what its log says when it has found out all


def measure() -> Table:
    """Measure each daemon's memory alone, then all of them through the same idle minute."""
    with Lab() as lab:
        cases = list(_cases(lab))
        rows = [_memory(case) for case in cases]
        running = [(case, _start(case)) for case in cases]
        time.sleep(SETTLED)
        counted = [(case, daemon.pid, _switches(daemon.pid)) for case, daemon in running]
        time.sleep(MINUTE)
        rows += [
            Row(what=f"wake-ups in a minute: {case.what}", ours=_switches(pid) - before, unit="", limit=WAKE_UPS)
            for case, pid, before in counted
        ]
    return Table(
        title="memory and quiet: an idle daemon without networks; PSS, and voluntary context switches of all threads",
        theirs="a bare Python that waits",
        rows=tuple(rows),
        notes=() if len(cases) == 4 else (f"{DEBIAN} has not all of Debian's libraries: not measured",),
    )


def _cases(lab: Lab) -> Iterator[Case]:
    pythons = {"PyPI's libraries": sys.executable}
    if not subprocess.run((DEBIAN, "-c", LIBRARIES), capture_output=True, check=False).returncode:
        pythons["Debian's libraries"] = DEBIAN
    for number, (libraries, python) in enumerate(pythons.items()):
        docker = lab.host(f"docker{number}", f"192.168.1.{60 + number}/24")
        docker.dockerd()
        yield Case(f"{libraries}, Docker", docker, python, "answers")
        yield Case(
            f"{libraries}, no Docker", lab.host(f"plain{number}", f"192.168.1.{70 + number}/24"), python, "started"
        )


def _memory(case: Case) -> Row:
    daemon = _start(case)
    ours = _pss(daemon.pid)
    _end(daemon)
    bare = _launch(case, "bare", "-c", BARE)
    wait_until(lambda: "bare" in _log(case, "bare"), what="a bare Python")
    theirs = _pss(bare.pid)
    _end(bare)
    return Row(what=f"PSS: {case.what}", ours=ours, theirs=theirs, unit="MB", limit=MEGABYTES)


def _start(case: Case) -> subprocess.Popen[Any]:
    """Start a daemon; return it when it has come to rest."""
    daemon = _launch(case, "daemon", "-m", "macvland")
    wait_until(lambda: case.sign in _log(case, "daemon"), what=f"a daemon with {case.what}")
    last = -1
    while (now := _switches(daemon.pid)) != last:
        last = now
        time.sleep(1)
    return daemon


def _launch(case: Case, name: str, *words: str) -> subprocess.Popen[Any]:
    with (case.host.root / f"{name}.log").open("wb") as log:
        return case.host.popen(case.python, *words, environment=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT)


def _log(case: Case, name: str) -> str:
    return (case.host.root / f"{name}.log").read_text()


def _end(process: subprocess.Popen[Any]) -> None:
    process.terminate()
    process.wait()


def _pss(pid: int) -> float:
    (kilobytes,) = re.findall(r"^Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
    return int(kilobytes) / 1024


def _switches(pid: int) -> int:
    texts = (status.read_text() for status in Path(f"/proc/{pid}/task").glob("*/status"))
    return sum(int(re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.MULTILINE)[0]) for text in texts)
