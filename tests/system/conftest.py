"""Fixtures: the LAN, and a Debian on it that has macvland from its package. $MACVLAND_SYSTEM says which release."""

import contextlib
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.lab import Lab, Station, run, wait_until
from tests.lab.command import PROJECT
from tests.system.machine import Machine

SUITE = os.environ.get("MACVLAND_SYSTEM", "")
collect_ignore_glob = [] if SUITE else ["test_*.py"]

WEB = "192.168.1.51"
FILE = """\
[network]
parent = "eth0"

[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
range = "{range}"

[shim]
"""


def pub_net(range_: str = "192.168.1.192/27") -> str:
    """Return a file whose network differs by its range."""
    return FILE.format(range=range_)


def elsewhere(number: int) -> str:
    """Return a file whose network is on parent p<number>, a LAN without anybody, with a shim at 10.0.<number>.2."""
    text = pub_net(f"10.0.{number}.128/25").replace("192.168.1.", f"10.0.{number}.").replace("eth0", f"p{number}")
    text = text.replace("[network]\n", "[network]\nprobe = false\n")
    return f'{text}address = "10.0.{number}.2"\n'


def add_parent(machine: Machine, number: int, *where: str) -> None:
    """Make a link p<number> whose other end q<number> is there as well, or *where* `ip link add` is told."""
    machine.ip("link", "add", f"p{number}", "up", "type", "veth", "peer", "name", f"q{number}", *where)
    if not where:
        machine.ip("link", "set", f"q{number}", "up")


@pytest.fixture(scope="session")
def lan() -> Iterator[Lab]:
    with Lab() as fresh:
        yield fresh


@pytest.fixture(scope="session")
def printer(lan: Lab) -> Station:
    return lan.station("printer", "192.168.1.60/24")


@pytest.fixture(scope="session")
def deb() -> Path:
    (built,) = (PROJECT / "build/packages").glob("macvland_*.deb")
    return built


@pytest.fixture(scope="session")
def debian(lan: Lab) -> Machine:
    """A Debian with Docker, as it is before anybody thinks of macvland."""
    machine = Machine(lan.state, "host", "192.168.1.50/24", "eth0", lan.remember)
    machine.tree = PROJECT / ".cache/system" / SUITE / "root"
    machine.power_on()
    machine.load_image()
    return machine


@pytest.fixture(scope="session")
def installed(debian: Machine, deb: Path) -> Machine:
    """The same with macvland."""
    install(debian, deb)
    return debian


def install(machine: Machine, deb: Path, *options: str) -> str:
    """Do what a user does with a package; return what is said to that."""
    place = machine.path("/root") / deb.name
    shutil.copy(deb, place)
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        return machine.run("apt-get", "install", "--yes", *options, f"/root/{deb.name}", environment=environment)
    finally:
        place.unlink()


@pytest.fixture
def machine(installed: Machine) -> Machine:
    """A running machine with the network pub_net, its shim, and the container `web` on it."""
    if not installed.is_on:
        installed.start()
        installed.wait_up()
    if "web" not in installed.docker("ps", "--format", "{{.Names}}").split():
        with contextlib.suppress(Exception):
            installed.docker("rm", "--force", "web")
        installed.drop("pub_net.toml", pub_net())
        assert installed.ctl("wait", "--timeout=20", "pub_net").returncode == 0
        installed.container("web", "pub_net", WEB, "--restart=unless-stopped")
    meets(installed)
    return installed


def meets(machine: Machine, address: str = WEB, seconds: float = 20) -> None:
    """Wait until the machine itself reaches the container at *address*."""
    wait_until(lambda: reaches(machine, address), seconds, f"a way from the host to {address}")


def reaches(station: Station, address: str) -> bool:
    """Tell whether *station* has an answer from *address* within half a second."""
    with contextlib.suppress(Exception):
        run("ping", "-n", "-c", "1", "-W", "0.5", address, within=station.enter())
        return True
    return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of macvland's journal where a test failed."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        for machine in {value for value in item.funcargs.values() if isinstance(value, Machine)}:
            with contextlib.suppress(Exception):
                log = machine.run("journalctl", "--boot", "--no-pager", "--lines=60", "--unit=macvland")
                report.sections.append((f"{machine.name}: journal", log))
    return report
