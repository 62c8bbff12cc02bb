"""A Docker that the tests of a module share, left clean by each of them; and a proxy in front of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Add
from macvland.engine import Docker
from macvland.engine.connection import ask
from macvland.engine.intent import Intents
from macvland.engine.sdk import client_for
from macvland.engine.translate import engine_of
from tests.docker.exchange import OLD
from tests.docker.proxy import Proxy
from tests.lab import Host
from tests.scene import Serving, tidy


@pytest.fixture
def host(shared_docker_host: Host) -> Iterator[Host]:
    """The host that the tests of a module share, without what a test left on it."""
    yield shared_docker_host
    tidy(shared_docker_host)


@pytest.fixture
def serve(host: Host) -> Iterator[Serving]:
    """Starts daemons on the host, and stops them after the test."""
    serving = Serving(host)
    yield serving
    serving.stop()


@pytest.fixture
def client(shared_docker_host: Host) -> Iterator[Any]:
    """Talk to the shared Docker as an administrator would; all networks and containers go after the test."""
    path = str(shared_docker_host.docker_socket)
    engine = engine_of(ask(path, "GET", "/_ping").headers)
    client = client_for(path, ".".join(map(str, engine.api)))  # the SDK's own transport (5.0) leaks its sockets
    yield client
    for container in client.containers(all=True):
        client.remove_container(container["Id"], force=True)
    for network in client.networks(filters={"driver": ["macvlan"]}):
        client.remove_network(network["Id"])
    client.close()


@pytest.fixture
def proxy(shared_docker_host: Host, client: Any, tmp_path: Path) -> Iterator[Proxy]:
    """A proxy in front of the shared Docker."""
    assert client
    with Proxy(tmp_path / "docker.sock", shared_docker_host.docker_socket) as proxy:
        yield proxy


@pytest.fixture
def intents(tmp_path: Path) -> Intents:
    """What is begun with networks, and ended by each test."""
    return Intents(tmp_path / "replace")


@pytest.fixture
def docker(proxy: Proxy, intents: Intents) -> Iterator[Docker]:
    """A Docker, through a proxy, that has the network OLD."""
    docker = Docker(str(proxy), intents)
    assert docker.apply([Add(OLD)]) == ()
    yield docker
    assert intents.begun() == frozenset()


@pytest.fixture(scope="module")
def parents(shared_docker_host: Host) -> tuple[str, ...]:
    """Parents for several networks at a time: up to Docker 26 each takes one only."""
    names = tuple(f"nic{number}" for number in range(4))
    for name in names:
        shared_docker_host.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        shared_docker_host.ip("link", "set", name, "up")
        shared_docker_host.ip("link", "set", f"{name}p", "up")
    return names
