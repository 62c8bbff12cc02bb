"""What the tests in the virtual machine stand on: the machine itself with Docker, or a namespace to try parents in."""

from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.kernel.conftest import kernel
from tests.lab import Container, Station
from tests.scene import Serving, api
from tests.vm.guest.machine import Lan, Machine
from tests.vm.guest.web import PARKED

__all__ = ["kernel"]  # a fixture of theirs


@pytest.fixture(scope="session")
def children() -> Iterator[list[Popen[Any]]]:
    """Every process that was started on the machine or its LAN."""
    started: list[Popen[Any]] = []
    yield started
    for child in started:
        child.kill()
        child.wait()


@pytest.fixture(scope="session")
def router(children: list[Popen[Any]]) -> Lan:
    """The LAN, for the whole run."""
    lan = Lan(children.append)
    lan.power_on()
    return lan


@pytest.fixture(scope="session")
def running_machine(children: list[Popen[Any]], router: Lan) -> Machine:
    """The machine with Docker, for the whole run."""
    assert router
    machine = Machine(children.append)
    machine.power_on()
    machine.start_docker()
    return machine


@pytest.fixture(scope="session")
def web(running_machine: Machine) -> Container:
    """A container that runs all the time, and is on no network of macvland's unless a test puts it there."""
    running_machine.docker("network", "create", "--driver", "macvlan", PARKED)
    return running_machine.container(PARKED, PARKED)


@pytest.fixture
def lan(router: Lan) -> Iterator[Lan]:
    """The LAN, which is as bare afterwards as before."""
    before = links(router)
    yield router
    delete(router, links(router) - before)


@pytest.fixture
def machine(running_machine: Machine) -> Iterator[Machine]:
    """The machine with Docker, which is as bare afterwards as before."""
    before = links(running_machine)
    yield running_machine
    tidy(running_machine)
    delete(running_machine, links(running_machine) - before)


@pytest.fixture
def serve(machine: Machine) -> Iterator[Serving]:
    """A way to start daemons on the machine."""
    serving = Serving(machine)
    yield serving
    serving.stop()


def links(station: Station) -> set[str]:
    """Return the names of all links of *station*."""
    return {link["ifname"] for link in station.ip_json("link")}


def delete(station: Station, names: set[str]) -> None:
    """Delete the links *names* of *station*; one may take others with it."""
    while left := names & links(station):
        station.ip("link", "delete", left.pop())


def tidy(machine: Machine) -> None:
    """Take away every file, every network, and every container but the parked one."""
    for file in Path("/etc/macvlan.d").iterdir():
        file.unlink()
    with api(machine) as client:
        for container in client.containers(all=True):
            if PARKED not in container["NetworkSettings"]["Networks"]:
                client.remove_container(container["Id"], force=True)
        for report in client.networks(filters={"driver": ["macvlan"]}):
            if report["Name"] != PARKED:
                for user in client.inspect_network(report["Id"])["Containers"]:
                    client.disconnect_container_from_network(user, report["Id"], force=True)
                client.remove_network(report["Id"])
    Path("/run/macvland/status.json").unlink(missing_ok=True)
