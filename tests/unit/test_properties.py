"""For every pair of hosts: converge to one, then to the other; the plan must end up ().

The world refuses an action out of order, so each of these runs checks the order of the plan as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Network, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macvland.config import Config, Declaration, ShimDeclaration
from macvland.model import Attachment, Host, Link, Network, Shim, Subnet
from macvland.plan import plan
from macvland.reconcile import Pass, converge
from tests.soak import examples
from tests.unit.samples import ETH0, ETH1, LAB, LAN, OTHER, PUB, declared, goal
from tests.unit.world import DOCKER, World

few = examples(check=60, soak=3_000)

NAMES = ("pub_net", "lab")
POOLS = {"pub_net": LAN, "lab": LAB}
ON = {"eth0": "pub_net", "eth1": "lab"}
POOLS6 = {name: Subnet(cidr=IPv6Network(f"fd00:{number}::/64")) for number, name in enumerate(NAMES)}
FOREIGN = Network(name="lab", parent="eth1", subnets=frozenset({LAB}), id="id-of-lab")
OTHERS = Network(name="others", parent="eth0", id="id-of-others")


@dataclass(frozen=True)
class Scene:
    """What the files say, and what the host is like apart from what macvland does to it."""

    config: Config
    links: frozenset[Link]
    containers: frozenset[Attachment]
    docker: bool
    foreign: frozenset[Network]


def scenes() -> st.SearchStrategy[Scene]:
    return st.builds(
        Scene,
        config=st.builds(
            configured,
            st.tuples(*(st.none() | declarations(name) for name in NAMES)),
            st.frozensets(st.sampled_from(NAMES), max_size=1),
        ),
        links=st.builds(
            frozenset, st.tuples(links(ETH0), links(ETH1)).map(lambda found: [one for one in found if one])
        ),
        containers=st.builds(running, st.frozensets(st.integers(0, 3), max_size=4), st.integers(0, 1)),
        docker=st.sampled_from((True, True, True, False)),
        foreign=st.frozensets(st.sampled_from((FOREIGN, OTHERS)), max_size=2),
    )


def declarations(name: str) -> st.SearchStrategy[Declaration]:
    pool = POOLS[name]
    own = IPv4Address(int(pool.cidr.network_address) + 223)
    own6 = POOLS6[name].cidr[223]
    other_gateway = replace(pool, gateway=None)
    both = (pool, POOLS6[name])
    return st.builds(
        replace,
        st.just(replace(PUB, name=name)),
        parent=st.sampled_from(("eth0", "eth1", "eth1", "auto", ETH0.mac, "missing")),
        vlan=st.sampled_from((None, None, 50, 50, 60)),
        subnets=st.sampled_from(((pool,), (other_gateway,), both, both, (POOLS6[name],))),
        shim=st.sampled_from(
            (None, ShimDeclaration(), *(ShimDeclaration(addresses=frozenset(one)) for one in ({own}, {own, own6})))
        ),
        promiscuous=st.booleans(),
    )


def configured(found: tuple[Declaration | None, ...], frozen: frozenset[str]) -> Config:
    return declared(*(one for one in found if one and one.name not in frozen), frozen=frozen)


def links(link: Link) -> st.SearchStrategy[Link | None]:
    """The link as it is, gone, replugged, with another address, another MTU, promiscuous, down."""
    link = replace(link, addresses=link.addresses | {ip_interface(f"{POOLS6[ON[link.name]].cidr[50]}/64")})
    moved = frozenset(ip_interface((one.ip + 1, one.network.prefixlen)) for one in link.addresses)
    return st.sampled_from(
        (
            link,
            link,
            None,
            replace(link, index=link.index + 10),
            replace(link, addresses=moved),
            replace(link, addresses=frozenset()),
            replace(link, addresses=link.addresses | moved, mtu=1400),
            replace(link, mtu=1200),
            replace(link, tentative=frozenset(one.ip for one in link.addresses if one.version == 6)),
            replace(link, promiscuous=True, carrier=False),
            replace(link, up=False),
        )
    )


def running(numbers: frozenset[int], start: int = 0) -> frozenset[Attachment]:
    """Containers by number, 0 a stopped one; their MACs are others at another *start*."""
    return frozenset(one for number in numbers for one in _containers(number, start))


def _containers(number: int, start: int) -> Iterator[Attachment]:
    for name in NAMES:
        address = IPv4Address(int(POOLS[name].cidr.network_address) + 192 + number)
        yield Attachment(
            network=name,
            network_id="",
            container=f"c{number}",
            mac=f"02:42:00:00:{start:02x}:{number:02x}",
            addresses=frozenset({address, POOLS6[name].cidr[192 + number]}) if number else frozenset(),
        )


def stage(world: World, scene: Scene) -> None:
    """Set *scene*: links, containers, Docker and what is foreign change under our hands."""
    world.rearrange(scene.links, "eth0" if any(link.name == "eth0" for link in scene.links) else None)
    ours = frozenset(network for network in world.host.networks if network.spec)
    taken = {network.name for network in ours}
    others = frozenset(network for network in scene.foreign if network.name not in taken)
    world.host = replace(world.host, engine=DOCKER if scene.docker else None, networks=ours | others)
    world.run(scene.containers)


def settled(world: World, scene: Scene) -> Pass:
    """Converge; then containers start on what is there now, the LAN answers, and converge again."""
    stage(world, scene)
    settle_once(world, scene)
    world.run(scene.containers)
    ended = settle_once(world, scene)
    assert (ended.left, ended.failures) == ((), ())
    world.answer()
    return settle_once(world, scene)


def settle_once(world: World, scene: Scene) -> Pass:
    return converge(lambda seen: goal(scene.config, seen), world.kernel, world.engine, lambda *_: True)


@pytest.mark.soak
@examples(check=100, soak=10_000)
@given(scenes(), scenes())
def test_from_any_host_to_any_other_the_plan_ends_empty(first: Scene, second: Scene) -> None:
    world = World(Host())
    for scene in (first, second, first):
        ended = settled(world, scene)
        assert (ended.left, ended.failures) == ((), ())
        assert settle_once(world, scene).done == ()


@pytest.mark.soak
@few
@given(scenes(), scenes())
def test_what_is_foreign_is_never_touched(first: Scene, second: Scene) -> None:
    world = World(Host())
    for scene in (first, second):
        stage(world, scene)
        foreign = {network for network in world.host.networks if not network.spec}
        links_before = strange(world)
        settle_once(world, scene)
        assert {network for network in world.host.networks if not network.spec} == foreign
        assert strange(world) == links_before


def strange(world: World) -> frozenset[Link]:
    """The links that macvland did not make."""
    ours = {vlan.name for vlan in world.host.vlans}
    return frozenset(link for link in world.host.links if link.name not in ours)


@pytest.mark.soak
@few
@given(scenes(), scenes())
def test_a_network_in_use_never_goes_and_a_broken_file_removes_nothing(first: Scene, second: Scene) -> None:
    world = World(Host())
    settled(world, first)
    stage(world, second)
    used = {one.network_id for one in world.host.attachments}
    frozen = second.config.frozen
    ours: list[Network | Shim] = [*world.host.networks, *world.host.shims]
    kept = {thing for thing in ours if thing.network in frozen}
    in_use = {network.name for network in world.host.networks if network.id in used}
    settle_once(world, second)
    assert kept <= {*world.host.networks, *world.host.shims}
    assert in_use <= {network.name for network in world.host.networks}  # one may be replaced, its containers with it


@pytest.mark.soak
@few
@given(scenes(), scenes())
def test_while_docker_is_absent_every_route_stays(first: Scene, second: Scene) -> None:
    world = World(Host())
    settled(world, replace(first, docker=True))
    before = world.host
    absent = replace(first, docker=False, foreign=second.foreign)
    stage(world, absent)
    settle_once(world, absent)
    assert (world.host.routes, world.host.neighbours, world.host.shims) == (
        before.routes,
        before.neighbours,
        before.shims,
    )


@pytest.mark.soak
@few
@given(scenes())
def test_a_host_that_is_as_wanted_needs_no_plan(scene: Scene) -> None:
    world = World(Host())
    settled(world, scene)
    assert plan(world.host, world.host) == ()


@pytest.mark.soak
@few
@given(scenes(), scenes())
def test_a_plan_never_does_anything_twice(first: Scene, second: Scene) -> None:
    world = World(Host())
    settled(world, first)
    stage(world, second)
    actions = plan(goal(second.config, world.host).host, world.host)
    assert len(set(actions)) == len(actions)


def test_the_samples_exercise_every_part() -> None:
    """A property over hosts without routes, promiscuous parents or VLAN links would prove nothing of them."""
    containers = running(frozenset({1, 2}))
    config = declared(replace(PUB, promiscuous=True, subnets=(LAN, POOLS6["pub_net"])), replace(OTHER, vlan=50))
    eth0 = replace(ETH0, addresses=ETH0.addresses | {ip_interface(f"{POOLS6['pub_net'].cidr[50]}/64")})
    scene = Scene(config, frozenset({eth0, ETH1}), containers, docker=True, foreign=frozenset({OTHERS}))
    world = World(Host())
    ended = settled(world, scene)
    assert len(ended.seen.routes) == 4
    assert len(ended.seen.neighbours) == 4
    assert [str(one) for one in ended.seen.proxies] == ["proxy for fd00::32 on shim 'mv-pub_net', for 2 containers"]
    assert [str(one) for one in ended.seen.promiscuous] == ["promiscuous mode of 'eth0'"]
    assert [(str(one), one.id) for one in ended.seen.vlans] == [("VLAN link 'eth1.50' on 'eth1'", 50)]
    assert {network.name for network in ended.seen.networks} == {"pub_net", "lab", "others"}
