"""What macvland asks of an engine, asked of Docker and of Podman's Docker-compatible service: docs/engines.md.

Podman comes from the machine's release; the table tells of Debian 12's. Whatever its version, it is refused by name.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from platform import freedesktop_os_release
from threading import Event, Thread
from typing import Any

import pytest

from macvland.condition.docker import PODMAN
from macvland.engine import Docker, watch
from macvland.engine.translate import attachments_of, creation_of, networks_of
from macvland.model import Engine, Host, Mode, Network
from tests.bench.docker_api import Api
from tests.docker.samples import PLAIN, subnet
from tests.lab import Host as LabHost
from tests.lab import Lab, wait_until
from tests.lab.command import PROJECT
from tests.lab.podman import Podman

pytestmark = pytest.mark.engine

TABLE = (PROJECT / "docs/engines.md").read_text().partition("| macvland needs |")[2].partition("\n\n")[0]
WEB = "192.168.1.51"
# Every address but the last of the range is reserved.
NARROW = subnet(
    "192.168.1.0/24", "192.168.1.1", "192.168.1.192/30", tuple(f"192.168.1.{last}" for last in (192, 193, 194))
)
NETWORK = replace(
    PLAIN, mode=Mode.VEPA, subnets=frozenset({NARROW}), labels=frozenset({("team", "press")}), spec="1:plain"
)
HEARD = 4.0  # seconds, on a busy machine; Podman tells of what happened a quarter of a second later


@dataclass(frozen=True)
class Subject:
    """An engine on a host of its own, and how its client is run."""

    name: str
    host: LabHost
    socket: Path
    run: Callable[..., str]

    def ask(self, method: str, url: str, body: Any = None) -> tuple[int, Any]:
        """Return status and answer."""
        with closing(Api(str(self.socket))) as api:
            status, content = api.ask(method, f"/v1.41{url}", body)
        return status, json.loads(content) if content.startswith((b"{", b"[")) else None

    def make(self) -> int:
        """Make the network as macvland does; return the status."""
        return self.ask("POST", "/networks/create", creation_of(NETWORK, Engine(version="", api=(1, 41))))[0]

    def start(self, *options: str) -> None:
        """Start the container 'web' on it."""
        quick = ("--stop-signal", "SIGKILL")
        self.run("run", "--detach", "--name", "web", "--network", "plain", *quick, *options, "lab", "sleep", "100000")

    def network(self) -> Network:
        """Return the network as macvland sees it."""
        (found,) = networks_of(self.ask("GET", "/networks?filters=%7B%22driver%22%3A%5B%22macvlan%22%5D%7D")[1])
        return found

    def containers(self) -> Any:
        """Return the containers as the engine lists them."""
        return self.ask("GET", "/containers/json?all=1")[1]

    def nic(self) -> Any:
        """Return the container's NIC as `ip -json address` shows it; it has another name after each connect."""
        pid = self.ask("GET", "/containers/web/json")[1]["State"]["Pid"]
        words = ("nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-details", "-json", "-4", "address", "show", "up")
        (nic,) = (link for link in json.loads(self.host.run(*words)) if link["ifname"] != "lo")
        return nic

    def address(self) -> str:
        """Return the address that the container has."""
        return str(self.nic()["addr_info"][0]["local"])

    def clear(self) -> None:
        """Take away container and network."""
        self.ask("DELETE", "/containers/web?force=1")
        wait_until(lambda: self.ask("DELETE", "/networks/plain")[0] in (204, 404), what="the end of the network")

    @contextmanager
    def listening(self) -> Iterator[Event]:
        """Give an event that is set whenever macvland would be woken."""
        woken, stop = Event(), Event()
        thread = Thread(target=watch, args=(woken.set, stop, Event(), str(self.socket)), daemon=True)
        thread.start()
        assert woken.wait(5)
        woken.clear()
        yield woken
        stop.set()
        thread.join(5)


# What macvland needs


def network_comes_and_goes(engine: Subject) -> bool:
    return (
        engine.make() == 201 and engine.network().name == "plain" and engine.ask("DELETE", "/networks/plain")[0] == 204
    )


def labels_kept(engine: Subject) -> bool:
    engine.make()
    return (engine.network().labels, engine.network().spec) == (NETWORK.labels, NETWORK.spec)


def parent_told(engine: Subject) -> bool:
    engine.make()
    return engine.network().parent == "eth0"


def range_told(engine: Subject) -> bool:
    engine.make()
    return {pool.range for pool in engine.network().subnets} == {NARROW.range}


def mode_counts(engine: Subject) -> bool:
    engine.make()
    engine.start()
    return bool(engine.nic()["linkinfo"]["info_data"]["mode"] == "vepa")


def range_counts(engine: Subject) -> bool:
    engine.make()
    engine.start()
    assert NARROW.range
    return ip_address(engine.address()) in NARROW.range


def reserved_kept(engine: Subject) -> bool:
    engine.make()
    given = set()
    for _ in range(3):  # Podman goes on behind the last one that it gave
        engine.start()
        given.add(ip_address(engine.address()))
        engine.ask("DELETE", "/containers/web?force=1")
    return not given & NARROW.reserved


def addresses_told(engine: Subject) -> bool:
    engine.make()
    engine.start("--ip", WEB)
    (endpoint,) = (row["NetworkSettings"]["Networks"]["plain"] for row in engine.containers())
    mac = engine.nic()["address"]
    return (endpoint["IPAddress"], endpoint["MacAddress"], engine.address()) == (WEB, mac, WEB)


def network_of_container_told(engine: Subject) -> bool:
    engine.make()
    engine.start("--ip", WEB)
    return len(attachments_of(engine.containers(), frozenset({engine.network()}))) == 1


def fixed_address_told(engine: Subject) -> bool:
    engine.make()
    engine.start("--ip", WEB)
    report = engine.ask("GET", "/containers/web/json")[1]["NetworkSettings"]["Networks"]["plain"]
    return bool((report["IPAMConfig"] or {}).get("IPv4Address") == WEB)


def connects_as_asked(engine: Subject) -> bool:
    engine.make()
    engine.start("--ip", WEB)
    away = engine.ask("POST", "/networks/plain/disconnect", {"Container": "web"})[0]
    settings = {"IPAMConfig": {"IPv4Address": "192.168.1.52"}, "Aliases": ["db"]}
    back = engine.ask("POST", "/networks/plain/connect", {"Container": "web", "EndpointConfig": settings})[0]
    return (away, back, engine.address()) == (200, 200, "192.168.1.52")


def refuses_what_is_used(engine: Subject) -> bool:
    engine.make()
    engine.start()
    return engine.ask("DELETE", "/networks/plain")[0] == 403


def start_heard(engine: Subject) -> bool:
    engine.make()
    with engine.listening() as woken:
        engine.start()
        return woken.wait(HEARD)


def stop_heard(engine: Subject) -> bool:
    engine.make()
    engine.start()
    with engine.listening() as woken:
        engine.run("stop", "web")
        return woken.wait(HEARD)


def network_heard(engine: Subject) -> bool:
    with engine.listening() as woken:
        engine.make()
        made = woken.wait(HEARD)
        woken.clear()
        engine.ask("DELETE", "/networks/plain")
        return made and woken.wait(HEARD)


NEEDS: dict[str, Callable[[Subject], bool]] = {
    "makes a macvlan network, lists it by its driver, removes it": network_comes_and_goes,
    "keeps labels": labels_kept,
    "hands out addresses of the range": range_counts,
    "tells a running container's address and MAC": addresses_told,
    "connects a container with the address that is asked for": connects_as_asked,
    "tells that a container started": start_heard,
    "never hands out a reserved address": reserved_kept,
    "makes the mode that is asked for": mode_counts,
    "tells a network's parent": parent_told,
    "tells a network's range": range_told,
    "tells which network a container is on, by id": network_of_container_told,
    "tells the address that a container was configured with": fixed_address_told,
    "tells that a container stopped": stop_heard,
    "tells that a network came or went": network_heard,
    "refuses to remove a network in use with 403": refuses_what_is_used,
}


def column(name: str) -> dict[str, bool]:
    """Return what the table says of the engine *name*, by need."""
    head, _, *rows = TABLE.splitlines()
    at = [cell.strip() for cell in head.split("|")].index(name)
    cells = [[cell.strip() for cell in f"{row[1:]}".split("|")] for row in rows]
    assert {cell for row in cells for cell in row[1:3]} == {"yes", "no"}
    return {row[0]: row[at + 1] == "yes" for row in cells}


@pytest.fixture(scope="module")
def docker(shared_docker_host: LabHost) -> Subject:
    return Subject("Docker", shared_docker_host, shared_docker_host.docker_socket, shared_docker_host.docker)


@pytest.fixture(scope="module")
def podman(shared_lab: Lab) -> Subject:
    host = shared_lab.host("podman", "192.168.1.70/24")
    service = Podman(host)
    return Subject("Podman 4.3", host, service.socket, service.run)


def found(engine: Subject) -> dict[str, bool]:
    answers = {}
    for need, holds in NEEDS.items():
        answers[need] = holds(engine)
        engine.clear()
    return answers


def test_docker_does_what_the_table_says(docker: Subject) -> None:
    assert found(docker) == column("Docker")
    assert all(column("Docker").values())


@pytest.mark.fault("B25")
def test_podman_is_refused_by_name_and_by_its_version(podman: Subject) -> None:
    version = re.search(r"[0-9.]+", podman.run("--version"))
    assert version
    assert Docker(str(podman.socket)).observe(Host()) == Host(absent=PODMAN(version=version[0]))


if freedesktop_os_release()["VERSION_CODENAME"] == "bookworm":

    def test_podman_does_what_the_table_says(podman: Subject) -> None:
        assert found(podman) == column("Podman 4.3")
