"""macvlanctl doctor on a real host: each cause that a lab can have is brought about, found, and nothing else is.

A lab has no Wi-Fi, no hypervisor and no firmware: those are tables in tests/unit/test_doctor.py.
"""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from tests.faults.daemon import Daemon
from tests.lab import Host, Lab, Station, engine, wait_until
from tests.lab.command import PROJECT
from tests.lab.wire import REQUEST, Wire, listening
from tests.scene import (
    BORROWED,
    Serving,
    add_nic,
    declare,
    docker_options,
    wait_for_state,
    wait_for_ways,
)

WEB, CAMERA, FREE = "192.168.1.195", "192.168.1.60", "192.168.1.200"
SHIM = "mv-pub_net"


class Stage:
    """A host with a daemon, and what a cause needs of the LAN around it."""

    def __init__(self, host: Host, serve: Serving, camera: Station) -> None:
        self.host, self.serve, self.camera = host, serve, camera
        self.daemon: Daemon | None = None

    def ready(self, shim: str = BORROWED) -> None:
        """Have a network with a container, and with a shim unless *shim* is empty."""
        self.declared(declare(shim), "ready")
        self.host.container("web", "pub_net", ip=WEB)
        if shim:
            wait_for_ways(self.host, {WEB: self.host.address})

    def declared(self, text: str, state: str) -> None:
        """Drop the file of pub_net, and have the daemon come to its *state*."""
        self.daemon = self.serve()
        self.host.drop("pub_net.toml", text)
        wait_for_state(self.daemon, self.host, "pub_net", state)

    def other_nic(self) -> None:
        """Give the host another NIC, on a LAN with a gateway at 10.0.0.1."""
        add_nic(self.host, "nic0", "10.0.0.50/24")
        self.host.ip("address", "add", "10.0.0.1/32", "dev", "nic0-lan")
        self.set("nic0-lan", "arp_ignore", 1)  # both ends are of one host: each answers for its own alone

    def shim0(self, *address: str, mode: tuple[str, ...] = ("mode", "bridge"), **settings: int) -> None:
        """Make a shim by hand, that is the cause of nothing but for *mode* and *settings*."""
        self.host.ip("link", "add", "shim0", "link", "eth0", "type", "macvlan", *mode)
        for name, value in {"arp_filter": 1, "arp_announce": 2, **settings}.items():
            self.set("shim0", name, value)
        self.host.ip("link", "set", "shim0", "up")
        self.host.ip("address", "add", *(address or ("192.168.1.222/32",)), "dev", "shim0")

    def set(self, link: str, name: str, value: int) -> None:
        """Write an IPv4 setting of *link*."""
        self.host.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/conf/{link}/{name}")

    def iptables(self, *words: str) -> None:
        """Change the firewall, which is nftables beneath."""
        self.host.run("iptables-nft", *words, environment=engine.environment())


@pytest.fixture(scope="module")
def camera(shared_lab: Lab) -> Station:
    return shared_lab.station("camera", f"{CAMERA}/24")


@pytest.fixture
def stage(host: Host, serve: Serving, camera: Station) -> Stage:
    return Stage(host, serve, camera)


def doctor(host: Host, *network: str) -> tuple[int, list[dict[str, Any]]]:
    told = host.ctl("doctor", "--json", *network)
    assert told.stdout, told.stderr
    data = json.loads(told.stdout)
    assert data["version"] == 1
    return told.returncode, data["findings"]


def codes(host: Host, *network: str) -> set[str]:
    code, findings = doctor(host, *network)
    assert code == (2 if findings else 0)
    return {one["code"] for one in findings}


# Causes: each is a context, in which the host has it


@contextmanager
def a_file_in_error(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.host.drop("bad.toml", "nonsense\n")
    assert stage.daemon
    wait_for_state(stage.daemon, stage.host, "bad", "failed")
    yield


@contextmanager
def no_daemon(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.serve.stop()
    yield


@contextmanager
def a_daemon_that_hangs(stage: Stage) -> Iterator[None]:
    stage.ready()
    assert stage.daemon
    stage.daemon.process.send_signal(signal.SIGSTOP)
    try:
        stage.host.ip("link", "delete", SHIM)
        yield
    finally:
        stage.daemon.process.send_signal(signal.SIGCONT)


@contextmanager
def no_docker(stage: Stage) -> Iterator[None]:
    stage.ready()
    socket = stage.host.docker_socket
    hidden = socket.rename(socket.with_name("hidden.sock"))
    try:
        yield
    finally:
        hidden.rename(socket)


@contextmanager
def an_overlap(stage: Stage) -> Iterator[None]:
    stage.other_nic()
    stage.host.docker("network", "create", *docker_options("nic0"), "other")
    stage.declared(declare(), "failed")
    yield


@contextmanager
def a_network_of_this_name(stage: Stage) -> Iterator[None]:
    stage.host.docker("network", "create", *docker_options()[:-1], "192.168.1.128/27", "pub_net")
    stage.declared(declare(), "conflict")
    yield


@contextmanager
def a_docker_too_old(stage: Stage) -> Iterator[None]:
    stage.declared(declare().replace('gateway = "192.168.1.1"', "gateway = false"), "failed")
    yield


@contextmanager
def ports_in_vain(stage: Stage) -> Iterator[None]:
    stage.ready()
    quick = ("--stop-signal", "SIGKILL", "--publish", "8080:80")
    stage.host.docker("run", "--detach", "--name", "shop", "--network", "pub_net", *quick, "lab", "sleep", "1000000")
    yield


@contextmanager
def no_parent(stage: Stage) -> Iterator[None]:
    stage.declared(declare(parent="eth9"), "waiting")
    yield


@contextmanager
def a_parent_that_is_down(stage: Stage) -> Iterator[None]:
    stage.other_nic()
    stage.host.ip("link", "set", "nic0", "down")
    stage.declared(declare(parent="nic0", lan="10.0.0"), "waiting")
    yield


@contextmanager
def no_carrier(stage: Stage) -> Iterator[None]:
    stage.other_nic()
    stage.host.ip("link", "set", "nic0-lan", "down")
    stage.declared(declare(parent="nic0", lan="10.0.0"), "waiting")
    yield


@contextmanager
def a_port_of_a_bridge(stage: Stage) -> Iterator[None]:
    stage.other_nic()
    stage.host.ip("link", "add", "br0", "type", "bridge")
    stage.host.ip("link", "set", "nic0", "master", "br0")
    stage.declared(declare(parent="nic0", lan="10.0.0"), "conflict")
    yield


@contextmanager
def a_holder_in_passthru(stage: Stage) -> Iterator[None]:
    stage.other_nic()
    stage.host.ip("link", "add", "holder", "link", "nic0", "type", "macvlan", "mode", "passthru")
    stage.declared(declare(parent="nic0", lan="10.0.0"), "conflict")
    yield


@contextmanager
def a_device_with_the_containers_address(stage: Stage) -> Iterator[None]:
    stage.ready()
    with _also(stage.camera, WEB):
        yield


@contextmanager
def flux(stage: Stage) -> Iterator[None]:
    stage.ready("")
    stage.shim0(arp_filter=0)
    yield


@contextmanager
def a_silent_gateway(stage: Stage) -> Iterator[None]:
    stage.declared(declare(gateway="99"), "ready")
    yield


@contextmanager
def a_device_in_the_range(stage: Stage) -> Iterator[None]:
    stage.ready()
    with _also(stage.camera, FREE):
        yield


@contextmanager
def a_closed_firewall(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.iptables("-A", "INPUT", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT")
    stage.iptables("-A", "INPUT", "-i", "eth0", "-j", "ACCEPT")
    stage.iptables("-P", "INPUT", "DROP")
    try:
        yield
    finally:
        stage.iptables("-P", "INPUT", "ACCEPT")
        stage.iptables("-F", "INPUT")


@contextmanager
def a_strict_shim_with_the_subnet(stage: Stage) -> Iterator[None]:
    stage.ready("")
    stage.shim0("192.168.1.222/24", rp_filter=1)
    yield


@contextmanager
def a_shim_that_ignores(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.set(SHIM, "arp_ignore", 1)
    yield


@contextmanager
def a_shim_that_asks(stage: Stage) -> Iterator[None]:
    stage.ready("")
    stage.shim0(arp_announce=0)
    yield


@contextmanager
def a_shim_beside_ours(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.shim0()
    yield


@contextmanager
def a_vepa_shim(stage: Stage) -> Iterator[None]:
    stage.ready("")
    stage.shim0(mode=())
    yield


@contextmanager
def a_shim_that_stayed_small(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.serve.stop()
    stage.host.ip("link", "set", SHIM, "mtu", "1400")
    yield


@contextmanager
def a_container_that_stayed_small(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.host.ip("link", "set", "eth0", "mtu", "1400")
    stage.host.ip("link", "set", "eth0", "mtu", "1500")
    wait_until(lambda: stage.host.ip_json("link", "show", "dev", SHIM)[0]["mtu"] == 1500)
    yield


@contextmanager
def a_second_way_out(stage: Stage) -> Iterator[None]:
    stage.ready()
    stage.host.ip("route", "add", "default", "dev", SHIM, "metric", "999")
    yield


@contextmanager
def a_claim_of_networkd(stage: Stage) -> Iterator[None]:
    """Its state file alone: it does not run in the lab."""
    stage.ready()
    (link,) = stage.host.ip_json("link", "show", "dev", SHIM)
    file = stage.host.path(f"/run/systemd/netif/links/{link['ifindex']}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("ADMIN_STATE=configured\nNETWORK_FILE=/etc/systemd/network/all.network\n")
    try:
        yield
    finally:
        file.unlink()


@contextmanager
def _also(station: Station, address: str) -> Iterator[None]:
    station.ip("address", "add", f"{address}/24", "dev", station.nic)
    try:
        yield
    finally:
        station.ip("address", "delete", f"{address}/24", "dev", station.nic)


Cause = Callable[[Stage], AbstractContextManager[None]]
CAUSES: dict[Cause, set[str]] = {
    a_file_in_error: {"MV101"},
    no_daemon: {"MV102"},
    a_daemon_that_hangs: {"MV103"},
    an_overlap: {"MV104", "MV502"},  # the other network's gateway is not on the LAN of its parent
    a_network_of_this_name: {"MV105"},
    no_docker: {"MV201"},
    a_docker_too_old: {"MV203"},
    ports_in_vain: {"MV204"},
    no_parent: {"MV301"},
    a_parent_that_is_down: {"MV302"},
    no_carrier: {"MV303"},
    a_port_of_a_bridge: {"MV304"},
    a_holder_in_passthru: {"MV304"},
    a_device_with_the_containers_address: {"MV501"},
    flux: {"MV501"},
    a_silent_gateway: {"MV502"},
    a_device_in_the_range: {"MV503"},
    a_closed_firewall: {"MV601"},
    a_strict_shim_with_the_subnet: {"MV602"},
    a_shim_that_ignores: {"MV603"},
    a_shim_that_asks: {"MV604"},
    a_shim_beside_ours: {"MV701"},
    a_vepa_shim: {"MV702"},
    a_shim_that_stayed_small: {"MV102", "MV703"},
    a_container_that_stayed_small: {"MV704"},
    a_second_way_out: {"MV705"},
    a_claim_of_networkd: {"MV706"},
}


@pytest.mark.parametrize(("cause", "expected"), CAUSES.items(), ids=[cause.__name__ for cause in CAUSES])
def test_a_cause_is_found_and_nothing_else(stage: Stage, cause: Cause, expected: set[str]) -> None:
    with cause(stage):
        _, findings = doctor(stage.host)
        assert {one["code"] for one in findings} == expected, findings


def test_where_nothing_is_wrong_nothing_is_found(stage: Stage) -> None:
    stage.ready()
    told = stage.host.ctl("doctor", "pub_net")
    assert (told.returncode, told.stdout) == (0, "nothing found\n")


def test_a_daemon_that_acts_a_moment_later_is_no_finding(stage: Stage) -> None:
    with a_daemon_that_hangs(stage):
        assert stage.daemon
        later = Timer(1.2, stage.daemon.process.send_signal, [signal.SIGCONT])
        later.start()
        assert codes(stage.host) == set()
        later.join()


def test_a_remedy_cures(stage: Stage) -> None:
    """Of those that are commands for this very host: they are run as they are printed."""
    with flux(stage):
        for command in {line for finding in doctor(stage.host)[1] for line in finding["remedy"]}:
            key, _, value = command.removeprefix("sysctl -w net.ipv4.conf.").partition("=")
            link, name = key.split(".")
            stage.set(link, name, int(value))
        assert codes(stage.host) == set()


def test_a_firewall_is_opened_by_the_remedy(stage: Stage) -> None:
    with a_closed_firewall(stage):
        (finding,) = doctor(stage.host)[1]
        (command,) = finding["remedy"]
        stage.iptables(*command.split()[1:])
        assert codes(stage.host) == set()


PROVING = """
from macvland.action import Prove
from macvland.engine import Docker
from macvland.model import Host, Proof
docker = Docker()
(network,) = docker.observe(Host()).networks
assert docker.apply([Prove(Proof(network=network.name, id=network.id, parent="eth0"))]) == ()
docker.remember()
"""


def test_a_network_that_docker_lost_is_found_by_what_was_proved(host: Host) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    host.engine.stop()
    host.unplug()
    host.engine.start()
    host.plug()
    host.path("/run/macvland").mkdir(exist_ok=True)
    host.run(sys.executable, "-c", PROVING, environment={"PYTHONPATH": str(PROJECT)})
    assert "MV202" in codes(host, "pub_net")


def test_a_network_that_is_not_there_says_which_are(host: Host) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    told = host.ctl("doctor", "nope")
    assert (told.returncode, told.stderr) == (1, "macvlanctl: there is no network 'nope': known are pub_net\n")


def test_the_doctor_tells_the_lan_nothing_new_and_changes_nothing(stage: Stage, shared_lab: Lab) -> None:
    stage.ready()
    shared_lab.router.ip("neigh", "flush", "all")
    before = [stage.host.ip(what, "show") for what in ("link", "address", "route", "rule")]
    with listening(Path("/run/netns", shared_lab.router.namespace), shared_lab.router.nic) as packets:
        assert codes(stage.host) == set()
        seen = Wire(packets).arps()
    probes = [arp for arp in seen if arp.operation == REQUEST and arp.source == stage.host.mac]
    assert {(probe.sender, probe.target == stage.host.address) for probe in probes} == {
        (stage.host.address, False),
        ("0.0.0.0", True),
    }
    assert [probe.target for probe in probes].count(shared_lab.router.address) == 2  # a frame may get lost
    assert len(probes) < 40  # the range has 32 addresses
    assert [stage.host.ip(what, "show") for what in ("link", "address", "route", "rule")] == before
    assert shared_lab.router.arp_table().get(stage.host.address) in {None, stage.host.mac}


def test_without_the_right_to_ask_the_lan_it_says_so_and_finds_the_rest(host: Host) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    command = [word for word in host.ctl("doctor", "--help").args if word != "--help"]
    words = command[len(host.enter()) :]
    without = 'setpriv --bounding-set=-net_raw "$@" 2>&1 || true'
    told = host.run("sh", "-c", without, "sh", *words, environment={"PYTHONPATH": str(PROJECT)})
    assert "the LAN was not asked: a sweep needs CAP_NET_RAW: run it as root" in told
    assert "MV102" in told
    assert "MV502" not in told
