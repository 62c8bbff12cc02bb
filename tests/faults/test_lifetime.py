"""A3, A4, A7, A8, A11 to A13: restarts, signals, defects of our own, clocks, descriptors, many passes."""

import os
import re
import resource
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from tests.faults.conftest import Start
from tests.faults.daemon import attach, changes, strace, trace, with_code
from tests.faults.declaration import add_parents, file
from tests.faults.invariants import Ctl, World, identifiers, idle, indexes, made, require, shim, status, told
from tests.faults.service import NOTIFY, manager
from tests.lab import Host, wait_until
from tests.lab.command import PROJECT
from tests.soak import times


@pytest.mark.fault("A3")
def test_a_restart_with_unchanged_files_writes_nothing(shared_docker_host: Host, start: Start, ctl: Ctl) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1, 'address = "192.168.1.223"\n'))
    wanted = World(
        shims=frozenset({shim(host, "lan", "eth0", own="192.168.1.223")}), networks=(("lan", "eth0", "192.168.1.0/24"),)
    )
    first = start(*strace("-e", "trace=sendto"))
    told(host, first)
    assert changes(trace(host)), "else this test sees no change at all"
    assert first.stop() == 0
    before = made(host)
    require(host, ctl, wanted)
    second = start(*strace("-e", "trace=sendto"))
    told(host, second)
    idle(second)
    assert second.stop() == 0
    sent = trace(host)
    assert changes(sent) == []
    assert [line for line in sent if '"POST' in line or '"DELETE' in line] == []
    assert made(host) == before
    require(host, ctl, wanted)


DEATHS = {
    "watchdog's": (
        "import macvland.wake as place",
        "def die(*_): raise KeyError('lost')",
        "place.Watcher.dispatch = die",
    ),
    "a helper of a watcher of ours": (
        "import macvland.kernel.events as place",
        "honest = place._drain",
        "def broken(listener): place.threading.Thread(target=lambda: {}['lost'], name='helper').start()",
        "place._drain = broken",
    ),
}


@pytest.mark.parametrize("whose", DEATHS)
def test_the_death_of_any_thread_is_told_and_ends_the_daemon(
    shared_docker_host: Host, start: Start, whose: str
) -> None:
    host = shared_docker_host
    daemon = start(program=with_code(*DEATHS[whose]))
    host.drop("lan.toml", file("eth0", 1))
    host.ip("link", "set", "eth0", "mtu", "1400")
    wait_until(lambda: not daemon.running, what="the end of a daemon that cannot hear any more")
    assert daemon.process.wait() == 1, "else systemd would not call it a failure"
    assert re.search(r"error: .* died: ", daemon.read_log())
    assert "KeyError: 'lost'" in daemon.read_log()


CRASHES = {
    "deciding": (
        "import macvland.wanted as place",
        "honest = place.docker_network",
        "def broken(one, link, facts): return 1 / 0 if one.name == 'bad' else honest(one, link, facts)",
        "place.docker_network = broken",
    ),
    "making the shim": (
        "import macvland.kernel.requests as place",
        "honest = place.create",
        "def broken(one, *rest): return 1 / 0 if one.network == 'bad' else honest(one, *rest)",
        "place.create = broken",
    ),
    "making the network": (
        "import macvland.engine.edge as place",
        "honest = place.creation_of",
        "def broken(one, *rest): return 1 / 0 if one.name == 'bad' else honest(one, *rest)",
        "place.creation_of = broken",
    ),
}


@pytest.mark.fault("A4")
@pytest.mark.parametrize("where", CRASHES)
def test_a_defect_that_one_network_meets_costs_that_network_only(
    shared_docker_host: Host, start: Start, where: str
) -> None:
    host = shared_docker_host
    add_parents(host, 2)
    daemon = start(program=with_code(*CRASHES[where]))
    told(host, daemon)
    host.drop("bad.toml", file("eth2", 2))
    wait_until(lambda: any(one["state"] == "failed" for one in status(host)["networks"]))
    host.drop("good.toml", file("eth0", 1))
    wait_until(
        lambda: {one["name"]: one["state"] for one in status(host)["networks"]} == {"bad": "failed", "good": "ready"}
    )
    assert "division by zero" in str(status(host)["networks"][0]["reasons"])
    assert "mv-good" in indexes(host)
    assert "good" in identifiers(host)
    assert daemon.stop() == 0
    host.ip("link", "delete", "eth2")


@pytest.mark.fault("A7")
def test_a_thousand_reloads_at_once_are_a_few(shared_docker_host: Host, start: Start, ctl: Ctl) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1))
    with manager(host.path(NOTIFY)) as systemd:
        daemon = start(environment={"NOTIFY_SOCKET": NOTIFY})
        told(host, daemon)
        before = idle(daemon)
        for _ in range(1000):
            os.kill(daemon.pid, signal.SIGHUP)
        sent = time.monotonic_ns() // 1000
        host.drop("lan.toml", file("eth0", 1, 'address = "192.168.1.223"\n'))
        wanted = World(
            shims=frozenset({shim(host, "lan", "eth0", own="192.168.1.223")}),
            networks=(("lan", "eth0", "192.168.1.0/24"),),
        )
        require(host, ctl, wanted)
        assert idle(daemon) == before
        said = [text for text in systemd.listen() if text.startswith("RELOADING=1")]
        assert len(said) >= 1
        assert len([text for text in said if int(text.partition("USEC=")[2]) > sent]) <= 2
        assert systemd.states().count("READY=1") == 1 + len(said)


@pytest.mark.fault("A8")
def test_a_reload_in_the_middle_of_a_pass_is_not_lost(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    with manager(host.path(NOTIFY)) as systemd:
        daemon = start(environment={"NOTIFY_SOCKET": NOTIFY})
        told(host, daemon)
        idle(daemon)
        ready = len(systemd.listen())
        tracer = attach(host, daemon, "-e", "trace=sendto", "-e", "inject=sendto:delay_enter=100000")  # us
        daemon.signal(signal.SIGHUP)
        first = systemd.wait_for("RELOADING=1", after=ready)
        daemon.signal(signal.SIGHUP)  # the pass has read the files, or is about to; it asks the kernel for 600 ms
        second = systemd.wait_for("RELOADING=1", after=first)
        assert any(text == "READY=1" for text in systemd.heard[first : second - 1]), "the first was over before"
        systemd.wait_for("READY=1", after=second)
        tracer.terminate()
        tracer.wait()
        idle(daemon)
        assert systemd.states().count("RELOADING=1") == 2


@pytest.mark.fault("A11")
def test_a_jump_of_the_clock_is_one_look(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    daemon = start()
    told(host, daemon)
    before = idle(daemon)
    inode = host.path("/run/macvland/status.json").stat().st_ino
    # What the kernel says to a reader of a TFD_TIMER_CANCEL_ON_SET timer when somebody sets the clock.
    jump = ("-e", "trace=read", "-P", "anon_inode:[timerfd]", "-e", "inject=read:error=ECANCELED:when=1")
    tracer = attach(host, daemon, "-f", *jump)
    wait_until(lambda: "ECANCELED" in host.path("/run/strace.log").read_text())
    wait_until(lambda: host.path("/run/macvland/status.json").stat().st_ino != inode)
    tracer.terminate()
    tracer.wait()
    assert idle(daemon) == before
    assert daemon.warnings() == []


@pytest.mark.fault("A11")
def test_no_wait_counts_on_the_clock_that_people_set(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    daemon = start(
        *strace("-e", "trace=futex,clock_nanosleep,timerfd_settime"), environment={"WATCHDOG_USEC": "400000"}
    )
    told(host, daemon)
    waits = [line for line in trace(host) if "tv_sec" in line and "timerfd" not in line]
    assert waits, "else this test sees no wait at all"
    assert [line for line in waits if "CLOCK_REALTIME" in line] == []


@pytest.mark.fault("A12")
def test_running_out_of_descriptors_is_survived(shared_docker_host: Host, start: Start, ctl: Ctl) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1))
    daemon = start()
    told(host, daemon)
    before = idle(daemon)
    untouched = made(host)
    limits = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (before, limits[1]))
    host.remove("lan.toml")
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("Too many open files")
    daemon.signal(signal.SIGHUP)
    host.drop("lan.toml", file("eth0", 1))
    daemon.signal(signal.SIGHUP)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, limits)
    daemon.signal(signal.SIGHUP)
    told(host, daemon)
    assert made(host) == untouched
    assert ctl("plan") == (0, "nothing to do\n")
    host.drop("lan.toml", file("eth0", 1, None))
    wait_until(lambda: indexes(host) == {})
    assert idle(daemon) == before


def memory(pid: int) -> int:
    """Return the resident memory of *pid* in KiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


# `make check` shows a leak of a descriptor, or of three kilobytes, in each pass; `make soak` one of a few octets.
WARM_UP = times(check=60, soak=200)  # passes
EMPTY_WARM_UP = 400
# Of the steps the median counts: a heap grows once by half a megabyte, sooner or later; a leak grows in each.
STEPS = times(check=5, soak=10)
GROWTH = 64  # KiB in a step
PASSES = times(check=100, soak=10_000)
EMPTY_PASSES = times(check=2_000, soak=100_000)


@pytest.mark.soak
@pytest.mark.fault("A13")
def test_many_passes_of_the_daemon_leak_neither_descriptors_nor_memory(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1))
    with manager(host.path(NOTIFY)) as systemd:
        daemon = start(environment={"NOTIFY_SOCKET": NOTIFY})
        told(host, daemon)

        def reload(times: int) -> None:
            for _ in range(times):
                systemd.listen()
                systemd.heard.clear()
                daemon.signal(signal.SIGHUP)
                systemd.wait_for("RELOADING=1")
                systemd.wait_for("READY=1")

        reload(WARM_UP)
        files, used = idle(daemon), [memory(daemon.pid)]
        for _ in range(STEPS):
            reload(PASSES // STEPS)
            used.append(memory(daemon.pid))
        assert idle(daemon) == files
        assert median(now - before for before, now in pairwise(used)) < GROWTH, used


LOOP = """
import os, sys, resource
from macvland import config
from macvland.engine import Docker
from macvland.kernel import Kernel
from macvland.machine import this_machine
from macvland.reconcile import converge
from macvland.wanted import wanted
def memory(): return int(open('/proc/self/statm').read().split()[1]) * 4
kernel, engine = Kernel(), Docker('/run/no-docker.sock')
def run(times):
    for _ in range(times):
        want = lambda seen: wanted(config.read(this_machine()), seen, 'x')
        assert converge(want, kernel, engine, lambda *_: True).converged
    return len(os.listdir('/proc/self/fd')), memory()
warm_up, steps, passes = map(int, sys.argv[1:])
print(*(number for pair in [run(warm_up), *(run(passes // steps) for _ in range(steps))] for number in pair))
"""


@pytest.mark.soak
@pytest.mark.fault("A13")
def test_thousands_of_passes_in_one_process_leak_neither_descriptors_nor_memory(shared_docker_host: Host) -> None:
    words = (sys.executable, "-c", LOOP, *map(str, (EMPTY_WARM_UP, STEPS, EMPTY_PASSES)))
    shown = [int(word) for word in shared_docker_host.run(*words, environment={"PYTHONPATH": str(PROJECT)}).split()]
    files, used = shown[::2], shown[1::2]
    assert len(set(files)) == 1
    assert median(now - before for before, now in pairwise(used)) < GROWTH, used
