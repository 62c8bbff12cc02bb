"""A real NIC of the machine as the parent: its cable and its slot."""

from pathlib import Path

import pytest

from macvland.kernel import Kernel, sysfs
from macvland.model import Host
from tests.lab import wait_until
from tests.scene import BORROWED, Serving, declare, network_status, shims, wait_for_state, wait_for_ways
from tests.vm.guest.machine import MACS, Lan, Machine

WEB = "192.168.1.51"


def test_a_container_meets_the_host_and_the_lan(machine: Machine, lan: Lan, serve: Serving) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    web = machine.container("web", "pub_net", ip=WEB)
    wait_for_ways(machine, {WEB: machine.address})
    machine.ping(WEB)
    web.run("ping", "-c", "1", "-W", "2", machine.address)
    lan.ping(WEB)


def test_a_pulled_cable_is_told_and_costs_nothing(machine: Machine, serve: Serving) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    machine.pull_cable()
    waiting = wait_for_state(daemon, machine, "pub_net", "waiting")
    assert waiting.reasons == (f"its parent '{machine.nic}' has no carrier",)
    assert shims(machine) == ["mv-pub_net"]
    machine.push_cable()
    wait_for_state(daemon, machine, "pub_net", "ready")


def test_the_shim_comes_back_with_a_nic_that_was_taken_out_of_its_slot(machine: Machine, serve: Serving) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    machine.unplug()
    wait_for_state(daemon, machine, "pub_net", "waiting")
    assert shims(machine) == []
    machine.plug()
    wait_for_state(daemon, machine, "pub_net", "ready")
    assert shims(machine) == ["mv-pub_net"]


def test_a_nic_is_known_by_the_mac_that_it_was_built_with(machine: Machine, serve: Serving) -> None:
    daemon = serve()
    machine.ip("link", "set", machine.nic, "address", "02:1a:b0:00:00:99")
    machine.drop("pub_net.toml", declare(BORROWED, parent=MACS[0]))
    found = wait_for_state(daemon, machine, "pub_net", "ready")
    machine.ip("link", "set", machine.nic, "address", MACS[0])
    assert found.link == machine.nic
    wait_until(lambda: (it := network_status(machine, "pub_net")) and it.link == machine.nic)


def test_a_nic_with_a_radio_is_wireless(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / machine.nic).mkdir()
    (tmp_path / machine.nic / "phy80211").symlink_to("../../phy0")
    monkeypatch.setattr(sysfs, "LINKS", str(tmp_path))  # no radio is there
    assert {link.name for link in Kernel().observe(Host()).links if link.wireless} == {machine.nic}
