"""A real NIC of the machine as the parent: its cable and its slot."""

from tests.scene import BORROWED, Serving, declare, shims, wait_for_state, wait_for_ways
from tests.vm.guest.machine import Lan, Machine

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
