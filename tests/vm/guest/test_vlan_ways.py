"""`vlan = 50` from host to host on a kernel that has VLANs: what is made, kept for others, put right, taken away.

Docker is a table in memory here, as in tests/kernel/test_convergence.py.
"""

from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import pytest

from macvland.kernel import Kernel
from tests.kernel.samples import seen
from tests.kernel.test_convergence import TAGGED, Sample, Table, furnish, go, network, settle, strangers
from tests.lab.netns import add_bridge, add_parent, ip, ip_json, private_network

TAGGED_FILE = network('address = "192.168.1.223"\n', extra="vlan = 50")
ONE, NOTHING = Sample(files={"pub_net": TAGGED_FILE}), Sample()
WAYS = [*permutations(["nothing", *TAGGED], 2), *product(["borrowed"], TAGGED)]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """A host with eth0 at 192.168.1.50/24."""
    with private_network():
        add_parent("eth0", address="192.168.1.50/24")
        yield Kernel()


def link(name: str = "eth0.50") -> dict[str, Any]:
    """Return what ip(8) says of a link."""
    (shown,) = ip_json("link", "show", name)
    return shown


def vlans() -> dict[str, int]:
    """Return the ID of every VLAN link."""
    return {it["ifname"]: it["linkinfo"]["info_data"]["id"] for it in ip_json("link", "show", "type", "vlan")}


@pytest.fixture
def furnished() -> Iterator[None]:
    """A host with three parents, and strangers on them, to whom nothing happens."""
    with private_network():
        furnish()
        before = strangers()
        yield
        assert strangers() == before


@pytest.mark.usefixtures("furnished")
@pytest.mark.parametrize(("first", "second"), WAYS, ids=[" -> ".join(way) for way in WAYS])
def test_from_one_host_to_another(first: str, second: str) -> None:
    go(first, second)


# What becomes of one

DRIFT = {
    "deleted": "link delete eth0.50",
    "set down": "link set eth0.50 down",
    "another MTU": "link set eth0.50 mtu 1400",
    "another group": "link set eth0.50 group 5",
    "parent's MTU down and up": "link set eth0 mtu 1400\nlink set eth0 mtu 1500",
    "parent down and up": "link set eth0 down\nlink set eth0 up",
    "without IPv6 for a while": "link set eth0 mtu 1200\nlink set eth0 mtu 1500",
}


@pytest.mark.parametrize("commands", DRIFT.values(), ids=DRIFT)
def test_drift_is_put_right_with_all_that_is_on_the_link(kernel: Kernel, commands: str) -> None:
    docker = Table()
    before = settle(ONE, kernel, docker).seen
    ip("-batch", "-", batch=commands)
    after = settle(ONE, kernel, docker).seen
    assert (after.vlans, after.shims, after.addresses) == (before.vlans, before.shims, before.addresses)
    assert link()["inet6_addr_gen_mode"] == "none"


def test_it_is_made_on_a_parent_that_is_down_and_goes_up_with_it(kernel: Kernel) -> None:
    docker = Table()
    ip("link", "set", "eth0", "down")
    ended = settle(ONE, kernel, docker)
    assert [it.text for it in ended.goal.obstacles] == ["its parent 'eth0' is down"]
    ip("link", "set", "eth0", "up")
    assert settle(ONE, kernel, docker).goal.obstacles == frozenset()
    assert [vlan.up for vlan in seen(kernel).vlans] == [True]


def test_one_that_was_renamed_serves_by_its_new_name(kernel: Kernel) -> None:
    docker = Table()
    settle(ONE, kernel, docker)
    ip("link", "set", "eth0.50", "name", "office")
    ended = settle(ONE, kernel, docker)
    assert (vlans(), [shim.parent for shim in ended.seen.shims]) == ({"office": 50}, ["office"])


def test_the_same_id_of_the_provider_protocol_is_another_vlan(kernel: Kernel) -> None:
    ip("link", "add", "provider", "link", "eth0", "type", "vlan", "protocol", "802.1ad", "id", "50")
    settle(ONE, kernel, Table())
    assert vlans().keys() == {"provider", "eth0.50"}


def test_a_name_that_another_link_has_is_a_conflict_until_it_is_free(kernel: Kernel) -> None:
    docker = Table()
    ip("link", "add", "eth0.50", "link", "eth0", "type", "vlan", "id", "51")
    ended = settle(ONE, kernel, docker)
    assert [(it.code, it.text) for it in ended.goal.obstacles] == [
        (
            "MV105",
            "the link 'eth0.50' (VLAN 51 of 'eth0') is in the place of its VLAN link: rename or delete it",
        )
    ]
    ip("link", "set", "eth0.50", "name", "fiftyone")
    settle(ONE, kernel, docker)
    assert vlans() == {"fiftyone": 51, "eth0.50": 50}


def put_an_address_on_it() -> None:
    ip("address", "add", "10.50.0.1/24", "dev", "eth0.50")


def put_a_link_on_it() -> None:
    ip("link", "add", "other0", "link", "eth0.50", "type", "macvlan", "mode", "private")


def put_it_into_a_bridge() -> None:
    ip("link", "delete", "mv-pub_net")
    add_bridge("br0", "eth0.50")


USES = {
    "it has the address 10.50.0.1": (put_an_address_on_it, "address delete 10.50.0.1/24 dev eth0.50"),
    "'other0' is on it": (put_a_link_on_it, "link delete other0"),
    "it is a port of 'br0'": (put_it_into_a_bridge, "link delete br0"),
}


@pytest.mark.parametrize("use", USES)
def test_it_stays_as_long_as_somebody_else_uses_it(kernel: Kernel, use: str) -> None:
    docker = Table()
    settle(ONE, kernel, docker)
    begin, end = USES[use]
    begin()
    ended = settle(NOTHING, kernel, docker)
    assert [(it.network, it.code, it.text) for it in ended.goal.obstacles] == [
        ("pub_net", "MV801", f"its VLAN link 'eth0.50' on 'eth0' stays as long as {use}")
    ]
    ip(*end.split())
    settle(NOTHING, kernel, docker)
    assert vlans() == {}
