"""VLAN links of macvland's own, on a kernel that has them: made, seen, put right, taken away."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from itertools import count

import pytest

from macvland.action import Add, Delete
from macvland.kernel import Kernel, channel
from macvland.kernel.codec import Message
from macvland.kernel.requests import GROUP
from macvland.model import Host, Shim, Vlan, vlan_name
from macvland.plan import plan
from tests.kernel.samples import SHIM, converge, do, make, seen
from tests.lab.netns import ip, ip_json

VLAN = Vlan(name="eth0.50", parent="eth0", id=50, mtu=1500, network="lan")
ON_IT = replace(SHIM, parent="eth0.50")
WANTED = Host(vlans=frozenset({VLAN}), shims=frozenset({ON_IT}))

DRIFT = {
    "deleted": "link delete eth0.50",
    "set down": "link set eth0.50 down",
    "MTU changed": "link set eth0.50 mtu 1400",
    "MTU that cannot have IPv6": "link set eth0.50 mtu 1200",
    "group changed": "link set eth0.50 group 5",
}


def test_one_that_is_made_is_up_and_has_no_address_at_all(kernel: Kernel) -> None:
    make(kernel, VLAN)
    assert seen(kernel) == Host(vlans=frozenset({VLAN}))
    (link,) = ip_json("link", "show", "eth0.50")
    assert (link["link"], link["linkinfo"]["info_kind"], link["group"]) == ("eth0", "vlan", str(GROUP))
    assert (link["linkinfo"]["info_data"]["protocol"], link["linkinfo"]["info_data"]["id"]) == ("802.1Q", 50)
    assert "UP" in link["flags"]
    assert ip_json("address", "show", "dev", "eth0.50")[0]["addr_info"] == []


@pytest.mark.parametrize("command", DRIFT.values(), ids=DRIFT)
def test_drift_is_seen_and_put_right(kernel: Kernel, command: str) -> None:
    make(kernel, VLAN, ON_IT)
    ip(*shlex.split(command))
    assert seen(kernel) != WANTED
    converge(kernel, WANTED)
    assert seen(kernel) == WANTED
    assert ip_json("address", "show", "dev", "eth0.50")[0]["addr_info"] == []


@pytest.mark.fault("A2")
def test_one_that_was_not_finished_before_a_kill_is_finished(kernel: Kernel) -> None:
    ip(*f"link add eth0.50 link eth0 group {GROUP} type vlan id 50".split())
    assert {vlan.name for vlan in seen(kernel).vlans} == {"eth0.50"}
    converge(kernel, WANTED)
    (link,) = ip_json("link", "show", "eth0.50")
    assert (link["inet6_addr_gen_mode"], link["ifalias"]) == ("none", "macvland: lan")
    assert ip_json("address", "show", "dev", "eth0.50")[0]["addr_info"] == []


@pytest.mark.fault("A1")
def test_whoever_makes_it_may_die_after_any_send(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = 1
    while dies_after(moment, kernel, monkeypatch):
        converge(kernel, WANTED)
        assert seen(kernel) == WANTED
        assert ip_json("address", "show", "dev", "eth0.50")[0]["addr_info"] == []
        converge(kernel, Host())
        moment += 1
    assert moment > 4


def dies_after(moment: int, kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let a child make what is wanted, and die after so many sends; tell whether it needs so many."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    sends = count(1)

    class Mortal(channel.Channel):
        def send(self, messages: Sequence[Message]) -> dict[int, channel.Refusal]:
            refusals = super().send(messages)
            if next(sends) == moment:
                os._exit(1)
            return refusals

    monkeypatch.setattr(channel, "Channel", Mortal)
    kernel.apply(plan(WANTED, Host()))
    os._exit(0)


@pytest.mark.fault("C42")
def test_it_and_the_shim_on_it_follow_the_mtu_of_the_parent(kernel: Kernel) -> None:
    make(kernel, VLAN, ON_IT)
    for mtu in (1400, 1500, 1499):
        ip("link", "set", "eth0", "mtu", str(mtu))
        wanted = Host(
            vlans=frozenset({replace(VLAN, mtu=mtu)}),
            shims=frozenset({replace(ON_IT, mtu=mtu)}),
        )
        converge(kernel, wanted)
        assert seen(kernel) == wanted


def test_a_name_too_long_for_the_kernel_is_an_altname(kernel: Kernel) -> None:
    ip("link", "set", "eth0", "name", "enp0s31f6-dock0")
    long = Vlan(name=vlan_name("enp0s31f6-dock0", 4094), parent="enp0s31f6-dock0", id=4094, mtu=1500, network="lan")
    make(kernel, long)
    assert seen(kernel).vlans == {long}
    assert ip_json("link", "show", "enp0s31f6-dock0.4094")[0]["ifname"] == long.name


@pytest.mark.parametrize(
    "other",
    ["link add eth0.50 type dummy", "link add other link eth0 type vlan id 50"],
    ids=["its name", "its number"],
)
def test_what_somebody_else_has_is_refused_and_stays(kernel: Kernel, other: str) -> None:
    ip(*other.split())
    before = ip_json("link")
    (failure,) = kernel.apply([Add(VLAN)])
    assert failure.reason == "another link is called 'eth0.50', or is VLAN 50 of 'eth0' already"
    assert ip_json("link") == before


def test_deleting_it_twice_is_success_and_spares_the_parent(kernel: Kernel) -> None:
    make(kernel, VLAN)
    do(kernel, Delete(VLAN))
    do(kernel, Delete(VLAN))
    assert seen(kernel) == Host()
    assert ip_json("link", "show", "eth0")


def test_as_many_as_there_can_be_are_made_and_taken_away(kernel: Kernel) -> None:
    """All 4094 of them would take a minute here."""
    vlans = frozenset(replace(VLAN, name=f"eth0.{number}", id=number) for number in range(1, 101))
    converge(kernel, Host(vlans=vlans))
    assert seen(kernel).vlans == vlans
    converge(kernel, Host())
    assert seen(kernel) == Host()


def test_a_shim_on_one_that_is_made_anew_is_made_anew_as_well(kernel: Kernel) -> None:
    make(kernel, VLAN, ON_IT)
    other: Shim = replace(ON_IT, parent="eth0.51")
    wanted = Host(vlans=frozenset({replace(VLAN, name="eth0.51", id=51)}), shims=frozenset({other}))
    converge(kernel, wanted)
    assert seen(kernel) == wanted
