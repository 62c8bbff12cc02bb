"""`vlan = 50`, end to end: the link is made, Docker's network sits on it, and the frames on the cable are tagged."""

from typing import Any

import pytest

from tests.lab import Container, wait_until
from tests.scene import GROUP, Serving, declare, inspect, networks, wait_for_state, wait_for_ways
from tests.vm.guest.machine import Lan, Machine
from tests.vm.guest.web import attach, frames

LAN, HOST, WEB, ROUTER = "10.50.0", "10.50.0.223", "10.50.0.51", "10.50.0.1"
OWN = f'[shim]\naddress = "{HOST}"\n'


def on_vlan(parent: str, shim: str = OWN, lan: str = LAN) -> str:
    return declare(shim, parent=parent, lan=lan, extra="vlan = 50\n")


def link(machine: Machine, name: str) -> dict[str, Any]:
    (found,) = machine.ip_json("-details", "link", "show", "dev", name)
    return found


def shims(machine: Machine) -> set[str]:
    return {found["ifname"] for found in machine.ip_json("link", "show", "type", "macvlan", "group", GROUP)}


def vlans(machine: Machine) -> set[str]:
    return {found["ifname"] for found in machine.ip_json("link", "show", "type", "vlan")}


@pytest.fixture
def name(machine: Machine) -> str:
    return f"{machine.nic}.50"


@pytest.fixture
def vlan_of_the_lan(lan: Lan) -> Lan:
    """The LAN, whose router has an address in VLAN 50 as well."""
    lan.ip("link", "add", "vlan50", "link", lan.nic, "up", "type", "vlan", "id", "50")
    lan.ip("address", "add", f"{ROUTER}/24", "dev", "vlan50")
    return lan


def test_host_and_container_meet_and_are_in_that_vlan_of_the_lan(
    machine: Machine, name: str, vlan_of_the_lan: Lan, serve: Serving, web: Container
) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", on_vlan(machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    machine.run("udevadm", "settle")
    made = link(machine, name)
    assert (made["link"], made["mtu"], made["group"], made["address"]) == (machine.nic, 1500, GROUP, machine.mac)
    assert made["linkinfo"]["info_data"]["id"] == 50
    assert inspect(machine, "pub_net")["Options"]["parent"] == name
    mac = attach(web, "pub_net", WEB)
    wait_for_ways(machine, {WEB: HOST})
    machine.ping(WEB)
    web.run("ping", "-c", "1", "-W", "2", HOST)
    lan = vlan_of_the_lan
    with frames(lan, lan.nic, f"ether src {mac}") as seen:
        web.run("ping", "-c", "1", "-W", "2", ROUTER)
        wait_until(lambda: any("ICMP echo request" in frame for frame in seen()))
        assert [frame for frame in seen() if "vlan 50" not in frame] == []


def test_the_link_stays_when_docker_loses_the_network_and_goes_with_the_file(
    machine: Machine, name: str, serve: Serving
) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", on_vlan(machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    before, old = link(machine, name)["ifindex"], networks(machine)["pub_net"]
    machine.docker("network", "rm", "pub_net")
    wait_until(lambda: networks(machine).get("pub_net", old) != old, what="a new network")
    wait_for_state(daemon, machine, "pub_net", "ready")
    assert link(machine, name)["ifindex"] == before
    machine.remove("pub_net.toml")
    wait_for_state(daemon, machine, "pub_net", "gone")
    wait_until(lambda: not vlans(machine), what=f"the end of '{name}'")
    assert shims(machine) == set()


def test_files_share_a_link_which_goes_with_the_last_of_them(machine: Machine, name: str, serve: Serving) -> None:
    """Docker up to 26 takes one network for each parent: the second comes when the first has gone."""
    daemon = serve()
    machine.drop("a.toml", on_vlan(machine.nic))
    wait_for_state(daemon, machine, "a", "ready")
    before = link(machine, name)["ifindex"]
    machine.drop("b.toml", on_vlan(machine.nic, lan="10.51.0", shim='[shim]\naddress = "10.51.0.223"\n'))
    wait_for_state(daemon, machine, "b", "failed")
    assert shims(machine) == {"mv-a", "mv-b"}
    machine.remove("a.toml")
    wait_for_state(daemon, machine, "b", "ready")
    assert link(machine, name)["ifindex"] == before
    machine.remove("b.toml")
    wait_until(lambda: not vlans(machine), what=f"the end of '{name}'")


def test_a_link_of_somebody_else_s_is_used_and_never_changed(machine: Machine, serve: Serving) -> None:
    machine.ip("link", "add", "press", "link", machine.nic, "mtu", "1400", "up", "type", "vlan", "id", "50")
    machine.ip("link", "set", "press", "addrgenmode", "none")
    before = link(machine, "press")
    daemon = serve()
    machine.drop("pub_net.toml", on_vlan(machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    assert vlans(machine) == {"press"}
    assert inspect(machine, "pub_net")["Options"]["parent"] == "press"
    assert link(machine, "mv-pub_net")["mtu"] == 1400
    machine.remove("pub_net.toml")
    wait_for_state(daemon, machine, "pub_net", "gone")
    wait_until(lambda: not shims(machine))
    assert link(machine, "press") == before


def test_link_and_shim_follow_the_parent(machine: Machine, name: str, serve: Serving) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", on_vlan(machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    for mtu in (1400, 1500):
        machine.ip("link", "set", machine.nic, "mtu", str(mtu))
        wait_until(lambda: {link(machine, it)["mtu"] for it in (name, "mv-pub_net")} == {mtu}, what=f"MTU {mtu}")  # noqa: B023
    machine.unplug()
    wait_for_state(daemon, machine, "pub_net", "waiting")
    assert vlans(machine) == set()
    machine.plug()
    wait_for_state(daemon, machine, "pub_net", "ready")
    assert (vlans(machine), shims(machine)) == ({name}, {"mv-pub_net"})
