"""What becomes of a shim's IPv6 address: asked for, certain, or another device's, and asked for again."""

from dataclasses import replace
from ipaddress import IPv6Network, ip_address, ip_interface

import pytest

from macvland.condition import Kind
from macvland.condition.lan import ADDRESS_ASKED, TAKEN
from macvland.condition.obstacle import MTU_BELOW_IPV6
from macvland.condition.parent import NO_CARRIER
from macvland.config import Config
from macvland.model import Address, Attachment, Dad, Goal, Host, Subnet
from macvland.reconcile import Pass, converge
from macvland.wanted import wanted
from tests.unit.samples import ETH0, HOST, LAN, MACHINE, declaration, declared
from tests.unit.world import World

OWN, OTHER, WEB, HOST6 = (ip_address(f"2001:db8:1::{last}") for last in ("223", "222", "c1", "50"))
LAN6 = Subnet(cidr=IPv6Network("2001:db8:1::/64"))
CONTAINER = Attachment(
    network="pub_net", network_id="", container="web", mac="02:42:c0:a8:01:c1", addresses=frozenset({WEB})
)


def config(address: Address = OWN) -> Config:
    return declared(replace(declaration("pub_net", LAN, "eth0", str(address)), subnets=(LAN, LAN6)))


def settle(world: World, address: Address = OWN, *, recheck: bool = False) -> Pass:
    """Do one pass; with *recheck* it is time to ask again for what another device had, or that is done just now."""

    def want(seen: Host) -> Goal:
        denied = frozenset(it for it in seen.addresses if it.dad is not Dad.DONE) if recheck else frozenset()
        return wanted(config(address), seen, MACHINE, recheck=denied)

    ended = converge(want, world.kernel, world.engine, lambda *_: True)
    assert (ended.left, ended.failures) == ((), ())
    return ended


@pytest.fixture
def world() -> World:
    """A host with the network and a container on it; the LAN has just been asked for the shim's address."""
    world = World(HOST)
    settle(world)
    world.run(frozenset({CONTAINER}))
    settle(world)
    return world


def holds(ended: Pass) -> list[Kind]:
    return [it.kind for it in ended.goal.obstacles]


def sources(world: World) -> dict[Address, Address | None]:
    return {route.destination: route.source for route in world.host.routes}


def test_nothing_speaks_from_an_address_before_it_is_certain(world: World) -> None:
    assert holds(settle(world)) == [ADDRESS_ASKED]
    assert sources(world) == {}
    assert {it.address for it in world.host.neighbours} == {WEB}
    world.answer()
    assert holds(settle(world)) == []
    assert sources(world) == {WEB: OWN}


def test_meanwhile_the_host_speaks_from_an_address_of_the_parent_that_is_certain(world: World) -> None:
    certain = replace(ETH0, addresses=ETH0.addresses | {ip_interface(f"{HOST6}/64")})
    world.rearrange(frozenset({replace(certain, tentative=frozenset({HOST6}))}), "eth0")
    settle(world)
    assert (sources(world), world.host.proxies) == ({}, frozenset())
    world.rearrange(frozenset({certain}), "eth0")
    settle(world)
    assert sources(world) == {WEB: HOST6}
    world.answer()
    settle(world)
    assert sources(world) == {WEB: OWN}


def test_where_another_device_has_the_address_the_host_goes_on_speaking_from_the_parents(world: World) -> None:
    world.rearrange(frozenset({replace(ETH0, addresses=ETH0.addresses | {ip_interface(f"{HOST6}/64")})}), "eth0")
    world.elsewhere = frozenset({OWN})
    world.answer()
    assert holds(settle(world)) == [TAKEN]
    assert sources(world) == {WEB: HOST6}


def test_without_a_carrier_nobody_is_asked_and_nothing_said_of_it(world: World) -> None:
    world.rearrange(frozenset(replace(link, carrier=False) for link in world.host.links), "eth0")
    assert holds(settle(world)) == [NO_CARRIER]


def test_an_address_that_another_device_has_is_told_and_left_alone(world: World) -> None:
    world.elsewhere = frozenset({OWN})
    world.answer()
    ended = settle(world)
    assert (holds(ended), ended.done) == ([TAKEN], ())
    assert sources(world) == {}
    (reason,) = (it.text for it in ended.goal.obstacles)
    assert str(OWN) in reason


def test_it_is_asked_for_again_when_it_is_time(world: World) -> None:
    world.elsewhere = frozenset({OWN})
    world.answer()
    ended = settle(world, recheck=True)
    assert [str(it) for it in ended.done] == [f"change address {OWN} on shim 'mv-pub_net': dad dadfailed -> done"]
    assert holds(ended) == holds(settle(world, recheck=True)) == [TAKEN], "that it is asked for again is not news"
    world.answer()
    assert holds(settle(world)) == [TAKEN]

    world.elsewhere = frozenset()
    settle(world, recheck=True)
    world.answer()
    assert holds(settle(world)) == []
    assert sources(world) == {WEB: OWN}


def test_until_another_address_is_certain_the_shim_speaks_from_the_old_one(world: World) -> None:
    world.answer()
    settle(world)
    settle(world, OTHER)
    assert {it.address: it.dad for it in world.host.addresses} == {OWN: Dad.DONE, OTHER: Dad.TENTATIVE}
    assert sources(world) == {WEB: OWN}
    world.answer()
    settle(world, OTHER)
    assert {it.address: it.dad for it in world.host.addresses} == {OTHER: Dad.DONE}
    assert sources(world) == {WEB: OTHER}


def test_an_address_that_was_taken_away_costs_the_route_its_source_and_nothing_else(world: World) -> None:
    world.answer()
    settle(world)
    (own,) = world.host.addresses
    world._delete_address(own)  # as somebody with ip(8) does
    settle(world)
    assert sources(world) == {WEB: None}
    world.answer()
    settle(world)
    assert sources(world) == {WEB: OWN}


def test_a_shim_that_moves_to_another_parent_is_asked_for_anew(world: World) -> None:
    world.answer()
    settle(world)
    moved = declared(replace(config().declarations[0], parent="eth1"))
    for _ in range(2):
        ended = converge(lambda seen: wanted(moved, seen, MACHINE), world.kernel, world.engine, lambda *_: True)
        assert (ended.left, ended.failures) == ((), ())
    assert [(it.address, it.dad) for it in world.host.addresses] == [(OWN, Dad.TENTATIVE)]


def test_ipv6_that_returns_with_the_mtu_is_set_up_anew(world: World) -> None:
    world.answer()
    settle(world)
    for mtu, dads, reason in ((1200, [], [MTU_BELOW_IPV6]), (1500, [Dad.TENTATIVE], [ADDRESS_ASKED])):
        world.rearrange(frozenset(replace(link, mtu=mtu) for link in world.host.links), "eth0")
        assert holds(settle(world)) == reason
        assert [it.dad for it in world.host.addresses] == dads
    world.answer()
    settle(world)
    assert sources(world) == {WEB: OWN}
