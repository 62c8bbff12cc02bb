"""Reboots, power cuts, and what is late at boot."""

import json
import time

import pytest

from tests.lab import Lab, wait_until
from tests.system.conftest import WEB, add_parent, elsewhere, meets, pub_net, reaches
from tests.system.machine import Machine
from tests.system.test_service import SHIM, settled


def moment(machine: Machine, unit: str, name: str) -> float:
    """Return a moment in the life of *unit*, in seconds of the monotonic clock."""
    return int(machine.properties(unit, f"{name}TimestampMonotonic")[f"{name}TimestampMonotonic"]) / 1e6


@pytest.mark.fault("A16")
def test_after_a_reboot_shims_are_there_before_docker_and_the_container_answers(machine: Machine, lan: Lab) -> None:
    machine.reboot()
    wait_until(lambda: reaches(lan.router, WEB), 20)
    meets(machine)
    wait_until(lambda: settled(machine))
    # It says that it is ready once the shims are there.
    assert moment(machine, "macvland", "ActiveEnter") < moment(machine, "docker.service", "ExecMainStart")
    assert "add shim" in machine.journal("MACVLAND_NETWORK=pub_net", "MACVLAND_ACTION=add")[0]["MESSAGE"]


def test_with_ten_networks_it_says_ready_when_all_their_shims_are_up(machine: Machine) -> None:
    """How long that takes is printed; `make bench ARGS=start` is where it is held against its target."""
    for number in range(10):
        add_parent(machine, number)
        machine.drop(f"net{number}.toml", elsewhere(number))
    try:
        wait_until(lambda: settled(machine), 20)
        machine.systemctl("stop", "macvland")
        for number in range(10):
            machine.ip("link", "delete", f"mv-net{number}")
        machine.systemctl("start", "macvland")
        up = machine.ip("-br", "link", "show", "up", "type", "macvlan")
        assert [number for number in range(10) if f"mv-net{number}@" not in up] == []
        took = moment(machine, "macvland", "ActiveEnter") - moment(machine, "macvland", "ExecMainStart")
        print(f"ready after {took:.2f} s")
    finally:
        machine.run("sh", "-c", "rm /etc/macvlan.d/net*.toml")
    wait_until(lambda: settled(machine) and "net0" not in machine.ctl("status").stdout, 20)
    for number in range(10):
        machine.ip("link", "delete", f"p{number}")


@pytest.mark.parametrize("after", [0.02, 0.1, 0.25], ids=lambda after: f"after {after} s")
def test_after_a_power_cut_in_the_middle_of_a_change_it_is_completed(machine: Machine, lan: Lab, after: float) -> None:
    now = machine.docker("network", "inspect", "pub_net")
    other = pub_net("192.168.1.224/27" if "192.168.1.192/27" in now else "192.168.1.192/27")
    machine.drop("pub_net.toml", other)
    time.sleep(after)
    machine.cut_power()
    machine.start()
    machine.wait_up()
    wait_until(lambda: reaches(lan.router, WEB), 30)
    meets(machine)
    wait_until(lambda: settled(machine))
    (network,) = json.loads(machine.docker("network", "inspect", "pub_net"))
    assert f'range = "{network["IPAM"]["Config"][0]["IPRange"]}"' in other
    assert not list(machine.path("/var/lib/macvland").rglob("*.json"))


@pytest.mark.fault("C36")
@pytest.mark.parametrize("moment_", ["while macvland waits for it", "after Docker has started"])
def test_a_parent_that_is_late_at_boot_is_taken_in(machine: Machine, lan: Lab, moment_: str) -> None:
    machine.reboot(plugged=False)
    if moment_.startswith("after"):
        wait_until(lambda: _state(machine, "docker") == "active", 40)
    else:
        wait_until(lambda: _state(machine, "macvland") == "activating", 20)
    machine.plug()
    machine.wait_up()
    wait_until(lambda: settled(machine), 30)
    if moment_.startswith("after"):
        assert 9 < moment(machine, "macvland", "ActiveEnter") - moment(machine, "macvland", "ExecMainStart") < 12
    wait_until(lambda: reaches(lan.router, WEB), 30)
    meets(machine)
    _start_docker_anew(machine)


def _start_docker_anew(machine: Machine) -> None:
    """Take away what Docker knows of networks.

    Up to 26 its driver keeps a parent that was lost for the network that had it, for good: at each of its starts it is
    chance whether that one or the network that took its place gets the parent.
    """
    machine.docker("rm", "--force", "web")
    machine.systemctl("stop", "docker.socket", "docker.service")
    machine.run("rm", "/var/lib/docker/network/files/local-kv.db")
    machine.systemctl("reset-failed", "docker.service")
    machine.systemctl("start", "docker.socket", "docker.service")
    wait_until(lambda: settled(machine), 30)


def _state(machine: Machine, unit: str) -> str:
    try:
        return machine.properties(unit, "ActiveState").get("ActiveState", "")
    except Exception:  # noqa: BLE001 - not up so far that it could answer
        return ""


def test_with_docker_disabled_shims_are_kept_and_when_it_is_enabled_the_network_is_back(
    machine: Machine, lan: Lab
) -> None:
    machine.systemctl("disable", "docker.service", "docker.socket")
    machine.reboot()
    wait_until(lambda: SHIM in machine.ip("-br", "link"), 10)
    assert _state(machine, "docker") == "inactive"
    assert "pub_net  waiting" in machine.ctl("status").stdout
    machine.systemctl("enable", "--now", "docker.socket", "docker.service")
    wait_until(lambda: reaches(lan.router, WEB), 20)
    meets(machine)
    wait_until(lambda: settled(machine))
