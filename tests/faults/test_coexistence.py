"""C52: networkd beside macvland, with the file that keeps it off the shims and without; the name of our routes.

It is the real systemd-networkd. NetworkManager's file is only read here; 1.42.4 was seen to obey it.
"""

import subprocess
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.daemon import Daemon
from tests.faults.invariants import idle
from tests.faults.test_drift import ours
from tests.lab import Host, Lab, Station, wait_until
from tests.lab.command import PROJECT
from tests.scene import BORROWED, Serving, declare, lines, tidy, unbroken_ping, wait_for_state, wait_for_ways

NETWORKD = Path("/usr/lib/systemd/systemd-networkd")
# networkd waits for udev to have looked at each link, save where /sys is read-only, as in a container.
START = f"""
mount -o remount,ro,bind /sys
install -d -o systemd-network /run/systemd/netif
exec {NETWORKD}
"""
EVERY_SHIM = "[Match]\nName=mv-*\n\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\n"
WEB, HOST = "192.168.1.51", "192.168.1.50"


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    yield shared_docker_host
    tidy(shared_docker_host)


@pytest.fixture(scope="module")
def daemon(host: Host) -> Iterator[Daemon]:
    """A daemon that serves one network with a container."""
    serving = Serving(host)
    daemon = serving()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", WEB)
    wait_for_ways(host, {WEB: HOST})
    yield daemon
    serving.stop()


@contextmanager
def networkd(host: Host, **files: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Run networkd on *host* with *files*, by name, in /run/systemd/network; wait until it knows the shim."""
    directory = host.path("/run/systemd/network")
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / f"{name}.network").write_text(text)
    with (host.root / "networkd.log").open("wb") as log:
        process = host.popen("unshare", "--mount", "sh", "-ec", START, stdout=log, stderr=log)
    try:
        wait_until(lambda: admin_state(host) not in ("", "pending", "configuring"), what="networkd to have looked")
        yield process
    finally:
        process.terminate()
        process.wait()
        for file in directory.iterdir():
            file.unlink()


def admin_state(host: Host) -> str:
    """Return what networkd says of the shim."""
    index = host.ip_json("link", "show", "mv-pub_net")[0]["ifindex"]
    file = host.path(f"/run/systemd/netif/links/{index}")
    text = file.read_text() if file.exists() else ""
    return next((line.partition("=")[2] for line in text.splitlines() if line.startswith("ADMIN_STATE=")), "")


@contextmanager
def dhcp_server(router: Station, directory: Path) -> Iterator[None]:
    """Have *router* hand out addresses."""
    leases, config = directory / "leases", directory / "udhcpd.conf"
    leases.touch()
    config.write_text(f"start 192.168.1.240\nend 192.168.1.250\ninterface {router.nic}\nlease_file {leases}\n")
    server = router.popen("busybox", "udhcpd", "-f", str(config), stderr=subprocess.DEVNULL)
    yield
    server.kill()
    server.wait()


@pytest.mark.fault("C52")
def test_networkd_leaves_the_shims_alone_with_the_file_that_comes_with_macvland(host: Host, daemon: Daemon) -> None:
    descriptors = idle(daemon)
    before, logged = ours(host), len(lines(daemon))
    keep_off = (PROJECT / "systemd/macvland.network").read_text()
    with unbroken_ping(host, WEB):
        for _ in range(2):  # a restart as well
            with networkd(host, **{"00-macvland": keep_off, "50-every-shim": EVERY_SHIM}):
                assert admin_state(host) == "unmanaged"
    assert ours(host) == before
    assert (lines(daemon, logged), idle(daemon)) == ([], descriptors)


@pytest.mark.fault("C52")
def test_a_networkd_that_manages_the_shims_as_well_changes_nothing_for_long(
    shared_lab: Lab, host: Host, daemon: Daemon, tmp_path: Path
) -> None:
    before, logged = ours(host), len(lines(daemon))
    with dhcp_server(shared_lab.router, tmp_path):
        for leases in (["first"], ["first", "after a restart"]):
            with networkd(host, **{"50-every-shim": EVERY_SHIM}):
                wait_for_deletions(daemon, logged, len(leases))
                wait_until(lambda: ours(host) == before)
                assert "mv-pub_net" not in host.ip("route", "show", "default")
                host.ping(WEB)
    idle(daemon)
    assert ours(host) == before
    assert [line for line in lines(daemon, logged) if ": add shim" in line or "error" in line] == []


def wait_for_deletions(daemon: Daemon, logged: int, count: int) -> None:
    """Wait until *daemon* has taken *count* addresses away again that the LAN's server gave a shim."""
    wait_until(lambda: "".join(lines(daemon, logged)).count("delete address 192.168.1.24") == count)


def test_iproute2_has_a_name_for_our_routes_and_neighbours(host: Host, daemon: Daemon) -> None:
    assert daemon.running
    assert f"{WEB} dev mv-pub_net proto 77" in host.run("ip", "route")
    directory = host.path("/etc/iproute2/rt_protos.d")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "macvland.conf").write_text((PROJECT / "integration/rt_protos.conf").read_text())
    assert f"{WEB} dev mv-pub_net proto macvland" in host.run("ip", "route")
    assert host.run("ip", "route", "show", "proto", "macvland").startswith(WEB)
    assert "proto macvland" in host.run("ip", "neigh", "show", WEB)


def test_networkmanager_is_told_not_to_manage_the_shims() -> None:
    file = ConfigParser()
    file.read(PROJECT / "integration/NetworkManager.conf")
    assert {name: dict(section) for name, section in file.items() if name != "DEFAULT"} == {
        "device-macvland": {"match-device": "interface-name:mv-*", "managed": "0"}
    }
