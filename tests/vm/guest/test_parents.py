"""Links as parents that not every kernel has: what works over them, and what to use in place of those refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab import Container, wait_until
from tests.lab.netns import private_network
from tests.parents import DEBIAN, HERE, Sort, require
from tests.scene import BORROWED, Serving, declare, shims, wait_for_state, wait_for_ways
from tests.vm.guest.machine import Lan, Machine
from tests.vm.guest.web import attach, detach

LAN, HOST, WEB, ROUTER = "10.1.1", "10.1.1.50", "10.1.1.51", "10.1.1.1"
SHIM = "mv-pub_net"


def add_pair(machine: Machine, name: str) -> str:
    """Give *machine* a NIC that is not connected to anything else."""
    machine.ip("link", "add", name, "type", "veth", "peer", f"{name}-lan")
    machine.ip("link", "set", f"{name}-lan", "up")
    machine.ip("link", "set", name, "up")
    return name


def dummy(machine: Machine) -> str:
    machine.ip("link", "add", "dummy0", "up", "type", "dummy")
    return "dummy0"


def bond(machine: Machine) -> str:
    """Give *machine* a bond, of which the first port carries everything while it has a carrier."""
    machine.ip("link", "add", "bond0", "type", "bond", "mode", "active-backup", "miimon", "20")
    for port in ("eth1", "eth2"):
        machine.ip("link", "set", add_pair(machine, port), "down")  # else it may not join
        machine.ip("link", "set", port, "master", "bond0")
    machine.ip("link", "set", "bond0", "up")
    wait_until(lambda: Path("/sys/class/net/bond0/carrier").read_text() == "1\n", what="a carrier on bond0")
    return "bond0"


def vlan(machine: Machine, on: str = "") -> str:
    name = f"{on or machine.nic}.50"
    machine.ip("link", "add", name, "link", on or machine.nic, "up", "type", "vlan", "id", "50")
    return name


def vlan_on_a_bond(machine: Machine) -> str:
    return vlan(machine, bond(machine))


GOOD: dict[str, Callable[[Machine], str]] = {
    "a dummy link": dummy,
    "a VLAN link on a bond": vlan_on_a_bond,
}


@pytest.mark.parametrize("make", GOOD.values(), ids=GOOD)
def test_host_and_container_meet_over(
    machine: Machine, serve: Serving, web: Container, make: Callable[[Machine], str]
) -> None:
    parent = make(machine)
    machine.ip("address", "add", f"{HOST}/24", "dev", parent)
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=parent, lan=LAN))
    wait_for_state(daemon, machine, "pub_net", "ready")
    attach(web, "pub_net", WEB)
    wait_for_ways(machine, {WEB: HOST})
    machine.ping(WEB)
    web.run("ping", "-c", "1", "-W", "2", HOST)


@pytest.mark.parametrize("sort", [*HERE, *DEBIAN], ids=lambda sort: sort.what)
def test_what_is_said_of_a_parent_is_so(sort: Sort) -> None:
    with private_network():
        require(sort)


def test_a_bond_keeps_host_and_container_on_the_lan_when_its_active_port_fails(
    machine: Machine, lan: Lan, serve: Serving, web: Container
) -> None:
    parent = bond(machine)
    machine.ip("address", "add", f"{HOST}/24", "dev", parent)
    lan.take(machine, "eth1-lan", "eth2-lan", address=f"{ROUTER}/24")
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=parent, lan=LAN))
    wait_for_state(daemon, machine, "pub_net", "ready")
    attach(web, "pub_net", WEB)
    wait_for_ways(machine, {WEB: HOST})
    before = machine.ip_json("link", "show", SHIM)
    for port in ("eth1", "eth2", "eth1"):
        lan.ip("link", "set", "eth1-lan", "up")
        lan.ip("link", "set", "eth2-lan", "up")
        lan.ip("link", "set", f"{port}-lan", "down")
        other = {"eth1": "eth2", "eth2": "eth1"}[port]
        wait_until(lambda: active_port() == other, what=f"'{other}' active")  # noqa: B023 - it is asked here only
        for address in (WEB, ROUTER):
            machine.ping(address)
        web.run("ping", "-c", "1", "-W", "2", ROUTER)
        web.run("ping", "-c", "1", "-W", "2", HOST)
    assert machine.ip_json("link", "show", SHIM)[0]["ifindex"] == before[0]["ifindex"]


def active_port() -> str:
    return Path("/sys/class/net/bond0/bonding/active_slave").read_text().strip()


def test_a_parent_that_is_made_again_carries_its_network_again(
    machine: Machine, serve: Serving, web: Container
) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=f"{machine.nic}.50", lan=LAN))
    wait_for_state(daemon, machine, "pub_net", "waiting")
    for _ in range(2):
        machine.ip("address", "add", f"{HOST}/24", "dev", vlan(machine))
        wait_for_state(daemon, machine, "pub_net", "ready")
        attach(web, "pub_net", WEB)
        wait_for_ways(machine, {WEB: HOST})
        machine.ping(WEB)
        machine.ip("link", "delete", f"{machine.nic}.50")
        gone = wait_for_state(daemon, machine, "pub_net", "waiting")
        assert gone.reasons == (f"waits for its parent '{machine.nic}.50', which does not exist yet",)
        assert shims(machine) == []
        detach(web, "pub_net")
