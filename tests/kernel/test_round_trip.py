"""What is applied is what is seen: every action, on the real kernel."""

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from macvland.action import Add, Change, Delete
from macvland.kernel import Kernel, facts
from macvland.model import LONGEST_BCQUEUELEN, Host, KernelThing, Mode, Neighbour, Route, Shim, ShimAddress, shim_name
from tests.kernel.samples import ADDRESS, NEIGHBOUR, ROUTE, SHIM, WANTED, converge, do, make, many, seen
from tests.lab.netns import ip, ip_json

THINGS = (SHIM, ADDRESS, ROUTE, NEIGHBOUR)
SECOND_ADDRESS = ShimAddress(shim="mv-lan", address=ip_address("192.168.1.224"))
LONG = "a-network-with-a-long-name"


def test_everything_applied_is_seen(kernel: Kernel) -> None:
    make(kernel, *THINGS)
    assert seen(kernel) == WANTED


def test_a_second_look_decodes_no_address_anew(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    make(kernel, *THINGS)
    assert seen(kernel) == WANTED
    monkeypatch.setattr(facts, "IPv4Address", None)
    assert seen(kernel) == WANTED


def test_a_shim_needs_no_address_of_its_own(kernel: Kernel) -> None:
    make(kernel, SHIM, ROUTE, NEIGHBOUR)
    assert seen(kernel) == replace(WANTED, addresses=frozenset())


@pytest.mark.parametrize("thing", [ADDRESS, ROUTE, NEIGHBOUR], ids=lambda thing: type(thing).__name__)
def test_what_is_deleted_is_gone_and_the_rest_stays(kernel: Kernel, thing: KernelThing) -> None:
    make(kernel, *THINGS, SECOND_ADDRESS)
    do(kernel, Delete(thing))
    assert seen(kernel) == Host(
        shims=WANTED.shims,
        addresses=(WANTED.addresses | {SECOND_ADDRESS}) - {thing},
        routes=WANTED.routes - {thing},
        neighbours=WANTED.neighbours - {thing},
    )


def test_the_last_address_takes_routes_and_neighbours_along(kernel: Kernel) -> None:
    make(kernel, *THINGS)  # what the kernel does, and no wish of ours: plan has to know it
    do(kernel, Delete(ADDRESS))
    assert seen(kernel) == Host(shims=WANTED.shims)


def test_a_deleted_shim_takes_everything_along(kernel: Kernel) -> None:
    make(kernel, *THINGS)
    do(kernel, Delete(SHIM))
    assert seen(kernel) == Host()


@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: type(thing).__name__)
def test_deleting_what_is_gone_is_success(kernel: Kernel, thing: KernelThing) -> None:
    make(kernel, SHIM)
    if thing == SHIM:
        kernel.observe(Host())
        ip("link", "delete", "mv-lan")
    do(kernel, Delete(thing))


def test_adding_an_address_that_is_there_is_success(kernel: Kernel) -> None:
    make(kernel, SHIM, ADDRESS)
    do(kernel, Add(ADDRESS))


def test_a_neighbour_takes_the_place_of_what_the_kernel_learned(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("neigh", "add", "192.168.1.51", "lladdr", "02:00:00:00:00:99", "dev", "mv-lan", "nud", "reachable")
    do(kernel, Add(NEIGHBOUR))
    assert seen(kernel).neighbours == {NEIGHBOUR}


@pytest.mark.parametrize(
    "settings",
    [
        {"mac": "02:4d:56:00:00:02"},
        {"mtu": 1400},
        {"mode": Mode.PRIVATE},
        {"mode": Mode.VEPA},
        {"up": False},
        {"arp_filter": False},
        {"accept_ra": True},
        {"autoconf": True},
        {"network": "wan"},
        {"bcqueuelen": 5000},
        {"bcqueuelen": LONGEST_BCQUEUELEN},
        {"mac": "02:4d:56:00:00:02", "mtu": 1280, "bcqueuelen": 1, "mode": Mode.VEPA, "up": False, "arp_filter": False},
    ],
    ids=",".join,
)
def test_a_change_brings_the_settings_there_and_back(kernel: Kernel, settings: dict[str, object]) -> None:
    other = replace(SHIM, **settings)  # type: ignore[arg-type] # a table of several fields
    make(kernel, SHIM)
    do(kernel, Change(other, SHIM))
    assert seen(kernel).shims == {other}
    do(kernel, Change(SHIM, other))
    assert seen(kernel).shims == {SHIM}


def test_a_change_keeps_the_link(kernel: Kernel) -> None:
    make(kernel, SHIM)
    before = ip_json("link", "show", "mv-lan")[0]["ifindex"]
    do(kernel, Change(replace(SHIM, mac="02:4d:56:00:00:02", mode=Mode.VEPA), SHIM))
    assert ip_json("link", "show", "mv-lan")[0]["ifindex"] == before


def test_a_new_shim_is_marked_bridged_and_in_its_group(kernel: Kernel) -> None:
    make(kernel, SHIM)
    (link,) = ip_json("link", "show", "mv-lan")
    told = {key: link[key] for key in ("link", "address", "group", "ifalias", "mtu", "inet6_addr_gen_mode")}
    assert told == {
        "link": "eth0",
        "address": "02:4d:56:00:00:01",
        "group": str(0x6D76),
        "ifalias": "macvland: lan",
        "mtu": 1500,
        "inet6_addr_gen_mode": "none",
    }
    assert link["linkinfo"]["info_data"]["mode"] == "bridge"
    assert "UP" in link["flags"]


def test_a_long_broadcast_queue_is_that_of_every_link_on_the_parent_and_ends_with_the_shim(kernel: Kernel) -> None:
    ip("link", "add", "container0", "link", "eth0", "type", "macvlan", "mode", "bridge")
    make(kernel, replace(SHIM, bcqueuelen=5000))
    assert queues() == {"mv-lan": (5000, 5000), "container0": (1000, 5000)}
    do(kernel, Delete(SHIM))
    assert queues() == {"container0": (1000, 1000)}


def queues() -> dict[str, tuple[int, int]]:
    """Return of every macvlan link how many broadcasts it asks to let wait, and how many may."""
    links = {link["ifname"]: link["linkinfo"]["info_data"] for link in ip_json("link", "show", "type", "macvlan")}
    return {name: (data["bcqueuelen"], data["usedbcqueuelen"]) for name, data in links.items()}


def test_a_new_shim_answers_no_stray_arp_and_takes_no_router(kernel: Kernel) -> None:
    make(kernel, SHIM)
    settings = {
        name: Path(f"/proc/sys/net/{name}").read_text(encoding="ascii").strip()
        for name in (
            "ipv4/conf/mv-lan/arp_filter",
            "ipv6/conf/mv-lan/accept_ra",
            "ipv6/conf/mv-lan/autoconf",
        )
    }
    assert settings == {
        "ipv4/conf/mv-lan/arp_filter": "1",
        "ipv6/conf/mv-lan/accept_ra": "0",
        "ipv6/conf/mv-lan/autoconf": "0",
    }


def test_a_new_shim_has_no_ipv6_address_of_the_kernels(kernel: Kernel) -> None:
    make(kernel, SHIM)
    assert ip_json("-6", "address", "show", "dev", "mv-lan") == []


def test_a_shim_can_be_made_where_ipv6_is_off(kernel: Kernel) -> None:
    ip("link", "set", "eth0", "mtu", "1200")  # below IPv6's 1280, the link has no IPv6 at all
    small = replace(SHIM, mtu=1200)
    make(kernel, small)
    assert seen(kernel).shims == {small}


def test_routes_and_neighbours_carry_our_number(kernel: Kernel) -> None:
    make(kernel, SHIM, ROUTE, NEIGHBOUR)
    (route,) = ip_json("route", "show", "dev", "mv-lan")
    told = {key: route[key] for key in ("dst", "protocol", "scope", "prefsrc")}
    assert told == {"dst": "192.168.1.51", "protocol": "77", "scope": "link", "prefsrc": "192.168.1.50"}
    (neighbour,) = ip_json("neigh", "show", "dev", "mv-lan")
    assert (neighbour["state"], neighbour["protocol"]) == (["PERMANENT"], "77")


def test_an_address_brings_no_subnet_route(kernel: Kernel) -> None:
    make(kernel, SHIM, ADDRESS)
    assert ip_json("route", "show", "dev", "mv-lan") == []


def test_a_long_name_is_found_whole_as_an_altname(kernel: Kernel) -> None:
    shim = replace(SHIM, name=shim_name(LONG), network=LONG)
    make(kernel, shim)
    assert ip_json("link", "show", f"mv-{LONG}")[0]["ifname"] == shim.name
    assert seen(kernel).shims == {shim}


def test_ipv6_addresses_routes_and_neighbours_make_the_round_trip(kernel: Kernel) -> None:
    destination = ip_address("2001:db8::51")
    wanted = Host(
        shims=frozenset({SHIM}),
        addresses=frozenset({ShimAddress(shim="mv-lan", address=ip_address("2001:db8::223"))}),
        routes=frozenset({Route(shim="mv-lan", destination=destination, source=None)}),
        neighbours=frozenset({Neighbour(shim="mv-lan", address=destination, mac="02:42:c0:a8:01:33")}),
    )
    converge(kernel, wanted)
    assert seen(kernel) == wanted
    converge(kernel, Host())


def test_hundreds_of_shims_come_and_go(kernel: Kernel) -> None:
    wanted = many(200)  # several batches, the last one not full
    converge(kernel, wanted)
    assert seen(kernel) == wanted
    converge(kernel, Host())


def test_some_shims_go_and_the_others_keep_what_they_have(kernel: Kernel) -> None:
    wanted = many(6)
    converge(kernel, wanted)
    stay = {"mv-n1", "mv-n4"}
    rest = Host(
        shims=frozenset(shim for shim in wanted.shims if shim.name in stay),
        addresses=frozenset(it for it in wanted.addresses if it.shim in stay),
        routes=frozenset(it for it in wanted.routes if it.shim in stay),
        neighbours=frozenset(it for it in wanted.neighbours if it.shim in stay),
    )
    do(kernel, *(Delete(shim) for shim in sorted(wanted.shims - rest.shims, key=str)))
    assert seen(kernel) == rest


def test_a_shim_moves_to_another_parent_in_one_round(kernel: Kernel) -> None:
    ip("link", "add", "eth1", "type", "veth", "peer", "eth1-lan")
    make(kernel, *THINGS)
    moved = replace(WANTED, shims=frozenset({replace(SHIM, parent="eth1")}))
    converge(kernel, moved)
    assert seen(kernel) == moved


def test_a_parent_is_found_by_its_altname_too(kernel: Kernel) -> None:
    ip("link", "property", "add", "dev", "eth0", "altname", "uplink0")
    kernel.observe(Host())
    make(kernel, replace(SHIM, parent="uplink0"))
    assert seen(kernel).shims == {SHIM}


def test_nothing_needs_to_be_looked_at_first(kernel: Kernel) -> None:
    make(Kernel(), SHIM)
    assert seen(kernel).shims == {SHIM}


def test_the_same_octets_are_decoded_once_and_changes_are_seen(kernel: Kernel) -> None:
    make(kernel, *THINGS)
    assert seen(kernel) == WANTED
    assert seen(kernel) == WANTED
    ip("link", "set", "mv-lan", "mtu", "1400")
    assert {shim.mtu for shim in seen(kernel).shims} == {1400}


def test_shims_of_one_parent_share_nothing_but_it(kernel: Kernel) -> None:
    other: Shim = replace(SHIM, name="mv-two", network="two", mac="02:4d:56:00:00:02")
    make(kernel, SHIM, other, ROUTE)
    do(kernel, Delete(other))
    assert seen(kernel) == Host(shims=frozenset({SHIM}), routes=frozenset({ROUTE}))
