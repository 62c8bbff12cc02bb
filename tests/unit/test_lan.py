"""What the LAN is asked for the sake of a network, and what its answers mean."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from macvland.action import Disconnect
from macvland.condition import State
from macvland.condition.lan import PROXY_ARP
from macvland.condition.wording import MOST_DEVICES
from macvland.config import Declaration
from macvland.config.declare import parse
from macvland.model import (
    About,
    Address,
    Attachment,
    Device,
    Finding,
    Heard,
    Host,
    OnConflict,
    Question,
    ShimAddress,
    Subnet,
    shim_name,
)
from macvland.plan import plan
from macvland.reconcile import converge
from tests.unit.samples import ETH0, HOST, LAN, container, declaration, declared, goal
from tests.unit.world import World

OWN, WEB, GATEWAY = ip_address("192.168.1.223"), ip_address("192.168.1.193"), ip_address("192.168.1.1")
STRANGER = Device(mac="00:11:32:aa:bb:cc", vendor="Synology")
SHIM = shim_name("pub_net")
MAC = container("web", str(WEB)).mac
PUB = declaration("pub_net", LAN, "eth0", str(OWN))


def found(address: Address, about: About, *devices: Device, of: str = "") -> Finding:
    question = Question(parent="eth0", address=address, about=about, of=of)
    return Finding(question=question, devices=frozenset(devices))


def hearing(host: Host, *findings: Finding) -> Host:
    return replace(host, heard=Heard(findings=frozenset(findings)))


def settled(sample: Declaration, *users: Attachment) -> Host:
    """Return a host on which *sample* is in place."""
    world = World(HOST)
    for _ in range(3):
        converge(lambda seen: goal(declared(sample), seen), world.kernel, world.engine, lambda *_: True)
        world.run(frozenset(users))
    return world.host


def reasons(sample: Declaration, seen: Host, state: State | None) -> list[str]:
    return sorted(it.text for it in goal(declared(sample), seen).obstacles if it.state is state)


def addresses(sample: Declaration, seen: Host) -> set[Address]:
    return {it.address for it in goal(declared(sample), seen).host.addresses}


def test_an_address_is_asked_for_before_the_shim_gets_it() -> None:
    seen = hearing(HOST)
    asked = {(it.address, it.about) for it in goal(declared(PUB), seen).questions}
    assert asked == {(OWN, About.SHIM), (GATEWAY, About.GATEWAY), (ip_address("192.168.1.50"), About.SHIM)}
    assert addresses(PUB, seen) == set()
    assert reasons(PUB, seen, State.CHECKING) == [f"asks the LAN whether {OWN}, its shim's address, is free"]


def test_the_hosts_own_addresses_are_asked_for_of_both_families_once_they_are_certain() -> None:
    mine, unsure = ip_address("2001:db8::50"), ip_address("2001:db8::51")
    link = replace(
        ETH0,
        addresses=ETH0.addresses | {ip_interface(f"{it}/64") for it in (mine, unsure)},
        tentative=frozenset({unsure}),
    )
    dual = replace(PUB, subnets=(LAN, Subnet(cidr=ip_network("2001:db8::/64"), gateway=ip_address("2001:db8::1"))))
    asked = goal(declared(dual), hearing(replace(HOST, links=frozenset({link})))).questions
    assert {it.address for it in asked if it.about is About.SHIM} == {OWN, ip_address("192.168.1.50"), mine}


def test_one_that_nobody_has_is_taken() -> None:
    assert addresses(PUB, hearing(HOST, found(OWN, About.SHIM))) == {OWN}


def test_one_that_a_device_has_is_not_and_the_device_is_named() -> None:
    seen = hearing(HOST, found(OWN, About.SHIM, STRANGER))
    assert addresses(PUB, seen) == set()
    assert reasons(PUB, seen, State.FAILED) == [
        (
            f"another device on the LAN has {OWN}, its shim's address: 00:11:32:aa:bb:cc (Synology): "
            "change that device, or write another [shim] address"
        )
    ]


def test_meanwhile_containers_meet_the_host_at_the_address_of_the_parent() -> None:
    host = settled(PUB, container("web", str(WEB)))
    bare = replace(host, addresses=frozenset(), routes=frozenset())
    routes = goal(declared(PUB), hearing(bare, found(OWN, About.SHIM, STRANGER))).host.routes
    assert {route.source for route in routes} == {ip_address("192.168.1.50")}


def test_one_that_is_there_stays_whatever_the_lan_says() -> None:
    host = settled(PUB)
    seen = hearing(host, found(OWN, About.SHIM, STRANGER))
    assert addresses(PUB, seen) == {OWN}
    assert reasons(PUB, seen, State.FAILED) == []
    assert reasons(PUB, seen, None) == [f"{STRANGER} on the LAN of 'eth0' has {OWN}, the host's address, as well"]


def test_without_a_carrier_the_question_is_put_off() -> None:
    unplugged = replace(HOST, links=frozenset({replace(ETH0, carrier=False)}))
    waiting = reasons(PUB, hearing(unplugged), State.WAITING)
    assert f"asks the LAN whether {OWN}, its shim's address, is free once 'eth0' has a carrier" in waiting
    assert addresses(PUB, hearing(unplugged)) == set()


@pytest.mark.parametrize(
    ("sample", "seen"),
    [(replace(PUB, probe=False), hearing(HOST)), (PUB, HOST)],
    ids=["the file forbids it", "nobody can"],
)
def test_nobody_is_asked_where(sample: Declaration, seen: Host) -> None:
    assert goal(declared(sample), seen).questions == frozenset()
    assert addresses(sample, seen) == {OWN}


def test_a_containers_address_is_asked_for_with_its_mac() -> None:
    web = container("web", str(WEB))
    (question,) = (it for it in goal(declared(PUB), hearing(settled(PUB, web))).questions if it.of)
    assert (question.address, question.about, question.of) == (WEB, About.CONTAINER, web.mac)
    assert len(question.controls) == 2


def test_a_conflict_of_a_container_is_a_warning() -> None:
    seen = hearing(settled(PUB, container("web", str(WEB))), found(WEB, About.CONTAINER, STRANGER, of=MAC))
    told = f"{STRANGER} on the LAN of 'eth0' has {WEB}, the address of container 'web', as well"
    assert reasons(PUB, seen, None) == [told]
    assert plan(goal(declared(PUB), seen).host, seen) == ()


def test_and_an_end_of_its_connection_where_the_file_says_so() -> None:
    web, other = container("web", str(WEB)), container("other", "192.168.1.194", mac="02:42:c0:a8:01:c2")
    seen = hearing(settled(PUB, web, other), found(WEB, About.CONTAINER, STRANGER, of=MAC))
    asked = goal(declared(replace(PUB, on_conflict=OnConflict.DISCONNECT)), seen).host
    (action,) = plan(asked, seen)
    assert isinstance(action, Disconnect)
    assert (action.thing, action.condition.code) == (web, "MV501")
    assert str(action.condition) == f"{STRANGER} on the LAN of 'eth0' has {WEB}, its address, as well"


def test_a_conflict_of_a_container_is_not_one_of_the_next_that_gets_its_address() -> None:
    sample = replace(PUB, on_conflict=OnConflict.DISCONNECT)
    seen = hearing(settled(sample, container("web", str(WEB), mac="02:42:c0:a8:01:99")))
    late = replace(seen, heard=Heard(findings=frozenset({found(WEB, About.CONTAINER, STRANGER, of=MAC)})))
    assert plan(goal(declared(sample), late).host, late) == ()
    assert reasons(sample, late, None) == []


def test_a_gateway_that_is_silent_is_a_warning_and_one_that_answers_is_none() -> None:
    silent = hearing(settled(PUB), found(GATEWAY, About.GATEWAY))
    assert reasons(PUB, silent, None) == ["its gateway 192.168.1.1 does not answer on the LAN of 'eth0'"]
    assert reasons(PUB, hearing(settled(PUB), found(GATEWAY, About.GATEWAY, STRANGER)), None) == []


def test_who_answers_for_everything_is_told_once_a_parent() -> None:
    other = replace(PUB, name="zoo")
    heard = Heard(proxies=frozenset({("eth0", STRANGER)}))
    told = [it for it in goal(declared(PUB, other), replace(HOST, heard=heard)).obstacles if it.state is None]
    assert [(it.network, it.text) for it in told] == [
        ("pub_net", f"{STRANGER} answers for every address on the LAN of 'eth0' (proxy ARP): its answers do not count")
    ]


CROWD = [Device(mac=f"00:11:32:00:00:{number:02x}") for number in range(MOST_DEVICES)]


@pytest.mark.parametrize(
    ("count", "more"),
    [(2, ""), (4, ""), (5, " and 1 more"), (MOST_DEVICES, f" and {MOST_DEVICES - 4} more at least")],
)
def test_of_many_devices_with_one_address_a_few_are_named(count: int, more: str) -> None:
    who = (", " if more else " and ").join(map(str, CROWD[: min(count, 4)])) + more
    seen = hearing(settled(PUB), found(OWN, About.SHIM, *CROWD[:count]))
    told = f"{who} on the LAN of 'eth0' have {OWN}, the host's address, as well"
    assert reasons(PUB, seen, None) == [told]


def test_of_many_devices_that_answer_for_everything_one_sentence_tells() -> None:
    heard = Heard(proxies=frozenset(("eth0", device) for device in CROWD[:5]))
    told = [it for it in goal(declared(PUB), replace(HOST, heard=heard)).obstacles if it.kind is PROXY_ARP]
    who = "00:11:32:00:00:00, 00:11:32:00:00:01, 00:11:32:00:00:02, 00:11:32:00:00:03 and 1 more"
    assert [it.text for it in told] == [
        f"{who} answer for every address on the LAN of 'eth0' (proxy ARP): their answers do not count"
    ]


# D61


@pytest.mark.fault("D61")
def test_a_shims_address_that_is_the_gateways_is_refused() -> None:
    subnet = 'cidr = "10.0.0.0/24"\ngateway = "10.0.0.1"'
    text = f'[network]\nparent = "eth0"\n[[subnet]]\n{subnet}\n[shim]\naddress = "10.0.0.1"'
    sample, errors = parse(text.encode(), PUB.file)
    assert sample is None
    assert ["is the gateway" in str(error) for error in errors] == [True]


@pytest.mark.fault("D61")
def test_docker_reserves_it_as_the_network_is_made() -> None:
    (network,) = goal(declared(PUB), HOST).host.networks
    assert OWN in network.spared


@pytest.mark.fault("D61")
def test_where_the_network_was_made_before_it_is_told() -> None:
    host = settled(replace(PUB, shim=None))
    assert reasons(PUB, host, None) == [
        (
            f"Docker may give {OWN}, its shim's address, to a container: write one that is in no `range`, or reserve "
            "it: then the network is made anew as `replace` says"
        )
    ]
    assert addresses(PUB, host) == {OWN}


@pytest.mark.fault("D61")
def test_one_that_a_container_has_is_a_conflict_and_not_taken() -> None:
    host = settled(replace(PUB, shim=None), container("web", str(OWN)))
    assert reasons(PUB, host, State.CONFLICT) == [
        (
            f"container 'web' has {OWN}, its shim's address: "
            "write another [shim] address, or make that container anew with another one"
        )
    ]
    assert addresses(PUB, host) == set()


@pytest.mark.fault("D61")
def test_one_that_is_there_stays_when_a_container_gets_it() -> None:
    host = settled(PUB)
    users = frozenset({*host.attachments, container("web", str(OWN))})
    assert ShimAddress(shim=SHIM, address=OWN) in goal(declared(PUB), replace(host, attachments=users)).host.addresses


# avoid_used

TIDY = replace(PUB, avoid_used=True)
IN_USE = ip_address("192.168.1.200")


def swept(host: Host, *used: Address) -> Host:
    """Return *host* when the LAN was asked for the whole range."""
    asked = (it for it in goal(declared(TIDY), hearing(host)).questions if it.about is About.RANGE)
    answers = {it: frozenset({STRANGER} if it.address in used else ()) for it in asked}
    return hearing(host, *(Finding(question=it, devices=devices) for it, devices in answers.items()))


def test_the_range_is_asked_for_before_the_network_is_made() -> None:
    seen = hearing(HOST)
    asked = {it.address for it in goal(declared(TIDY), seen).questions if it.about is About.RANGE}
    assert asked == {it for it in ip_network("192.168.1.192/27") if it != OWN}
    assert goal(declared(TIDY), seen).host.networks == frozenset()
    assert "asks the LAN which addresses are in use, before Docker may hand them out" in reasons(
        TIDY, seen, State.CHECKING
    )


def test_an_address_of_the_range_that_is_another_networks_shims_to_be_is_asked_for_as_that() -> None:
    asked = swept(HOST)
    assert asked.heard
    others = {it for it in asked.heard.findings if it.question.address != IN_USE}
    seen = hearing(HOST, *others, found(IN_USE, About.SHIM, STRANGER))
    (network,) = goal(declared(TIDY), seen).host.networks
    assert IN_USE in network.spared


def test_what_is_in_use_is_reserved_as_it_is_made() -> None:
    (network,) = goal(declared(TIDY), swept(HOST, IN_USE)).host.networks
    assert network.spared == {OWN, IN_USE, ip_address("192.168.1.50")}
    assert reasons(TIDY, swept(HOST, IN_USE), None) == []


def test_and_not_told_any_more() -> None:
    host = settled(TIDY)
    reserved = frozenset(replace(it, spared=it.spared | {IN_USE}) for it in host.networks)
    assert reasons(TIDY, swept(replace(host, networks=reserved), IN_USE), None) == []


def test_what_is_found_later_is_told() -> None:
    told = "the LAN has in use what Docker may give to a container: 192.168.1.200 (00:11:32:aa:bb:cc (Synology)); "
    assert reasons(TIDY, swept(settled(TIDY), IN_USE), None) == [f"{told}write it into `reserved`"]


def test_what_was_asked_for_a_network_that_was_made_says_nothing_of_the_next_one() -> None:
    host = settled(TIDY)
    before = swept(host)
    gone = replace(before, networks=frozenset())
    other = replace(TIDY, subnets=(replace(LAN, reserved=frozenset({IN_USE})),))
    for sample, seen in ((TIDY, gone), (other, before)):
        assert "asks the LAN which addresses are in use, before Docker may hand them out" in reasons(
            sample, seen, State.CHECKING
        )
    assert goal(declared(other), before).host.networks == before.networks, "the old one stays meanwhile"


def test_while_docker_does_not_answer_no_range_is_asked_for_anew() -> None:
    silent = replace(swept(settled(TIDY)), engine=None, networks=frozenset(), attachments=frozenset())
    assert not [it for it in goal(declared(TIDY), silent).questions if it.about is About.RANGE]


def test_an_address_that_was_free_for_docker_is_asked_for_before_the_shim_gets_it() -> None:
    host = swept(settled(replace(declaration(), avoid_used=True)))
    assert OWN not in addresses(TIDY, host)
    assert reasons(TIDY, host, State.CHECKING) == [f"asks the LAN whether {OWN}, its shim's address, is free"]


def test_a_network_that_is_there_waits_for_nothing() -> None:
    host = settled(TIDY)
    assert plan(goal(declared(TIDY), hearing(host, found(OWN, About.SHIM))).host, hearing(host)) == ()


def test_a_range_that_nobody_would_ask_for_is_refused() -> None:
    text = '[network]\nparent = "eth0"\navoid_used = true\n[[subnet]]\ncidr = "10.0.0.0/16"\ngateway = "10.0.0.1"\n{}'
    assert [str(error) for error in parse(text.format("").encode(), PUB.file)[1]] == [
        (
            "/etc/macvlan.d/pub_net.toml:3: network.avoid_used: there are 65536 addresses to ask for, "
            "1024 are possible; say with `range` which of them Docker may hand out"
        )
    ]
    assert parse(text.format('range = "10.0.4.0/22"\n').encode(), PUB.file)[1] == ()
