"""The watcher of Docker's events: it wakes, comes back, ends when told to, and is quiet otherwise."""

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from threading import enumerate as all_threads
from typing import Any

import pytest

from macvland.action import Add, Delete
from macvland.engine import Docker, events, watch
from macvland.model import Host
from tests.docker import proxy as faults
from tests.docker.hang import hang
from tests.docker.proxy import Fault, Proxy
from tests.docker.samples import PLAIN
from tests.lab import Host as LabHost
from tests.lab import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

EVENTS = "GET /events"


class Watching:
    """A watcher in its thread, and what it woke."""

    def __init__(self, path: Path) -> None:
        self.woken = Event()
        self.stop = Event()
        self.prod = Event()
        self.on_wake: Callable[[], object] = lambda: None
        self.thread = Thread(target=watch, args=(self._wake, self.stop, self.prod, str(path)), daemon=True)
        self.thread.start()

    def _wake(self) -> None:
        self.woken.set()
        self.on_wake()

    def wakes(self, after: Callable[[], object], what: str) -> None:
        """Check that *after* leads to a wake-up."""
        self.woken.clear()
        after()
        wait_until(self.woken.is_set, what=what)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def start() -> Iterator[Callable[[Path], Watching]]:
    """Start watchers, which end with the test."""
    running: list[Watching] = []

    def begin(path: Path) -> Watching:
        running.append(Watching(path))
        return running[-1]

    yield begin
    for watching in running:
        watching.end()


Start = Callable[[Path], Watching]


def connected(watching: Watching) -> Watching:
    wait_until(watching.woken.is_set, what="the event stream")
    return watching


def test_it_wakes_when_a_network_comes_and_goes(start: Start, shared_docker_host: LabHost, client: Any) -> None:
    assert client
    docker = Docker(str(shared_docker_host.docker_socket))
    watching = connected(start(shared_docker_host.docker_socket))
    watching.wakes(lambda: docker.apply([Add(PLAIN)]), "a network's creation")
    (network,) = docker.observe(Host()).networks
    watching.wakes(lambda: docker.apply([Delete(network)]), "a network's deletion")


def test_it_wakes_when_a_container_comes_and_goes(start: Start, shared_docker_host: LabHost, client: Any) -> None:
    assert client
    Docker(str(shared_docker_host.docker_socket)).apply([Add(PLAIN)])
    watching = connected(start(shared_docker_host.docker_socket))
    docker = shared_docker_host.docker
    watching.wakes(lambda: docker("create", "--name", "c1", "--network", "plain", "lab", "sleep", "1000"), "creation")
    watching.wakes(lambda: docker("start", "c1"), "a start")
    watching.wakes(lambda: docker("kill", "c1"), "a death")
    watching.wakes(lambda: docker("rename", "c1", "c2"), "another name")
    watching.wakes(lambda: docker("rm", "c2"), "a removal")


def test_its_last_wake_up_of_a_start_comes_when_the_container_counts(
    start: Start, shared_docker_host: LabHost, client: Any
) -> None:
    """Docker says that a network is connected long before the container runs; a look at that moment is too early."""
    assert client
    docker = Docker(str(shared_docker_host.docker_socket))
    docker.apply([Add(PLAIN)])
    watching = connected(start(shared_docker_host.docker_socket))
    in_time = Event()
    watching.on_wake = lambda: in_time.set() if _addresses(docker) else None
    shared_docker_host.docker("run", "--detach", "--network", "plain", "lab", "sleep", "1000")
    wait_until(in_time.is_set, 3, "a wake-up once the container has its address")


def _addresses(docker: Docker) -> bool:
    return any(attachment.addresses for attachment in docker.observe(Host()).attachments)


def test_it_sleeps_through_what_is_not_about_networks(start: Start, shared_docker_host: LabHost, client: Any) -> None:
    """The last event is the only one that may arrive: the stream keeps their order."""
    docker = Docker(str(shared_docker_host.docker_socket))
    docker.apply([Add(PLAIN)])
    container = shared_docker_host.container("c1", "plain")
    watching = connected(start(shared_docker_host.docker_socket))
    wait_until(lambda: not _clear_and_see(watching), what="quiet")
    for _ in range(3):
        container.run("true")
    client.tag("lab", "other")
    client.remove_image("other:latest")
    assert not watching.woken.wait(0.3)
    watching.wakes(container.remove, "the container's end")


def _clear_and_see(watching: Watching) -> bool:
    watching.woken.clear()
    return watching.woken.wait(0.2)


@pytest.mark.fault("B18")
def test_b18_it_wakes_when_docker_goes_and_when_it_is_back(start: Start, docker_host: LabHost) -> None:
    watching = connected(start(docker_host.docker_socket))
    watching.wakes(docker_host.engine.kill, "Docker's death")
    watching.wakes(docker_host.engine.start, "Docker's return")
    watching.wakes(docker_host.engine.stop, "Docker's stop")
    watching.wakes(docker_host.engine.start, "Docker's return")


@pytest.mark.fault("B20")
def test_b20_it_wakes_when_a_hanging_docker_goes_on(start: Start, docker_host: LabHost) -> None:
    hang(docker_host)
    watching = start(docker_host.docker_socket)
    assert not watching.woken.wait(0.3)
    watching.wakes(docker_host.engine.resume, "Docker's answer")


def test_it_ends_at_once_while_docker_hangs(start: Start, proxy: Proxy) -> None:
    proxy.faults[EVENTS] = faults.silent
    watching = start(proxy.path)
    wait_until(lambda: proxy.requests, what="its request")
    watching.end()


def test_it_ends_at_once_in_the_middle_of_a_stream(start: Start, proxy: Proxy) -> None:
    watching = connected(start(proxy.path))
    watching.end()


def test_it_ends_at_once_in_a_long_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SHORTEST_PAUSE", 60)
    stop, pausing = Event(), Event()

    class Noted(Event):
        def wait(self, timeout: float | None = None) -> bool:
            pausing.set()
            return super().wait(timeout)

    thread = Thread(target=watch, args=(lambda: None, stop, Noted(), str(tmp_path / "none")), daemon=True)
    thread.start()
    wait_until(pausing.is_set, what="the pause")
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_it_leaves_no_thread_behind(start: Start, proxy: Proxy) -> None:
    watching = connected(start(proxy.path))
    watching.end()
    wait_until(lambda: "docker-events-end" not in {thread.name for thread in all_threads()}, what="the second thread")


CUTS: dict[str, Fault] = {
    "cut at once": faults.drop,
    "garbage": faults.say_raw(b"\x00\xff garbage \r\n\r\n"),
    "half a line": faults.say_raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"Type":"net'),
    "a broken chunk": faults.say_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "an error": faults.say(b'{"message":"boom"}', "500 Internal Server Error"),
}


@pytest.mark.parametrize("fault", CUTS.values(), ids=CUTS)
@pytest.mark.fault("B23")
def test_b23_it_survives_a_broken_stream_and_wakes_after_the_reconnection(
    start: Start, proxy: Proxy, fault: Fault
) -> None:
    proxy.faults[EVENTS] = fault
    watching = start(proxy.path)
    wait_until(lambda: len(proxy.requests) >= 2, what="a second try")
    watching.wakes(proxy.faults.clear, "the stream")
    watching.wakes(proxy.cut, "the end of the stream")


@pytest.mark.fault("B23")
def test_b23_a_stream_that_is_always_cut_is_tried_ever_more_rarely(start: Start, proxy: Proxy) -> None:
    times: list[float] = []

    def note(*_: Any) -> None:
        times.append(time.monotonic())

    proxy.faults[EVENTS] = note
    start(proxy.path)
    wait_until(lambda: len(times) >= 5, what="five tries")
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == sorted(pauses)
    assert pauses[3] > 4 * pauses[0]


@pytest.mark.fault("B17")
def test_b17_an_absent_socket_is_looked_for_when_prodded(
    start: Start, shared_docker_host: LabHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SHORTEST_PAUSE", 60)
    path = tmp_path / "docker.sock"
    watching = start(path)
    assert not watching.woken.wait(0.1)
    with Proxy(path, shared_docker_host.docker_socket):
        watching.wakes(watching.prod.set, "the new socket")
        watching.end()


@pytest.mark.fault("B18")
def test_b18_a_socket_that_goes_while_no_stream_stands_is_told(
    start: Start, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SHORTEST_PAUSE", 60)
    proxy.faults[EVENTS] = faults.drop
    watching = start(proxy.path)
    wait_until(lambda: proxy.requests, what="its request")
    away = proxy.path.rename(proxy.path.with_name("away"))
    watching.wakes(watching.prod.set, "the absence")
    away.rename(proxy.path)


@pytest.mark.fault("B17")
def test_b17_an_absent_docker_costs_a_wake_up_a_minute() -> None:
    """The pauses as they would be: waited for by nobody."""
    waits: list[float] = []

    class Impatient(Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0)
            if len(waits) == 20:
                stop.set()
            return False

    stop = Event()
    watch(stop.set, stop, Impatient(), "/nonexistent/docker.sock")
    assert waits[:3] == [0.2, 0.4, 0.8]
    assert waits[12:] == [events.LONGEST_PAUSE] * 8
