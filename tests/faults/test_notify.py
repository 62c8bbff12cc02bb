"""A15, and what the service manager hears: ready, reloading, stopping, the status line, the watchdog."""

import signal
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.faults.conftest import Start
from tests.faults.daemon import with_code
from tests.faults.declaration import add_parents, file
from tests.faults.invariants import indexes, told
from tests.faults.service import NOTIFY, Manager, manager
from tests.lab import Host, wait_until

pytestmark = pytest.mark.libraries


@pytest.fixture
def systemd(shared_docker_host: Host) -> Iterator[Manager]:
    with manager(shared_docker_host.path(NOTIFY)) as listening:
        yield listening


SERVICE = {"NOTIFY_SOCKET": NOTIFY}


@pytest.mark.fault("A15")
@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/run/nobody"}, {"NOTIFY_SOCKET": ""}], ids=str)
def test_without_a_manager_that_listens_all_works(
    shared_docker_host: Host, start: Start, environment: dict[str, str]
) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1))
    daemon = start(environment={**environment, "WATCHDOG_USEC": "200000"})
    told(host, daemon)
    daemon.signal(signal.SIGHUP)
    host.remove("lan.toml")
    wait_until(lambda: indexes(host) == {})
    assert daemon.warnings() == []
    assert daemon.stop() == 0


def test_ready_is_said_once_and_the_status_line_when_it_changes(
    shared_docker_host: Host, start: Start, systemd: Manager
) -> None:
    host = shared_docker_host
    daemon = start(environment=SERVICE)
    systemd.wait_for("READY=1")
    systemd.wait_for("STATUS=no networks declared")
    host.drop("lan.toml", file("eth0", 1, None))
    systemd.wait_for("STATUS=1 ready")
    host.drop("lan.toml", file("eth0", 1))
    told(host, daemon)
    wait_until(lambda: indexes(host))
    assert daemon.stop() == 0
    assert systemd.states() == ["READY=1", "STOPPING=1"]
    lines = [text for text in systemd.heard if text.startswith("STATUS=")]
    assert all(one != other for one, other in pairwise(lines))


def test_a_reload_says_since_when_and_is_over_after_the_pass(start: Start, systemd: Manager) -> None:
    daemon = start(environment=SERVICE)
    ready = systemd.wait_for("READY=1")
    before = time.monotonic_ns() // 1000
    daemon.signal(signal.SIGHUP)
    reloading = systemd.wait_for("RELOADING=1\nMONOTONIC_USEC=", after=ready)
    systemd.wait_for("READY=1", after=reloading)
    since = int(systemd.heard[reloading - 1].partition("MONOTONIC_USEC=")[2])
    assert before <= since <= time.monotonic_ns() // 1000


BLIND = (
    "import macvland.daemon as place",
    "from macvland.error import InterruptedDumpError",
    "tell, observe, told = place._tell_manager, place.Kernel.observe, []",
    "def telling(state):",
    "    told.extend([state] * state.startswith('RELOADING'))",
    "    tell(state)",
    "def failing(kernel, host):",
    "    if told: raise InterruptedDumpError(f'it is busy after {told.pop()[:9]}')",
    "    return observe(kernel, host)",
    "place._tell_manager, place.Kernel.observe = telling, failing",
)


def test_a_reload_is_over_also_when_the_kernel_could_not_be_looked_at_at_once(start: Start, systemd: Manager) -> None:
    daemon = start(environment=SERVICE, program=with_code(*BLIND))
    ready = systemd.wait_for("READY=1")
    daemon.signal(signal.SIGHUP)
    reloading = systemd.wait_for("RELOADING=1\nMONOTONIC_USEC=", after=ready)
    systemd.wait_for("READY=1", after=reloading)
    assert [text for text in daemon.warnings() if "cannot look at the kernel's links" in text] != []


def test_the_watchdog_is_patted_within_its_time(start: Start, systemd: Manager) -> None:
    start(environment={**SERVICE, "WATCHDOG_USEC": "3000000"})
    position = systemd.wait_for("WATCHDOG=1")
    for _ in range(2):
        position = systemd.wait_for("WATCHDOG=1", after=position, seconds=3)


FLOOD = (  # an event in each pass
    "import macvland.daemon as place",
    "turn = place.Daemon._turn",
    "def never_last(self):",
    "    until = turn(self)",
    "    self._wake.set()",
    "    return until",
    "place.Daemon._turn = never_last",
)


@pytest.mark.fault("A5")
def test_the_watchdog_is_patted_while_events_never_end(start: Start, systemd: Manager) -> None:
    start(environment={**SERVICE, "WATCHDOG_USEC": "3000000"}, program=with_code(*FLOOD))
    position = systemd.wait_for("READY=1")
    for _ in range(3):
        position = systemd.wait_for("WATCHDOG=1", after=position, seconds=3)


def test_ready_waits_for_a_parent_that_is_late(shared_docker_host: Host, start: Start, systemd: Manager) -> None:
    host = shared_docker_host
    host.drop("late.toml", file("eth6", 6))
    start(environment=SERVICE)
    systemd.wait_for("STATUS=1 waiting")
    assert "READY=1" not in systemd.listen()
    add_parents(host, 6)
    systemd.wait_for("READY=1")
    assert "mv-late" in indexes(host)
    host.ip("link", "delete", "eth6")


def test_ready_does_not_wait_for_ever(shared_docker_host: Host, start: Start, systemd: Manager) -> None:
    shared_docker_host.drop("late.toml", file("eth6", 6))
    hurry = with_code("import macvland.daemon", "macvland.daemon.LATE_PARENTS = 1.0")
    start(environment=SERVICE, program=hurry)
    systemd.wait_for("STATUS=1 waiting")
    systemd.wait_for("READY=1")
    assert indexes(shared_docker_host) == {}
