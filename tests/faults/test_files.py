"""Rows of E: what editors, tools and accidents do to the files, seen by the running daemon."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from macvland.memory import GRACE
from tests.faults.conftest import Start
from tests.faults.daemon import Daemon
from tests.faults.declaration import file
from tests.faults.invariants import Ctl, World, foreign, identifiers, idle, indexes, made, require, shim, status, told
from tests.lab import Host, wait_until

LAN = ("lan", "eth0", "192.168.1.0/24")
OWN = 'address = "192.168.1.223"\n'


def with_lan(host: Host, start: Start) -> Daemon:
    """Start a daemon and have it serve the network 'lan'."""
    host.drop("lan.toml", file("eth0", 1))
    daemon = start()
    told(host, daemon)
    return daemon


def lan(host: Host, own: str | None = None) -> World:
    """Return the world with 'lan' in it."""
    return World(shims=frozenset({shim(host, "lan", "eth0", own=own)}), networks=(LAN,))


@pytest.fixture
def directory(shared_docker_host: Host) -> Path:
    return shared_docker_host.path("/etc/macvlan.d")


@pytest.mark.fault("E62")
@pytest.mark.fault("E63")
@pytest.mark.parametrize("half", ["", file("eth0", 1)[:40]], ids=["empty", "half"])
def test_a_file_that_is_truncated_and_written_later_takes_nothing_away(
    shared_docker_host: Host, start: Start, ctl: Ctl, directory: Path, half: str
) -> None:
    host = shared_docker_host
    daemon = with_lan(host, start)
    before = made(host)
    (directory / "lan.toml").write_text(half)
    wait_until(lambda: status(host)["errors"])
    idle(daemon, moment=GRACE + 0.3)  # long enough for a removal to count
    assert made(host) == before
    (directory / "lan.toml").write_text(file("eth0", 1, OWN))
    require(host, ctl, lan(host, "192.168.1.223"))
    assert made(host) == before


@pytest.mark.fault("E64")
@pytest.mark.fault("E66")
@pytest.mark.parametrize(
    "command", ["mv /run/new.toml /etc/macvlan.d/lan.toml", "install -m 644 /run/new.toml /etc/macvlan.d/lan.toml"]
)
def test_a_file_that_is_replaced_changes_its_network_in_place(
    shared_docker_host: Host, start: Start, ctl: Ctl, command: str
) -> None:
    host = shared_docker_host
    daemon = with_lan(host, start)
    before = made(host)
    for own in (None, "192.168.1.223") * 3:
        host.path("/run/new.toml").write_text(file("eth0", 1, f'address = "{own}"\n' if own else ""))
        host.run("sh", "-c", command)
        require(host, ctl, lan(host, own))
    assert made(host) == before
    assert "delete shim" not in daemon.read_log()


@pytest.mark.fault("E75")
def test_a_directory_that_vanishes_takes_nothing_away_and_counts_again_when_it_is_back(
    shared_docker_host: Host, start: Start, ctl: Ctl, directory: Path
) -> None:
    host = shared_docker_host
    daemon = with_lan(host, start)
    before = made(host)
    directory.rename(directory.with_name("elsewhere"))
    daemon.wait_for("vanished or was replaced")
    idle(daemon, moment=GRACE + 0.3)
    assert made(host) == before
    directory.with_name("elsewhere").rename(directory)
    host.drop("lan.toml", file("eth0", 1, OWN))
    require(host, ctl, lan(host, "192.168.1.223"))
    assert made(host) == before


@pytest.mark.fault("E76")
def test_a_queue_of_events_that_overflowed_hides_no_change(
    shared_docker_host: Host, start: Start, ctl: Ctl, directory: Path
) -> None:
    host = shared_docker_host
    daemon = with_lan(host, start)
    before = idle(daemon)
    daemon.signal(signal.SIGSTOP)
    events = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(events):  # two events each, and no two that follow are alike: those would be one
        (directory / f".{number % 2}").touch()
    host.drop("lan.toml", file("eth0", 1, OWN))
    daemon.signal(signal.SIGCONT)
    require(host, ctl, lan(host, "192.168.1.223"))
    for number in range(2):
        (directory / f".{number}").unlink()
    assert idle(daemon) == before


class Edits(threading.Thread):
    """Somebody who edits a file as often as it goes, thousands of times a second."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._new, self._target = directory.with_name("busy.new"), directory / "busy.toml"
        self._enough = threading.Event()

    def run(self) -> None:
        """Edit until it is enough."""
        while not self._enough.is_set():
            self._new.write_text(file("eth7", 7, None))
            self._new.replace(self._target)

    def end(self) -> None:
        """Have no edit come any more."""
        self._enough.set()
        self.join()


@pytest.fixture
def edits(directory: Path) -> Iterator[Edits]:
    editing = Edits(directory)
    editing.start()
    yield editing
    editing.end()


@pytest.mark.fault("E78")
def test_a_flood_of_edits_delays_no_change_for_long(
    shared_docker_host: Host, start: Start, ctl: Ctl, edits: Edits
) -> None:
    host = shared_docker_host
    daemon = start()
    daemon.wait_for("started")
    host.drop("lan.toml", file("eth0", 1))
    wait_until(lambda: "mv-lan" in indexes(host), what="a shim in the flood")
    edits.end()
    host.drop("lan.toml", file("eth0", 1, OWN))
    host.remove("busy.toml")
    require(host, ctl, lan(host, "192.168.1.223"))
    told(host, daemon)
    idle(daemon)


@pytest.mark.fault("E80")
def test_a_file_that_is_gone_for_good_takes_only_what_is_ours_and_unused(
    shared_docker_host: Host, start: Start, ctl: Ctl
) -> None:
    host = shared_docker_host
    daemon = with_lan(host, start)
    before = foreign(host)
    container = host.container("web", "lan", "192.168.1.51")
    began = time.monotonic()
    host.remove("lan.toml")
    wait_until(lambda: indexes(host) == {})
    assert time.monotonic() - began > 0.9, "it must last a moment"
    wait_until(lambda: [one["state"] for one in status(host)["networks"]] == ["leaving"])
    assert list(identifiers(host)) == ["lan"]
    container.remove()
    require(host, ctl, World())
    assert foreign(host) == before
    assert daemon.warnings() == []
