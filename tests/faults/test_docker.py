"""Rows B17 to B35 at the running daemon: Docker absent, hanging, lying, restarted, and changed behind its back."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.docker import proxy as faults
from tests.docker.hang import hang
from tests.docker.proxy import Fault, Proxy, Request
from tests.faults.conftest import Start
from tests.faults.daemon import Daemon, with_code
from tests.faults.declaration import add_parents, file
from tests.faults.invariants import docker_networks, foreign, identifiers, idle, our_links, told
from tests.lab import Host, wait_until
from tests.scene import (
    BORROWED,
    UNHURRIED,
    api,
    declare,
    docker_options,
    network_status,
    networks,
    wait_for_state,
    wait_for_ways,
)

pytestmark = pytest.mark.engine

SOCKET = "/run/elsewhere/docker.sock"
ELSEWHERE = {"DOCKER_HOST": f"unix://{SOCKET}"}
CREATE, LIST, CONTAINERS, EVENTS = "POST /networks/create", "GET /networks", "GET /containers/json", "GET /events"
LOOK = ("GET /_ping", LIST, CONTAINERS)
HOST, WEB = "192.168.1.50", "192.168.1.51"
# Docker's answers may take an hour: so a repair that is seen did not wait for one, nor for its deadline.
UNBOUNDED = with_code("from macvland.engine import connection", "connection.LOOK_SECONDS = 3600.0")


@pytest.fixture
def host(shared_docker_host: Host) -> Iterator[Host]:
    """The module's host; no network is left on it."""
    host = shared_docker_host
    yield host
    with api(host) as client:
        for report in client.networks(filters={"driver": ["macvlan"]}):
            client.remove_network(report["Id"])


@pytest.fixture(autouse=True)
def emptied(host: Host, start: Start) -> Iterator[None]:
    """No container is left, and Docker goes on, before *start* takes away what is ours."""
    assert start
    yield
    host.engine.resume()
    with api(host) as client:
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True)


@pytest.fixture
def proxy(host: Host) -> Iterator[Proxy]:
    """A proxy in front of the host's Docker, at a place of its own as that of a rootless Docker."""
    path = host.path(SOCKET)
    path.parent.mkdir(exist_ok=True)
    with Proxy(path, host.docker_socket) as proxy:
        yield proxy


@pytest.fixture
def daemon(host: Host, start: Start, proxy: Proxy) -> Daemon:
    """A daemon that has made the network pub_net through the proxy."""
    assert proxy
    host.drop("pub_net.toml", declare(BORROWED))
    daemon = start(environment=ELSEWHERE)
    told(host, daemon)
    daemon.wait_for("pub_net: ready")  # the log is written aside: whoever counts lines has those of the start
    return daemon


@pytest.fixture
def unbounded(host: Host, start: Start, proxy: Proxy) -> Daemon:
    """The same, which gives Docker an hour for each answer."""
    assert proxy
    host.drop("pub_net.toml", declare(BORROWED))
    daemon = start(program=UNBOUNDED, environment=ELSEWHERE)
    told(host, daemon)
    daemon.wait_for("pub_net: ready")  # the log is written aside: whoever counts lines has those of the start
    return daemon


@pytest.fixture
def spare(host: Host) -> Iterator[str]:
    """Another parent with the network 192.168.2.0/24."""
    add_parents(host, 2)
    wait_until(lambda: "tentative" not in host.ip("address", "show"))
    yield "eth2"
    host.ip("link", "delete", "eth2")


def asked(proxy: Proxy, *requests: str) -> int:
    """Return how often any of *requests* was made."""
    return sum(str(request) in requests for request in proxy.requests)


def require_repair(host: Host) -> None:
    """Delete the shim, and require that it is back and up."""
    host.ip("link", "delete", "mv-pub_net")
    wait_until(lambda: any("UP" in link["flags"] for link in our_links(host)), what="the shim")


def engine_lines(daemon: Daemon) -> list[str]:
    """Return what the daemon said of Docker's coming and going, in order."""
    return [line for line in daemon.read_log().splitlines() if "no Docker:" in line or " answers" in line]


# None of Docker's misbehaving delays the shims


RELEASED = threading.Event()  # what Docker is late with


def late(client: Any, proxy: Proxy, request: Request) -> None:
    """Have Docker answer, and let the answer wait until it is released."""
    answer = proxy.answer(request)
    RELEASED.wait()
    with suppress(OSError):  # nobody may listen any more
        client.sendall(answer)


MISBEHAVING: dict[str, Fault] = {
    "silent": faults.silent,
    "late": late,
    "a byte at a time": faults.slow,
    "without end": faults.endless,
    "500": faults.say(b'{"message":"boom"}', "500 Internal Server Error"),
    "garbage": faults.say_raw(b"\x00\xff garbage \r\n\r\n"),
    "nothing": faults.drop,
}


@pytest.mark.fault("B20", "B21", "B22")
@pytest.mark.parametrize("fault", MISBEHAVING.values(), ids=MISBEHAVING)
def test_shims_are_repaired_whatever_docker_answers(host: Host, unbounded: Daemon, proxy: Proxy, fault: Fault) -> None:
    RELEASED.clear()
    proxy.faults |= dict.fromkeys(LOOK, fault)
    for _ in range(3):
        require_repair(host)
    proxy.faults.clear()
    RELEASED.set()
    proxy.cut()
    told(host, unbounded)
    idle(unbounded)


@pytest.mark.fault("B20")
def test_shims_are_repaired_while_docker_hangs(host: Host, unbounded: Daemon) -> None:
    said = len(engine_lines(unbounded))
    hang(host)
    for _ in range(3):
        require_repair(host)
    host.engine.resume()
    told(host, unbounded)
    assert len(engine_lines(unbounded)) - said == 2  # that it does not answer, and that it does


@pytest.mark.fault("B20")
@pytest.mark.parametrize("fault", ["delete", "down"])
def test_a_shim_that_is_repaired_while_docker_hangs_reaches_its_containers_as_before(
    host: Host, daemon: Daemon, fault: str
) -> None:
    web = host.container("web", "pub_net", ip=WEB)
    wait_for_ways(host, {WEB: HOST})
    mac = web.mac()
    hang(host)
    host.ip(*(("link", "delete", "mv-pub_net") if fault == "delete" else ("link", "set", "mv-pub_net", "down")))
    wait_for_ways(host, {WEB: HOST}, {WEB: mac})
    host.ping(WEB)
    host.engine.resume()
    told(host, daemon)


@pytest.mark.fault("B20")
def test_a_container_that_came_while_docker_seemed_to_hang_is_routed_when_it_answers(
    host: Host, daemon: Daemon, proxy: Proxy
) -> None:
    proxy.faults |= dict.fromkeys(LOOK, faults.silent)
    host.container("web", "pub_net", ip=WEB)
    wait_for_state(daemon, host, "pub_net", "waiting")
    proxy.faults.clear()
    proxy.cut()
    wait_for_ways(host, {WEB: HOST})


# Absent, late, back


@pytest.mark.fault("B17", "B18")
def test_docker_that_comes_late_and_goes_is_told_once_each_time(host: Host, start: Start) -> None:
    host.drop("pub_net.toml", declare(BORROWED))
    path = host.path(SOCKET)
    path.parent.mkdir(exist_ok=True)
    daemon = start(program=UNHURRIED, environment=ELSEWHERE)
    absent = f"Docker's socket {SOCKET} does not exist"
    assert wait_for_state(daemon, host, "pub_net", "waiting").reasons == (absent,)
    wait_until(lambda: our_links(host), what="the shim, without Docker")
    for turn in range(1, 4):
        idle(daemon)
        with Proxy(path, host.docker_socket):
            told(host, daemon)
            assert list(networks(host)) == ["pub_net"]
        wait_until(lambda turn=turn: engine_lines(daemon)[turn * 2 :] and absent in engine_lines(daemon)[-1])  # type: ignore[misc]
        assert sum(" answers" in line for line in engine_lines(daemon)) == turn
        # What it said as it went: that an answer broke off, or that nothing listens, and then that it is not there.
        assert len(engine_lines(daemon)) <= 1 + 4 * turn


@pytest.mark.fault("B18")
def test_docker_that_restarts_in_a_loop_costs_nothing_but_its_lines(host: Host, start: Start) -> None:
    host.drop("pub_net.toml", declare(BORROWED))
    daemon = start()
    told(host, daemon)
    before, said = identifiers(host), len(daemon.read_log().splitlines())
    index = our_links(host)[0]["ifindex"]
    for _ in range(4):
        host.engine.kill()
        wait_for_state(daemon, host, "pub_net", "waiting")
        host.engine.start()
        wait_for_state(daemon, host, "pub_net", "ready", 20)
    idle(daemon)
    assert (identifiers(host), our_links(host)[0]["ifindex"]) == (before, index)
    lines = daemon.read_log().splitlines()[said:]
    assert not [line for line in lines if "error" in line or "delete" in line or ": add " in line]
    # Each time: no Docker, and why (it dies first, then nothing listens), the network waits; Docker answers, ready.
    assert len(lines) <= 4 * 8, "\n".join(lines)


@pytest.mark.fault("B24")
def test_a_socket_without_permission_is_one_error_that_names_the_cure(host: Host, start: Start, proxy: Proxy) -> None:
    os.chown(proxy.path, 65534, 65534)
    proxy.path.chmod(0o600)
    host.drop("pub_net.toml", declare(BORROWED))
    # As the service is: root, but with no more than it needs.
    daemon = start("setpriv", "--bounding-set=-all,+net_admin,+net_raw", environment=ELSEWHERE)
    cure = f"permission denied on {SOCKET}: add the service user to group docker"
    # On a busy machine it is at first a Docker that takes its time.
    wait_until(lambda: (now := network_status(host, "pub_net")) and now.reasons == (cure,), what=cure)
    daemon.wait_for(f"pub_net: waiting: {cure}")
    idle(daemon)
    assert [line for line in engine_lines(daemon) if cure in line] == [
        f"macvland: warning: no Docker: {cure}; shims are kept meanwhile"
    ]
    assert not proxy.requests
    os.chown(proxy.path, 0, 0)
    told(host, daemon)


@pytest.mark.fault("B25")
def test_a_docker_elsewhere_is_served_and_the_other_one_is_not_touched(
    host: Host, daemon: Daemon, proxy: Proxy
) -> None:
    assert daemon
    assert {str(request) for request in proxy.requests} == {*LOOK, EVENTS, CREATE}
    assert list(networks(host)) == ["pub_net"]


# What Docker refuses, and how often it is asked


@pytest.mark.fault("B22")
@pytest.mark.parametrize(
    ("answer", "tries"),
    [("400 Bad Request", 1), ("403 Forbidden", 4), ("500 Internal Server Error", 4), ("503 Service Unavailable", 4)],
)
def test_what_docker_refuses_is_not_asked_in_a_storm(
    host: Host, start: Start, proxy: Proxy, answer: str, tries: int
) -> None:
    proxy.faults[CREATE] = faults.say(b'{"message":"boom"}', answer)
    host.drop("pub_net.toml", declare(BORROWED))
    daemon = start(environment=ELSEWHERE)
    failed = wait_for_state(daemon, host, "pub_net", "failed")
    assert failed.reasons == (
        f"add Docker network 'pub_net' on 'eth0' with 192.168.1.0/24: Docker answered {answer[:3]}: boom",
    )
    deadline = time.monotonic() + 3
    for number in range(10):  # events, which must not lead to a try
        host.ip("link", "add", f"any{number}", "type", "veth", "peer", f"any{number}p")
        host.ip("link", "delete", f"any{number}")
    wait_until(lambda: time.monotonic() > deadline)
    assert asked(proxy, CREATE) <= tries
    assert daemon.read_log().count("boom") == 1
    proxy.faults.clear()
    daemon.signal(signal.SIGHUP)
    told(host, daemon)


@pytest.mark.fault("B23")
@pytest.mark.parametrize(
    "fault",
    {
        "cut at once": faults.drop,
        "half a line": faults.say_raw(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{"Type":"net'),
    }.values(),
    ids=("cut at once", "half a line"),
)
def test_what_a_broken_event_stream_did_not_tell_is_seen_after_it(
    host: Host, daemon: Daemon, proxy: Proxy, fault: Fault
) -> None:
    proxy.faults[EVENTS] = fault
    proxy.cut()
    wait_until(lambda: asked(proxy, EVENTS) >= 3, what="tries to hear events")
    host.container("web", "pub_net", ip=WEB)
    proxy.faults.clear()
    wait_for_ways(host, {WEB: HOST})
    idle(daemon)


# Restarts, with and without the containers' survival


@pytest.mark.fault("B26")
def test_without_live_restore_containers_come_back_as_docker_lets_them(host: Host, start: Start) -> None:
    host.drop("pub_net.toml", declare(BORROWED))
    daemon = start()
    told(host, daemon)
    always = ("--restart", "always", "--stop-signal", "SIGKILL")
    host.docker("run", "-d", "--name", "web", "--network", "pub_net", "--ip", WEB, *always, "lab", "sleep", "100000")
    host.container("once", "pub_net", ip="192.168.1.52")
    wait_for_ways(host, {WEB: HOST, "192.168.1.52": HOST})
    before = identifiers(host), host.docker("ps", "-aq", "--no-trunc")
    for end in (host.engine.stop, host.engine.kill):
        end()
        host.engine.start()
        wait_for_ways(host, {WEB: HOST}, seconds=20)
        host.ping(WEB)
    told(host, daemon)
    assert (identifiers(host), host.docker("ps", "-aq", "--no-trunc")) == before
    assert "error" not in daemon.read_log()


MANY = range(100, 140)  # third octets: as many networks, each on a parent of its own


@contextmanager
def many(host: Host, thirds: range) -> Iterator[None]:
    """Give *host* a file for each of *thirds*; they and their parents go at the end."""
    add_parents(host, *thirds)
    for third in thirds:
        host.drop(f"n{third}.toml", file(f"eth{third}", third, None))
    try:
        yield
    finally:
        for third in thirds:
            host.ip("link", "delete", f"eth{third}")


@pytest.mark.fault("B18")
def test_a_restart_of_docker_with_many_networks_and_containers_is_a_look_and_no_more(
    host: Host, start: Start, proxy: Proxy
) -> None:
    with many(host, MANY):
        daemon = start(environment=ELSEWHERE)
        told(host, daemon, 60)
        for number in range(10):
            host.container(f"c{number}", f"n{MANY[number]}")
        told(host, daemon)
        idle(daemon)
        host.engine.kill()
        wait_for_state(daemon, host, "n100", "waiting")
        idle(daemon)
        proxy.requests.clear()
        host.engine.start()
        told(host, daemon, 30)
        idle(daemon)
        counts = Counter(map(str, proxy.requests))
        # After each start of Docker, one request a network finds out whether its driver knows it still.
        assert counts.pop(CREATE) == len(MANY)
        assert max(counts.values()) <= 5
        assert counts.keys() == {*LOOK, EVENTS}


# What is done behind our back


@pytest.mark.fault("B29")
@pytest.mark.parametrize("way", ["rm", "prune"])
def test_a_hundred_networks_taken_away_are_back_once_each(host: Host, start: Start, proxy: Proxy, way: str) -> None:
    thirds = range(100, 200)
    with many(host, thirds):
        daemon = start(environment=ELSEWHERE)
        told(host, daemon, 60)
        before = identifiers(host)
        assert len(before) == 100
        proxy.requests.clear()
        with api(host) as client:
            if way == "prune":
                client.prune_networks()
            else:
                for identifier in before.values():
                    client.remove_network(identifier)
        wait_until(lambda: (now := identifiers(host)).keys() == before.keys() and not now.items() & before.items(), 60)
        told(host, daemon, 30)
        idle(daemon)
        made = [json.loads(request.body)["Name"] for request in proxy.requests if str(request) == CREATE]
        assert Counter(made) == dict.fromkeys(before, 1)


@pytest.mark.fault("B31")
def test_two_networks_of_one_name_are_refused_with_their_ids(
    host: Host, spare: str, daemon: Daemon, proxy: Proxy
) -> None:
    host.docker("network", "create", *docker_options(spare, "192.168.2"), "pub_twin")
    before = foreign(host)
    # From Docker 25 on no two can be made; so it is told that there are.
    proxy.faults[LIST] = faults.change(lambda answer: answer.replace(b'"pub_twin"', b'"pub_net" '))
    daemon.signal(signal.SIGHUP)
    found = wait_for_state(daemon, host, "pub_net", "conflict")
    ids = ", ".join(sorted(one["Id"][:12] for one in docker_networks(host) if one["Driver"] == "macvlan"))
    assert found.reasons == (f"Docker has 2 networks of this name ({ids}): remove all but one by its id",)
    assert foreign(host) == before
    host.remove("pub_net.toml")  # nor is the other one taken for ours when the file goes
    wait_until(lambda: networks(host).keys() == {"pub_twin"})
    assert foreign(host) == before


@pytest.mark.fault("B33")
def test_a_container_that_attaches_just_before_the_deletion_keeps_its_network(
    host: Host, daemon: Daemon, proxy: Proxy
) -> None:
    identifier = networks(host)["pub_net"]
    came = threading.Event()

    def attach_first(client: Any, proxy: Proxy, request: Request) -> None:
        if not came.is_set():
            host.container("web", "pub_net", ip=WEB)
            came.set()
        client.sendall(proxy.answer(request))

    proxy.faults[f"DELETE /networks/{identifier}"] = attach_first
    host.remove("pub_net.toml")
    wait_until(came.is_set, what="the deletion")
    leaving = wait_for_state(daemon, host, "pub_net", "leaving")
    assert networks(host) == {"pub_net": identifier}
    wait_until(lambda: "it goes when 'web' leaves it" in daemon.read_log(), what=str(leaving))
    host.docker("rm", "--force", "web")
    wait_for_state(daemon, host, "pub_net", "gone")
    assert networks(host) == {}


# What Docker would take, and we do not


@pytest.mark.fault("B34")
def test_an_option_that_docker_would_drop_without_a_word_is_refused_and_harms_nothing(
    host: Host, spare: str, daemon: Daemon, proxy: Proxy
) -> None:
    host.docker("network", "create", "--opt", "macvlan_mod=private", *docker_options(spare, "192.168.2"), "taken")
    before = foreign(host), identifiers(host)
    proxy.requests.clear()
    for line, words in (
        ('mdoe = "private"', "network.mdoe: there is no such key in [network]; did you mean `mode`?"),
        ('macvlan_mod = "private"', "network.macvlan_mod: there is no such key in [network]"),
        ('mode = "privat"', "network.mode: "),
    ):
        host.drop("pub_net.toml", declare(BORROWED, extra=line))
        daemon.wait_for(words)
    idle(daemon)
    assert (foreign(host), identifiers(host)) == before
    assert asked(proxy, CREATE) == 0
