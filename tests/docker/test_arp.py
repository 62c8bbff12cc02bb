"""macvlanctl arp on a real LAN: who is told apart, what a sweep finds, and what the LAN learns from it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from time import monotonic

import pytest

from tests.docker.shout import program
from tests.lab import CommandError, Host, Lab, Station
from tests.lab.command import PROJECT
from tests.lab.wire import REQUEST, Wire, listening
from tests.scene import BORROWED, OWN, Serving, declare, docker_options, wait_for_state, wait_for_ways

WEB, CAMERA, SHIM = "192.168.1.195", "192.168.1.60", "192.168.1.223"
RANGE = "192.168.1.192/27"
Rows = dict[tuple[str, str], str]


@pytest.fixture(scope="module")
def camera(shared_lab: Lab) -> Station:
    """A device that the host knows nothing of."""
    return shared_lab.station("camera", f"{CAMERA}/24")


def arp(host: Host, *options: str) -> tuple[int, Rows]:
    """Run the verb; return its exit status, and who has each address and MAC."""
    told = host.ctl("arp", "--json", *options, "pub_net")
    assert told.stdout, told.stderr
    (network,) = json.loads(told.stdout)["networks"]
    return told.returncode, {(it["address"], it["mac"]): it["who"] for it in network["addresses"]}


@pytest.mark.parametrize("shim", [BORROWED, OWN], ids=["borrowed address", "own address"])
def test_everybody_on_the_lan_is_told_apart(
    shared_lab: Lab, host: Host, serve: Serving, camera: Station, shim: str
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(shim))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB)
    wait_for_ways(host, {WEB: host.address if shim == BORROWED else SHIM})
    code, rows = arp(host, "--probe", "--rate", "1000")
    expected = {
        (shared_lab.router.address, shared_lab.router.mac): "gateway",
        (CAMERA, camera.mac): "stranger",
        (host.address, host.mac): "host",
        (WEB, web.mac()): "container web",
    }
    if shim == OWN:
        expected[SHIM, host.mac] = "shim mv-pub_net"
    assert (code, rows) == (0, expected)


def test_without_a_probe_the_neighbour_table_is_what_is_known(host: Host, camera: Station) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    host.ip("neigh", "flush", "all")
    assert (CAMERA, camera.mac) not in arp(host)[1]
    host.ping(CAMERA)
    assert arp(host)[1][CAMERA, camera.mac] == "stranger"


@contextmanager
def also(station: Station, address: str) -> Iterator[None]:
    """Give *station* an *address* besides its own."""
    station.ip("address", "add", f"{address}/24", "dev", station.nic)
    yield
    station.ip("address", "delete", f"{address}/24", "dev", station.nic)


def test_a_device_with_a_containers_address_is_found_and_is_exit_status_2(host: Host, camera: Station) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    web = host.container("web", "pub_net", ip=WEB)
    assert arp(host, "--probe", "--range", RANGE)[0] == 0
    with also(camera, WEB):
        code, rows = arp(host, "--probe", "--range", RANGE)
        shown = host.ctl("arp", "--probe", "--range", RANGE)
    assert code == 2
    assert {pair: who for pair, who in rows.items() if pair[0] == WEB} == {
        (WEB, web.mac()): "container web",
        (WEB, camera.mac): "stranger",
    }
    assert f"{WEB} has 2 MACs on this LAN" in shown.stdout
    assert len([line for line in shown.stdout.splitlines() if line.startswith(f"!  {WEB} ")]) == 2


def test_what_another_vlan_says_is_no_answer_to_a_sweep(host: Host, camera: Station) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    host.container("web", "pub_net", ip=WEB)
    with (
        program(camera, "claim", camera.mac, WEB, "0.01", "20"),
        program(camera, "claim", camera.mac, "192.168.1.200", "0.01", "20"),
        program(camera, "claim", camera.mac, "192.168.1.201", "0.01", "0"),
    ):
        code, rows = arp(host, "--probe", "--range", RANGE)
    assert code == 0
    assert {address for address, mac in rows if mac == camera.mac} - {CAMERA} == {"192.168.1.201"}


def test_the_flux_of_a_hand_made_shim_is_two_macs_for_the_host_as_the_lan_says(shared_lab: Lab, host: Host) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    host.ip("link", "add", "flux", "link", "eth0", "type", "macvlan", "mode", "bridge")
    host.ip("link", "set", "flux", "up")
    host.ip("address", "add", f"{SHIM}/32", "dev", "flux")
    (link,) = host.ip_json("link", "show", "dev", "flux")
    code, rows = arp(host)
    assert code == 2
    assert {mac for address, mac in rows if address == host.address} == {host.mac, link["address"]}
    with listening(Path("/run/netns", shared_lab.router.namespace), shared_lab.router.nic) as packets:
        wire = Wire(packets)
        with suppress(CommandError):  # two answers to one question are an error for arping as well
            shared_lab.router.run("arping", "-b", "-c", "2", "-w", "3", "-I", shared_lab.router.nic, host.address)
        assert wire.claims()[host.address] == {host.mac, link["address"]}


def test_a_sweep_keeps_its_rate_and_tells_nobody_anything_new(shared_lab: Lab, host: Host, camera: Station) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    shared_lab.router.ip("neigh", "flush", "all")
    camera.ip("neigh", "flush", "all")
    with listening(Path("/run/netns", shared_lab.router.namespace), shared_lab.router.nic) as packets:
        began = monotonic()
        assert host.ctl("arp", "--probe", "--range", RANGE, "--rate", "20").returncode == 0
        took = monotonic() - began
        seen = Wire(packets).arps()
    probes = [arp for arp in seen if arp.operation == REQUEST and arp.source == host.mac]
    assert {probe.sender for probe in probes} == {host.address}
    assert sorted(probe.target for probe in probes) == sorted(map(str, ip_network(RANGE)))
    assert took >= 31 / 20 + 1  # thirty-two probes at twenty a second, then a second for the last answer
    assert shared_lab.router.arp_table().get(host.address, host.mac) == host.mac
    assert host.address not in camera.arp_table()


def test_an_ipv6_subnet_is_told_to_be_known_by_neighbours_only(host: Host, shared_lab: Lab) -> None:
    dual = (*docker_options(), "--ipv6", "--subnet", "fd00:192:168:1::/64", "--gateway", "fd00:192:168:1::1")
    host.docker("network", "create", *dual, "pub_net")
    host.ping(shared_lab.router.address6)
    told = host.ctl("arp", "--probe", "--range", RANGE, "pub_net")
    assert "IPv6 is not swept" in told.stderr
    assert (shared_lab.router.address6, shared_lab.router.mac) in arp(host)[1]
    assert arp(host)[1][shared_lab.router.address6, shared_lab.router.mac] == "gateway"


def test_without_the_right_to_send_a_sweep_says_what_it_needs(host: Host) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    command = [word for word in host.ctl("arp", "--help").args if word != "--help"]
    words = command[len(host.enter()) :]
    where = {"PYTHONPATH": str(PROJECT)}
    dropped = host.run(
        "sh", "-c", 'setpriv --bounding-set=-net_raw "$@" 2>&1 || true', "sh", *words, "--probe", environment=where
    )
    assert "a sweep needs CAP_NET_RAW: run it as root, or leave out --probe" in dropped


def test_a_network_that_is_not_there_says_which_are(host: Host) -> None:
    host.docker("network", "create", *docker_options(), "pub_net")
    told = host.ctl("arp", "nope")
    assert (told.returncode, told.stderr) == (
        1,
        "macvlanctl: there is no network 'nope' with a parent: known are pub_net\n",
    )
