"""C51: somebody keeps undoing what macvland does: noticed, put off with growing pauses, told once, over when it is."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from macvland.condition.obstacle import UNDONE
from macvland.quarrel import FACTOR, FIRST, MANY
from tests.faults.daemon import Daemon
from tests.faults.invariants import idle
from tests.lab import Host, wait_until
from tests.scene import (
    BORROWED,
    Serving,
    add_nic,
    add_strangers,
    declare,
    foreign,
    lines,
    network_status,
    tidy,
    unbroken_ping,
    wait_for_state,
    wait_for_ways,
)

WEB, QUIET = "192.168.1.51", "10.9.9.51"
PAUSES = 2  # that a test waits for
ROUTE = f"add route to {WEB} over shim 'mv-pub_net' from 192.168.1.50"
MODE = "change shim 'mv-pub_net' on 'eth0': mode private -> bridge"
SHIM = "add shim 'mv-pub_net' on 'eth0'"

# What tells that macvland has been here, what undoes it, and what macvland does about it.
UNDOING = {
    "its route deleted": (
        f"ip route show proto 77 | grep -q {WEB}",
        f"ip route delete {WEB} dev mv-pub_net",
        ROUTE,
    ),
    "its mode changed": (
        "ip -details link show mv-pub_net | grep -q 'mode bridge'",
        "ip link set mv-pub_net type macvlan mode private",
        MODE,
    ),
    "its shim deleted": (
        "test -e /sys/class/net/mv-pub_net",
        "ip link delete mv-pub_net",
        SHIM,
    ),
}


@dataclass
class Opponent:
    """A program that looks every 20 ms whether it finds something to undo, and notes when it did."""

    log: Path
    process: "subprocess.Popen[bytes]"

    def times(self) -> list[float]:
        """Return when it has undone something, in seconds."""
        return [float(line) for line in self.log.read_text().splitlines()]

    def give_up(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def undoing(host: Host, found: str, undo: str) -> Iterator[Opponent]:
    log = host.path("/run/undone")
    log.write_text("")
    loop = f"while sleep 0.02; do if {found}; then {undo}; date +%s.%N >>/run/undone; fi; done 2>/dev/null"
    opponent = Opponent(log, host.popen("sh", "-c", loop))
    try:
        yield opponent
    finally:
        opponent.give_up()


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with two networks and a container on each; 'calm' is not concerned."""
    it = shared_docker_host
    add_nic(it, "eth1", "10.9.9.50/24")
    it.drop("pub_net.toml", declare(BORROWED))
    it.drop("calm.toml", declare(BORROWED, parent="eth1", lan="10.9.9"))
    serving = Serving(it)
    daemon = serving()
    for name, network, address in (("web", "pub_net", WEB), ("quiet", "calm", QUIET)):
        wait_for_state(daemon, it, network, "ready")
        it.container(name, network, ip=address)
    wait_for_ways(it, {QUIET: "10.9.9.50"}, shim="mv-calm")
    serving.stop()
    add_strangers(it)
    yield it
    tidy(it)


@pytest.fixture
def daemon(host: Host) -> Iterator[Daemon]:
    serving = Serving(host)
    daemon = serving()
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: "192.168.1.50"})
    yield daemon
    serving.stop()


@pytest.mark.fault("C51")
@pytest.mark.parametrize(("found", "undo", "repair"), UNDOING.values(), ids=UNDOING)
def test_somebody_who_keeps_undoing_is_noticed_not_fought_and_outlived(
    host: Host, daemon: Daemon, found: str, undo: str, repair: str
) -> None:
    before, descriptors = foreign(host), idle(daemon)
    logged = len(lines(daemon))
    with unbroken_ping(host, QUIET):
        with undoing(host, found, undo) as opponent:
            waiting = wait_for_state(daemon, host, "pub_net", "waiting")
            assert waiting.reasons == (UNDONE(repair=repair).text,)
            assert len(opponent.times()) >= MANY, "the first repairs do not wait"
            wait_until(lambda: len(opponent.times()) > MANY + PAUSES, 30)
            wait_until(lambda: (now := network_status(host, "pub_net")) and now.retry > waiting.since)
        wait_for_state(daemon, host, "pub_net", "ready", 20)
    gaps = [later - sooner for sooner, later in pairwise(opponent.times())]
    pauses = [FIRST * FACTOR**number for number in range(PAUSES)]
    assert [pause for pause, gap in zip(pauses, gaps[MANY:], strict=False) if gap < 0.9 * pause] == []
    wait_for_ways(host, {WEB: "192.168.1.50"})
    assert host.ctl("plan").stdout == "nothing to do\n"
    told = lines(daemon, logged)
    repairs = [line for line in told if line.startswith(f"macvland: pub_net: {repair}")]
    assert 0 < len(repairs) <= MANY  # what was undone at once was never there
    assert told.count(f"macvland: warning: pub_net: waiting: {UNDONE(repair=repair).text}") == 1
    assert told[-1] == "macvland: pub_net: ready"
    assert [line for line in told if "error" in line] == []
    assert foreign(host) == before
    assert idle(daemon) == descriptors


@pytest.mark.fault("C51")
def test_a_reload_ends_the_pause(host: Host, daemon: Daemon) -> None:
    found, undo, repair = UNDOING["its route deleted"]
    with undoing(host, found, undo) as opponent:
        wait_until(lambda: len(opponent.times()) > MANY + 1, 20)
        wait_for_state(daemon, host, "pub_net", "waiting")
        opponent.give_up()
    host.run("kill", "-HUP", str(daemon.pid))
    wait_until(lambda: WEB in host.ip("route", "show", "dev", "mv-pub_net"), FIRST / 2, repair)
    wait_for_state(daemon, host, "pub_net", "ready")


@pytest.mark.fault("C51")
def test_a_quarrel_about_one_thing_does_not_hold_up_another(host: Host, daemon: Daemon) -> None:
    found, undo, _ = UNDOING["its route deleted"]
    with undoing(host, found, undo) as opponent:
        wait_until(lambda: len(opponent.times()) > MANY + 1, 20)
        host.ip("neigh", "flush", "dev", "mv-pub_net", "nud", "all")
        wait_until(lambda: WEB in host.ip("neigh", "show", "dev", "mv-pub_net", "nud", "permanent"), FIRST / 2)
    wait_for_state(daemon, host, "pub_net", "ready", 20)
