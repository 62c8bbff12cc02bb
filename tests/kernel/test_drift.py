"""What somebody else does to ours is seen, and one plan puts it right."""

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from macvland.kernel import Kernel
from macvland.kernel.requests import GROUP, LEAVING
from macvland.model import Host, shim_name
from tests.kernel.samples import ADDRESS, NEIGHBOUR, ROUTE, SHIM, WANTED, converge, make, seen
from tests.lab.netns import add_parent, ip, ip_json, moved_away

DRIFT = {
    "shim deleted": "link delete mv-lan",
    "shim set down": "link set mv-lan down",
    "shim renamed": "link set mv-lan name mv-other",
    "mode changed": "link set mv-lan type macvlan mode private",
    "mode source": "link set mv-lan type macvlan mode source",
    "broadcast queue shortened": "link set mv-lan type macvlan bcqueuelen 10",
    "MTU changed": "link set mv-lan mtu 1400",
    "MAC changed": "link set mv-lan address 02:00:00:00:00:77",
    "alias changed": "link set mv-lan alias something",
    "alias with our prefix": "link set mv-lan alias 'macvland: other'",
    "alias deleted": "link set mv-lan alias ''",
    "group changed": "link set mv-lan group 5",
    "group of those that go": f"link set mv-lan group {LEAVING}",
    "address deleted": "address delete 192.168.1.223/32 dev mv-lan",
    "address added": "address add 192.168.1.224/32 dev mv-lan",
    "address with a subnet": "address add 192.168.1.223/24 dev mv-lan",
    "IPv6 address with a subnet": "address add 2001:db8::1/64 dev mv-lan nodad",
    "addresses flushed": "address flush dev mv-lan",
    "route deleted": "route delete 192.168.1.51 dev mv-lan",
    "route with another source": "route replace 192.168.1.51 dev mv-lan protocol 77 scope link",
    "route too many": "route add 192.168.1.52 dev mv-lan protocol 77 scope link",
    "neighbour deleted": "neigh delete 192.168.1.51 dev mv-lan",
    "neighbour with another MAC": "neigh replace 192.168.1.51 lladdr 02:00:00:00:00:88 dev mv-lan protocol 77",
    "neighbour no longer permanent": "neigh replace 192.168.1.51 lladdr 02:42:c0:a8:01:33 dev mv-lan nud stale",
    "neighbour too many": "neigh add 192.168.1.52 lladdr 02:42:c0:a8:01:34 dev mv-lan protocol 77",
    "neighbours flushed": "neigh flush dev mv-lan nud all",
}
SETTINGS = {"ipv4/conf/mv-lan/arp_filter": "0", "ipv6/conf/mv-lan/accept_ra": "2", "ipv6/conf/mv-lan/autoconf": "1"}


@pytest.mark.parametrize("command", DRIFT.values(), ids=DRIFT)
def test_drift_is_seen_and_put_right(kernel: Kernel, command: str) -> None:
    make(kernel, SHIM, ADDRESS, NEIGHBOUR, ROUTE)
    ip(*shlex.split(command))
    assert seen(kernel) != WANTED
    converge(kernel, WANTED)
    assert seen(kernel) == WANTED


def test_a_shim_that_was_not_finished_before_a_kill_is_finished(kernel: Kernel) -> None:
    long = replace(SHIM, name=shim_name("a-network-with-a-long-name"), network="a-network-with-a-long-name")
    new = f"link add {long.name} link eth0 address {long.mac} group {GROUP} type macvlan mode bridge"
    ip(*new.split())
    converge(kernel, Host(shims=frozenset({long})))
    (link,) = ip_json("link", "show", "mv-a-network-with-a-long-name")
    assert (link["ifname"], link["inet6_addr_gen_mode"]) == (long.name, "none")
    assert ip_json("-6", "address", "show", "dev", long.name) == []


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_changed_under_proc_sys_is_put_right(kernel: Kernel, setting: str) -> None:
    make(kernel, SHIM, ADDRESS, NEIGHBOUR, ROUTE)
    Path(f"/proc/sys/net/{setting}").write_text(SETTINGS[setting], encoding="ascii")
    assert seen(kernel) != WANTED
    converge(kernel, WANTED)
    assert seen(kernel) == WANTED


def test_a_shim_moved_to_another_namespace_is_made_anew(kernel: Kernel) -> None:
    make(kernel, SHIM, ADDRESS, NEIGHBOUR, ROUTE)
    with moved_away("mv-lan"):
        converge(kernel, WANTED)
        assert seen(kernel) == WANTED


def test_a_shim_whose_parent_moved_away_is_on_no_parent_of_this_host(kernel: Kernel) -> None:
    make(kernel, SHIM)
    with moved_away("eth0"):
        left = seen(kernel)
    assert {replace(shim, parent="") for shim in left.shims} <= {replace(SHIM, parent="")}
    assert all(shim.parent.endswith("@other") for shim in left.shims)


def test_a_parent_that_was_renamed_is_seen_by_its_new_name(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("link", "set", "eth0", "name", "lan0")
    assert seen(kernel).shims == {replace(SHIM, parent="lan0")}


def test_a_parent_that_went_and_came_back_carries_its_shim_again(kernel: Kernel) -> None:
    make(kernel, SHIM, ADDRESS, NEIGHBOUR, ROUTE)
    ip("link", "delete", "eth0")
    assert seen(kernel) == Host()
    add_parent("eth0", address="192.168.1.50/24")
    converge(kernel, WANTED)
    assert seen(kernel) == WANTED
