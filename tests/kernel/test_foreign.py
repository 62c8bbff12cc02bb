"""What is not marked as ours is a fact about the host, and nothing that could be changed."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from macvland.action import Add, Delete
from macvland.kernel import Kernel, codec
from macvland.kernel.channel import Channel
from macvland.kernel.requests import GROUP, LEAVING
from macvland.model import Host, Link
from tests.conditions import said
from tests.kernel.samples import NEIGHBOUR, ROUTE, SHIM, do, make, many, seen
from tests.lab.netns import add_bridge, ip, ip_json


def link(kernel: Kernel, name: str) -> Link:
    (found,) = (it for it in kernel.observe(Host()).links if it.name == name)
    return found


@pytest.mark.parametrize(
    "command",
    [
        "link add mv-lan link eth0 type macvlan mode bridge",
        "link add mv-lan link eth0 group 5 type macvlan mode bridge",
        f"link add mv-lan group {GROUP} type veth peer name peer0",
        "link add mv-lan type bridge",
    ],
    ids=["our name and kind", "another group", "our group, another kind", "our name, another kind"],
)
def test_a_link_that_is_not_a_macvlan_of_our_group_is_not_ours(kernel: Kernel, command: str) -> None:
    ip(*command.split())
    ip("link", "set", "mv-lan", "alias", "macvland: lan")
    assert seen(kernel) == Host()
    assert link(kernel, "mv-lan").name == "mv-lan"


def test_a_macvlan_of_our_group_is_ours_before_it_has_an_alias(kernel: Kernel) -> None:
    ip("link", "add", "mv-lan", "link", "eth0", "group", str(GROUP), "type", "macvlan", "mode", "bridge")
    (shim,) = seen(kernel).shims
    assert (shim.name, shim.network, shim.parent, shim.up) == ("mv-lan", "mv-lan", "eth0", False)


def test_a_shim_that_a_crash_left_among_those_that_go_is_still_ours(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("link", "set", "mv-lan", "group", str(LEAVING))
    assert seen(kernel).shims == {replace(SHIM, marked=False)}


def test_a_shim_that_somebody_put_into_another_group_is_still_ours(kernel: Kernel) -> None:
    make(kernel, SHIM, ROUTE)
    ip("link", "set", "mv-lan", "group", "default")
    assert seen(kernel) == Host(shims=frozenset({replace(SHIM, marked=False)}), routes=frozenset({ROUTE}))


def test_routes_and_neighbours_without_our_number_are_not_ours(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("route", "add", "192.168.1.51", "dev", "mv-lan")
    ip("neigh", "add", "192.168.1.51", "lladdr", "02:00:00:00:00:01", "dev", "mv-lan")
    assert seen(kernel) == Host(shims=frozenset({SHIM}))


def test_routes_and_neighbours_with_our_number_elsewhere_are_not_ours(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("route", "add", "192.168.7.51", "dev", "eth0", "protocol", "77")
    ip("neigh", "add", "192.168.1.51", "lladdr", "02:00:00:00:00:01", "dev", "eth0", "protocol", "77")
    assert seen(kernel) == Host(shims=frozenset({SHIM}))


@pytest.mark.parametrize(
    "command",
    [
        "route add 192.168.9.0/24 dev mv-lan protocol 77 scope link",
        "route add 192.168.1.51 dev mv-lan protocol 77 scope link table 100",
        "route add 192.168.1.51 via 192.168.1.1 dev mv-lan onlink protocol 77",
        "route add blackhole 192.168.1.51 protocol 77",
    ],
    ids=["a range", "another table", "a gateway", "a blackhole"],
)
def test_a_route_of_another_shape_is_not_ours(kernel: Kernel, command: str) -> None:
    make(kernel, SHIM)
    ip(*command.split())
    assert seen(kernel).routes == frozenset()


def test_deleting_our_route_spares_anothers_to_the_same_place(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("route", "add", "192.168.1.51", "dev", "mv-lan", "protocol", "static")
    do(kernel, Delete(ROUTE))
    assert [route["protocol"] for route in ip_json("route", "show", "192.168.1.51")] == ["static"]


def test_strangers_in_the_group_of_those_that_go_survive_a_deletion(kernel: Kernel) -> None:
    ip("link", "add", "stranger0", "group", str(LEAVING), "type", "veth", "peer", "name", "stranger1")
    wanted = many(3)
    make(kernel, *sorted(wanted.shims, key=str))
    kernel.observe(Host())
    do(kernel, *(Delete(shim) for shim in sorted(wanted.shims, key=str)))
    assert seen(kernel) == Host()
    assert link(kernel, "stranger0").kind == "veth"


def test_links_of_our_group_that_are_no_shims_survive_a_deletion(kernel: Kernel) -> None:
    ip("link", "add", "stranger0", "group", str(GROUP), "type", "veth", "peer", "name", "stranger1")
    wanted = many(3)
    make(kernel, *sorted(wanted.shims, key=str))
    do(kernel, *(Delete(shim) for shim in sorted(wanted.shims, key=str)))
    assert link(kernel, "stranger0").kind == "veth"


def test_a_link_tells_what_the_others_need_to_know(kernel: Kernel) -> None:
    ip("link", "property", "add", "dev", "eth0", "altname", "uplink0", "altname", "enp0s1")
    ip("link", "set", "eth0", "address", "02:00:00:00:00:50", "mtu", "1400")
    ip("address", "add", "2001:db8::50/64", "dev", "eth0", "nodad")
    (shown,) = ip_json("link", "show", "eth0")
    assert link(kernel, "eth0") == Link(
        name="eth0",
        index=shown["ifindex"],
        kind="veth",
        mac="02:00:00:00:00:50",
        mtu=1400,
        altnames=frozenset({"uplink0", "enp0s1"}),
        addresses=frozenset({ip_interface("192.168.1.50/24"), ip_interface("2001:db8::50/64")}),
    )


def test_a_port_knows_its_bridge(kernel: Kernel) -> None:
    add_bridge("br0", "eth0")
    assert link(kernel, "eth0").master == "br0"
    assert link(kernel, "br0").kind == "bridge"


def test_a_link_that_is_down_has_no_carrier(kernel: Kernel) -> None:
    ip("link", "set", "eth0-lan", "down")
    assert (link(kernel, "eth0").up, link(kernel, "eth0").carrier) == (True, False)
    assert (link(kernel, "eth0-lan").up, link(kernel, "eth0-lan").carrier) == (False, False)


def test_the_loopback_is_no_ethernet_link(kernel: Kernel) -> None:
    assert not link(kernel, "lo").ethernet
    assert link(kernel, "eth0").ethernet


def test_promiscuous_mode_of_others_is_a_fact(kernel: Kernel) -> None:
    ip("link", "set", "eth0", "promisc", "on")
    assert link(kernel, "eth0").promiscuous
    assert seen(kernel).promiscuous == frozenset()


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ((), None),
        (("default via 192.168.1.1",), "eth0"),
        (("default dev eth0 scope link",), "eth0"),
        (("0.0.0.0/1 via 192.168.1.1", "128.0.0.0/1 via 192.168.1.1"), None),
        (("unreachable default",), None),
        (("default nexthop via 192.168.1.1 dev eth0 nexthop via 192.168.1.2 dev eth0",), "eth0"),
        (("default dev eth0-lan metric 200", "default via 192.168.1.1 metric 100"), "eth0"),
    ],
    ids=["none", "gateway", "no gateway", "halves of a VPN", "unreachable", "several ways", "by metric"],
)
def test_the_default_link_is_that_of_the_default_route(
    kernel: Kernel, routes: tuple[str, ...], expected: str | None
) -> None:
    for route in routes:
        ip("route", "add", *route.split())
    assert kernel.observe(Host()).default_link == expected


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (("default via 2001:db8:1::1 dev eth0",), "eth0"),
        (("default dev eth0-lan metric 2000", "default via 2001:db8:1::1 dev eth0 metric 1000"), "eth0"),
        (("2000::/3 via 2001:db8:1::1 dev eth0",), None),
        (("unreachable default dev lo",), None),
        (("default dev eth0-lan", "-4 default via 192.168.1.1"), "eth0"),
    ],
    ids=["IPv6 alone", "by metric", "no default", "unreachable", "IPv4 before IPv6"],
)
def test_without_a_default_route_of_ipv4_that_of_ipv6_counts(
    kernel: Kernel, routes: tuple[str, ...], expected: str | None
) -> None:
    ip("address", "add", "2001:db8:1::50/64", "dev", "eth0", "nodad")
    for route in routes:
        words = route.removeprefix("-4 ")
        ip("-4" if words != route else "-6", "route", "add", *words.split())
    assert kernel.observe(Host()).default_link == expected


HALVES = "route add 0.0.0.0/1 dev tun0\nroute add 128.0.0.0/1 dev tun0"


@pytest.mark.parametrize(
    ("mode", "routes"),
    [
        ("tun", "route add default dev tun0 metric 50"),
        ("tun", HALVES),
        ("tap", HALVES),
        ("tun", "route add default dev tun0 table 51820\nrule add not fwmark 51820 table 51820"),
    ],
    ids=["a better metric", "two halves", "two halves over Ethernet", "a table of its own"],
)
def test_a_vpn_does_not_hide_the_link_it_goes_over(kernel: Kernel, mode: str, routes: str) -> None:
    ip("tuntap", "add", "tun0", "mode", mode)
    ip("link", "set", "tun0", "up")
    ip("route", "add", "default", "via", "192.168.1.1", "metric", "100")
    ip("route", "add", "default", "dev", "eth0-lan", "metric", "200")
    ip("-batch", "-", batch=routes)
    assert kernel.observe(Host()).default_link == "eth0"


def test_a_vpn_that_goes_over_nothing_is_no_default_link(kernel: Kernel) -> None:
    ip("tuntap", "add", "tun0", "mode", "tun")
    ip("link", "set", "tun0", "up")
    ip("route", "add", "default", "dev", "tun0")
    assert kernel.observe(Host()).default_link is None


def test_addresses_of_other_families_are_nobodys(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone's Phonet and a server's MCTP are in the same answer."""
    honest, seen = Channel.dump, kernel.observe(Host())
    mctp = codec.IFADDR.pack(45, 8, 0, 0, 1) + codec.attribute(codec.IFA_LOCAL, b"\x08")

    def dump(channel: Channel, message: codec.Message) -> list[bytes]:
        return [*honest(channel, message), *([mctp] if message.kind == codec.RTM_GETADDR else ())]

    monkeypatch.setattr(Channel, "dump", dump)
    assert kernel.observe(Host()) == seen


def test_what_the_engine_found_stays_as_it_was(kernel: Kernel) -> None:
    assert kernel.observe(Host(absent=said("no Docker here"))).absence == "no Docker here"


def test_a_neighbour_of_ours_on_a_foreign_link_is_refused_nowhere_else(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("neigh", "add", str(NEIGHBOUR.address), "lladdr", "02:00:00:00:00:01", "dev", "eth0")
    do(kernel, Add(NEIGHBOUR), Delete(NEIGHBOUR))
    assert [it["dev"] for it in ip_json("neigh", "show", str(ip_address("192.168.1.51")))] == ["eth0"]
