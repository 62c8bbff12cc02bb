"""Docker's socket is root: nothing but a short list of requests ever goes over it."""

import json
import re
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest

from macvland.action import Add, Delete, Replace
from macvland.engine import Docker, watch
from macvland.engine.intent import Intents
from macvland.model import Host, Mode
from tests.docker.proxy import Proxy, Request
from tests.docker.samples import PLAIN, subnet
from tests.lab import Host as LabHost
from tests.lab import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

ID = "[0-9a-f]{12,64}"
ALLOWED = re.compile(
    rf"GET (/_ping|/networks|/networks/{ID}|/containers/json|/containers/{ID}/json|/events)"
    rf"|POST (/networks/create|/networks/{ID}/(dis)?connect|/containers/{ID}/start)|DELETE /networks/{ID}"
)


def is_allowed(request: Request) -> bool:
    if not ALLOWED.fullmatch(str(request)):
        return False
    if request.method != "POST":
        return request.body == b""
    asked = json.loads(request.body or "{}")
    if not request.url.endswith("/create"):
        return bool(asked.keys() <= {"Container", "EndpointConfig"})
    return (asked["Driver"], asked["Labels"]["io.macvland.managed"]) == ("macvlan", "true")


def test_every_request_is_on_the_list(proxy: Proxy, shared_docker_host: LabHost, tmp_path: Path) -> None:
    docker, woken, stop = Docker(str(proxy), Intents(tmp_path)), Event(), Event()
    watcher = Thread(target=watch, args=(woken.set, stop, None, str(proxy)))
    watcher.start()
    wait_until(woken.is_set, what="the event stream")
    docker.observe(Host())
    second = replace(PLAIN, name="second", subnets=frozenset({subnet("10.9.0.0/24", "10.9.0.1")}))
    docker.apply([Add(PLAIN), Add(PLAIN), Add(second), Add(replace(PLAIN, name="lost", parent="eth9"))])
    for network in docker.observe(Host()).networks:
        docker.apply([Delete(network), Delete(network)])
    docker.apply([Delete(PLAIN)])
    docker.apply([Add(PLAIN)])
    shared_docker_host.container("user", "plain")
    (old,) = docker.observe(Host()).networks
    assert docker.apply([Replace(replace(PLAIN, mode=Mode.PRIVATE, spec="1:new"), old, ("user",))]) == ()
    stop.set()
    watcher.join(10)
    assert {request.method for request in proxy.requests} == {"GET", "POST", "DELETE"}
    assert [str(request) for request in proxy.requests if not is_allowed(request)] == []


def test_a_look_is_three_requests_however_many_networks_there_are(proxy: Proxy) -> None:
    docker = Docker(str(proxy))
    for _ in range(2):
        docker.observe(Host())
    docker.apply([Add(PLAIN)])
    del proxy.requests[:]
    docker.observe(Host())
    assert [str(request) for request in proxy.requests] == ["GET /_ping", "GET /networks", "GET /containers/json"]
