"""Hosts on which faults happen. The tests of a module share one, and leave it empty."""

from collections.abc import Iterator
from typing import Protocol

import pytest

from tests.faults.daemon import Daemon
from tests.faults.invariants import Ctl, docker_networks, our_links
from tests.lab import Host, wait_until


class Start(Protocol):
    """Start a daemon on the test's host; the arguments are those of Daemon."""

    def __call__(self, *under: str, **options: object) -> Daemon:
        """Return it at once, whether it serves yet or not."""


@pytest.fixture(scope="module")
def ctl(shared_host: Host) -> Ctl:
    """A macvlanctl on the module's host."""
    return Ctl(shared_host)


@pytest.fixture
def start(shared_host: Host) -> Iterator[Start]:
    """A way to start daemons on the module's host, which is empty again afterwards."""
    # A new link gets its IPv6 address a second later, which wakes a daemon that a test wants to be idle.
    wait_until(lambda: "tentative" not in shared_host.ip("address", "show"))
    daemons: list[Daemon] = []

    def begin(*under: str, **options: object) -> Daemon:
        daemons.append(Daemon(shared_host, *under, **options))  # type: ignore[arg-type] # they are Daemon's own
        return daemons[-1]

    yield begin
    for daemon in daemons:
        if daemon.running:
            daemon.kill()
    clear(shared_host)


def clear(host: Host) -> None:
    """Take away every file, everything of ours, and what tells that a daemon was here."""
    host.path("/etc/macvlan.d").mkdir(exist_ok=True)  # a test that failed may have left it moved away
    for file in host.path("/etc/macvlan.d").iterdir():
        file.unlink()
    for link in our_links(host):
        host.ip("link", "delete", link["ifname"])
    host.run("sh", "-c", "umount -q /run/macvland; rm -rf /run/macvland /run/strace.log")
    for network in docker_networks(host):
        if "io.macvland.managed" in (network["Labels"] or {}):
            host.docker("network", "rm", network["Id"])
