"""udev at work: it rules over links of programs that leave something open, and leaves a shim alone."""

from pathlib import Path

from macvland.model import shim_mac
from tests.scene import BORROWED, Serving, declare, shims, wait_for_state
from tests.vm.guest.machine import Machine

SET_BY_USERSPACE = "3"  # NET_ADDR_SET


def test_the_shims_mac_is_the_one_it_was_made_with(machine: Machine, serve: Serving) -> None:
    daemon = serve()
    machine.drop("pub_net.toml", declare(BORROWED, parent=machine.nic))
    wait_for_state(daemon, machine, "pub_net", "ready")
    machine.run("udevadm", "settle")
    wait_for_state(daemon, machine, "pub_net", "ready")
    assert Path("/sys/class/net/mv-pub_net/address").read_text().strip() == shim_mac(machine.machine_id, "pub_net")
    assert shims(machine) == ["mv-pub_net"]
    assert "change" not in daemon.read_log()


def test_udev_gives_another_mac_to_a_macvlan_link_that_was_made_without(machine: Machine) -> None:
    """Without this, a machine on which udev does not run would pass the test above."""
    machine.ip("link", "add", "open", "link", machine.nic, "type", "macvlan", "mode", "bridge")
    machine.run("udevadm", "settle")
    assert Path("/sys/class/net/open/addr_assign_type").read_text().strip() == SET_BY_USERSPACE
