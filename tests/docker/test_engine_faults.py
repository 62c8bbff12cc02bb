"""Docker's edge when Docker is absent, hangs, lies or breaks off: rows B17 to B25 as far as they are the edge's."""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Add, Delete
from macvland.condition.docker import NO_SOCKET
from macvland.engine import Docker, connection, socket_path
from macvland.error import ApplyError
from macvland.model import Host, Network
from tests.docker import proxy as faults
from tests.docker.hang import hang
from tests.docker.proxy import Fault, Proxy, Request
from tests.docker.samples import PLAIN, subnet
from tests.lab import Host as LabHost

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

DEADLINE = 0.3
FIRST, SECOND, THIRD = "GET /_ping", "GET /networks", "GET /containers/json"
CREATE = "POST /networks/create"


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make deadlines short and answers small, so that the tests need not be long and large."""
    monkeypatch.setattr(connection, "LOOK_SECONDS", DEADLINE)
    monkeypatch.setattr(connection, "CHANGE_SECONDS", DEADLINE)
    monkeypatch.setattr(connection, "LARGEST_ANSWER", 1 << 20)


@pytest.fixture
def docker(proxy: Proxy) -> Docker:
    return Docker(str(proxy))


def within(seconds: float, act: Callable[[], Any]) -> Any:
    began = time.monotonic()
    value = act()
    assert time.monotonic() - began < seconds
    return value


def names(docker: Docker) -> list[str]:
    seen = docker.observe(Host())
    assert seen.engine, seen.absence
    return [network.name for network in seen.networks]


# There is no Docker


@pytest.mark.fault("B17")
def test_b17_no_socket_is_a_state(tmp_path: Path) -> None:
    kept = Host(default_link="eth0")
    missing = tmp_path / "docker.sock"
    assert Docker(str(missing)).observe(kept) == replace(kept, absent=NO_SOCKET(path=missing))


@pytest.mark.fault("B17")
def test_b17_actions_fail_without_docker_and_may_succeed_later(tmp_path: Path) -> None:
    failures = Docker(str(tmp_path / "none")).apply([Add(PLAIN), Delete(PLAIN)])
    assert [(failure.action, failure.passing) for failure in failures] == [(Add(PLAIN), True), (Delete(PLAIN), True)]


@pytest.mark.fault("B17")
def test_b17_a_socket_that_nobody_listens_on_is_named(tmp_path: Path) -> None:
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    assert Docker(str(path)).observe(Host()).absence == f"nothing listens on {path}: Docker is not running"


# B19, B22: broken off and odd answers

TRUNCATED = faults.change(lambda answer: answer[:-5])
ODD: dict[str, tuple[Fault, str]] = {
    "500": (faults.say(b'{"message":"boom"}', "500 Internal Server Error"), "Docker answered 500: boom"),
    "503 without JSON": (faults.say(b"try\x1b[2J later", "503 Busy"), "Docker answered 503: try [2J later"),
    "an error that is a list": (faults.say(b"[]", "500 Oops"), "Docker answered 500: []"),
    "garbage": (faults.say(b"}{"), "Docker's answer makes no sense"),
    "garbage for a protocol": (faults.say_raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "Docker's answer broke off"),
    "an endless nesting": (faults.say(b"[" * 500_000), "Docker's answer makes no sense"),
    "something else than a list": (faults.say(b'{"networks":[]}'), "Docker's answer makes no sense"),
    "a truncated list": (TRUNCATED, "Docker's answer"),
    "a redirect": (faults.say_raw(b"HTTP/1.1 302 Found\r\nLocation: http://there/\r\n\r\n"), "Docker's answer"),
    "nothing": (faults.drop, "Docker's answer broke off"),
    "half a header": (faults.say_raw(b"HTTP/1.1 200 OK\r\nContent-"), "Docker's answer"),
}


@pytest.mark.parametrize("request_of_a_look", [SECOND, THIRD])
@pytest.mark.parametrize(("fault", "words"), ODD.values(), ids=ODD)
@pytest.mark.fault("B22")
def test_b22_an_odd_answer_to_a_look_is_absence_and_the_next_look_is_whole(
    docker: Docker, proxy: Proxy, request_of_a_look: str, fault: Fault, words: str
) -> None:
    docker.apply([Add(PLAIN)])
    proxy.faults[request_of_a_look] = fault
    seen = docker.observe(Host())
    assert (seen.engine, seen.networks) == (None, frozenset())
    assert seen.absence.startswith(words)
    proxy.faults.clear()
    assert names(docker) == ["plain"]


REFUSALS: dict[str, tuple[Fault, bool]] = {
    "400": (faults.say(b'{"message":"bad"}', "400 Bad Request"), False),
    "403": (faults.say(b'{"message":"no"}', "403 Forbidden"), True),
    "404": (faults.say(b'{"message":"plugin not found"}', "404 Not Found"), True),
    "500": (faults.say(b'{"message":"boom"}', "500 Internal Server Error"), True),
    "503": (faults.say(b"", "503 Service Unavailable"), True),
    "garbage": (faults.say_raw(b"\x00" * 100), True),
    "nothing": (faults.drop, True),
}


@pytest.mark.parametrize(("fault", "passing"), REFUSALS.values(), ids=REFUSALS)
@pytest.mark.fault("B22")
def test_b22_a_refused_creation_is_a_failure(docker: Docker, proxy: Proxy, fault: Fault, *, passing: bool) -> None:
    proxy.faults[CREATE] = fault
    assert [(failure.action, failure.passing) for failure in docker.apply([Add(PLAIN)])] == [(Add(PLAIN), passing)]
    assert names(docker) == []


@pytest.mark.fault("B19")
def test_b19_a_creation_whose_answer_is_lost_shows_in_the_next_look(docker: Docker, proxy: Proxy) -> None:
    proxy.faults[CREATE] = faults.change(lambda _: b"")
    (failure,) = docker.apply([Add(PLAIN)])
    assert failure.passing
    assert names(docker) == ["plain"]


@pytest.mark.fault("B19")
def test_b19_a_removal_whose_answer_is_lost_shows_in_the_next_look(docker: Docker, proxy: Proxy) -> None:
    docker.apply([Add(PLAIN)])
    (network,) = docker.observe(Host()).networks
    proxy.faults[f"DELETE /networks/{network.id}"] = faults.change(lambda _: b"")
    (failure,) = docker.apply([Delete(network)])
    assert failure.passing
    assert names(docker) == []
    assert docker.apply([Delete(network)]) == ()


def test_a_network_that_changed_hands_between_look_and_deletion_stays(docker: Docker, proxy: Proxy) -> None:
    docker.apply([Add(PLAIN)])
    (network,) = docker.observe(Host()).networks
    unlabelled = faults.change(lambda answer: answer.replace(b"io.macvland.managed", b"io.macvlanx.managed"))
    proxy.faults[f"GET /networks/{network.id}"] = unlabelled
    (failure,) = docker.apply([Delete(network)])
    assert not failure.passing
    assert names(docker) == ["plain"]


# B20, B21: deadlines and sizes

HANGS = {"silent": faults.silent, "header by bytes": faults.trickle, "body by bytes": faults.slow}


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("request_of_a_look", [FIRST, SECOND, THIRD])
@pytest.mark.parametrize("fault", HANGS.values(), ids=HANGS)
@pytest.mark.fault("B20", "B21")
def test_b20_b21_a_look_ends_by_its_deadline(
    docker: Docker, proxy: Proxy, request_of_a_look: str, fault: Fault
) -> None:
    proxy.faults[request_of_a_look] = fault
    seen = within(10 * DEADLINE, lambda: docker.observe(Host()))
    assert (seen, seen.absence) == (Host(absent=seen.absent), "Docker did not answer within 0.3 s")
    proxy.faults.clear()
    assert names(docker) == []


@pytest.mark.usefixtures("hurried")
@pytest.mark.fault("B21")
def test_b21_an_endless_answer_is_cut_at_its_size(docker: Docker, proxy: Proxy) -> None:
    proxy.faults[THIRD] = faults.endless
    seen = within(10 * DEADLINE, lambda: docker.observe(Host()))
    assert seen.absence.endswith("is larger than 1 MiB")


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("fault", HANGS.values(), ids=HANGS)
@pytest.mark.fault("B20")
def test_b20_actions_after_one_without_an_answer_are_not_tried(docker: Docker, proxy: Proxy, fault: Fault) -> None:
    proxy.faults[CREATE] = fault
    actions = [Add(replace(PLAIN, name=f"n{number}")) for number in range(100)]
    failures = within(10 * DEADLINE, lambda: docker.apply(actions))
    assert [(failure.action, failure.passing) for failure in failures] == [(action, True) for action in actions]
    assert [str(request) for request in proxy.requests].count(CREATE) == 1


@pytest.mark.fault("B20")
def test_b20_a_stopped_docker_is_absent_by_the_deadline_and_then_back(docker_host: LabHost) -> None:
    docker = Docker(str(docker_host.docker_socket))
    assert docker.apply([Add(PLAIN)]) == ()
    hang(docker_host)
    try:
        seen = within(3 * connection.LOOK_SECONDS, lambda: docker.observe(Host()))
    finally:
        docker_host.engine.resume()
    assert (seen, seen.absence) == (Host(absent=seen.absent), "Docker did not answer within 3 s")
    assert names(docker) == ["plain"]


@pytest.mark.fault("B18", "B19")
def test_b18_b19_a_killed_docker_is_absent_and_back_with_its_networks(docker_host: LabHost) -> None:
    docker = Docker(str(docker_host.docker_socket))
    assert docker.apply([Add(PLAIN)]) == ()
    docker_host.engine.kill()
    assert docker.observe(Host()).absence.startswith("nothing listens on")
    docker_host.engine.start()
    assert names(docker) == ["plain"]


@pytest.mark.fault("B18")
def test_b18_a_stopped_service_takes_its_socket_away_and_brings_it_back(docker_host: LabHost) -> None:
    docker = Docker(str(docker_host.docker_socket))
    assert names(docker) == []
    docker_host.engine.stop()
    assert docker.observe(Host()).absence.endswith("does not exist")
    docker_host.engine.start()
    assert names(docker) == []


# B24, B25: not for us


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Be a user as the service's is before it is in Docker's group."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    yield
    os.seteuid(0)
    os.setegid(0)
    os.setgroups(groups)


@pytest.mark.usefixtures("unprivileged")
@pytest.mark.fault("B24")
def test_b24_a_socket_without_permission_names_the_cure(shared_docker_host: LabHost) -> None:
    path = str(shared_docker_host.docker_socket)
    assert Docker(path).observe(Host()).absence == f"permission denied on {path}: add the service user to group docker"


PODMAN = (
    "this is Podman 4.3.1, not Docker, and macvland does not serve it: "
    "reserved addresses and modes get lost on the way, and it does not tell a network's parent"
)


@pytest.mark.parametrize(
    ("headers", "words"),
    {
        "Podman": (
            "Server: Libpod/4.3.1 (linux)\r\nApi-Version: 1.41",
            PODMAN,
        ),
        "older": (
            "Server: Docker/18.06.3-ce (linux)\r\nApi-Version: 1.38",
            "Docker 18.06.3-ce is too old: it speaks API 1.38, and 1.40 (Docker 19.03) is needed",
        ),
        "something else": ("Server: nginx", "what answers is not a Docker engine: it names no API version"),
    }.values(),
    ids=("Podman", "older", "something else"),
)
@pytest.mark.fault("B25")
def test_b25_what_is_not_served_is_refused_by_name(docker: Docker, proxy: Proxy, headers: str, words: str) -> None:
    proxy.faults[FIRST] = faults.say_raw(f"HTTP/1.1 200 OK\r\n{headers}\r\nContent-Length: 2\r\n\r\nOK".encode())
    seen = docker.observe(Host())
    assert (seen, seen.absence) == (Host(absent=seen.absent), words)


@pytest.mark.fault("B25")
def test_b25_an_upgraded_docker_is_spoken_to_in_its_own_version(docker: Docker, proxy: Proxy) -> None:
    proxy.faults[FIRST] = faults.change(lambda answer: answer.replace(b"Api-Version: 1.", b"Api-Version: 1.40\r\nX: "))
    first = docker.observe(Host()).engine
    proxy.faults.clear()
    second = docker.observe(Host()).engine
    assert first
    assert second
    assert (first.api, second.api > first.api) == ((1, 40), True)
    assert b"/v1.40/" in proxy.requests[1].raw
    assert "/v{}.{}/".format(*second.api).encode() in proxy.requests[-1].raw


@pytest.mark.fault("B25")
def test_b25_a_docker_newer_than_any_is_spoken_to_in_its_own_version(docker: Docker, proxy: Proxy) -> None:
    now = docker.observe(Host()).engine
    assert now
    own = "/v{}.{}/".format(*now.api).encode()

    def understand(client: socket.socket, proxy: Proxy, request: Request) -> None:
        assert b" /v1.999/" in request.raw
        client.sendall(proxy.answer(replace(request, raw=request.raw.replace(b"/v1.999/", own))))

    proxy.faults[FIRST] = faults.change(lambda answer: answer.replace(b"Api-Version: 1.", b"Api-Version: 1.999\r\nX: "))
    proxy.faults |= dict.fromkeys((SECOND, THIRD, CREATE), understand)
    assert docker.apply([Add(PLAIN)]) == ()
    assert names(docker) == ["plain"]


@pytest.mark.parametrize("host", ["tcp://10.0.0.1:2375", "ssh://root@there", "unix://relative", "nonsense"])
def test_docker_elsewhere_is_refused_for_good(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with pytest.raises(ApplyError, match="its own host only") as refused:
        Docker()
    assert not refused.value.passing


@pytest.mark.parametrize(
    ("host", "path"), [("", "/run/docker.sock"), ("unix:///run/user/1/docker.sock", "/run/user/1/docker.sock")]
)
def test_docker_host_says_where_the_socket_is(monkeypatch: pytest.MonkeyPatch, host: str, path: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    assert socket_path() == path


# B34 and what an engine cannot do

V6_ALONE = replace(PLAIN, subnets=frozenset({subnet("fd00:9::/64", "fd00:9::1")}))
NO_GATEWAY = replace(PLAIN, subnets=frozenset({subnet("10.9.0.0/24")}))


def engine_of_api(proxy: Proxy, api: str, version: str) -> None:
    """Make Docker say of itself that it is another one; the creation is kept from it."""
    head = f"HTTP/1.1 200 OK\r\nServer: Docker/{version} (linux)\r\nApi-Version: {api}\r\nContent-Length: 2\r\n\r\nOK"
    proxy.faults[FIRST] = faults.say_raw(head.encode())
    proxy.faults[CREATE] = faults.say(b'{"Id":"1"}', "201 Created")


@pytest.mark.parametrize(
    ("network", "engine", "words"),
    [
        (V6_ALONE, ("1.41", "20.10.24"), "this Docker 20.10.24 cannot make a network without IPv4; "),
        (NO_GATEWAY, ("1.51", "28.5.2"), "gateway = false needs Docker 29 or newer, this is 28.5.2, "),
    ],
    ids=["IPv6 alone", "no gateway"],
)
def test_what_an_older_engine_would_make_otherwise_is_not_asked_of_it(
    docker: Docker, proxy: Proxy, network: Network, engine: tuple[str, str], words: str
) -> None:
    engine_of_api(proxy, *engine)
    (failure,) = docker.apply([Add(network)])
    assert failure.reason.startswith(words)
    assert not failure.passing
    assert CREATE not in map(str, proxy.requests)


@pytest.mark.parametrize(("network", "api"), [(V6_ALONE, "1.48"), (NO_GATEWAY, "1.52")], ids=["IPv6", "no gateway"])
def test_a_newer_engine_is_asked_for_it(docker: Docker, proxy: Proxy, network: Network, api: str) -> None:
    engine_of_api(proxy, api, "99")
    assert docker.apply([Add(network)]) == ()
    body = json.loads(proxy.requests[-1].body)
    assert body.get("EnableIPv4", True) is (network is NO_GATEWAY)
    assert [set(pool) for pool in body["IPAM"]["Config"]] == [
        {"Subnet"} if network is NO_GATEWAY else {"Subnet", "Gateway"}
    ]


def test_an_older_docker_invents_a_gateway_where_none_is_given(shared_docker_host: LabHost, client: Any) -> None:
    """This is why it is not asked: should this fail, the refusal above has lost its reason."""
    client.create_network("bare", "macvlan", {"parent": "eth0"}, {"Config": [{"Subnet": "10.9.0.0/24"}]})
    container = shared_docker_host.container("sees", "bare")
    invented = "default via 10.9.0.1" in container.run("ip", "route")
    seen = Docker(str(shared_docker_host.docker_socket)).observe(Host())
    assert seen.engine
    assert invented is (seen.engine.api < (1, 52))
    ours = {address for attachment in seen.attachments for address in attachment.addresses}
    assert ours == {ip_address("10.9.0.2" if invented else "10.9.0.1")}
