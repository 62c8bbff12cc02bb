"""Docker's edge against a real Docker: what is created is observed, what is foreign stays."""

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from macvland.action import Add, Delete
from macvland.engine import Docker, translate
from macvland.model import Attachment, Host, Mode, Network
from tests.conditions import outcomes, said
from tests.docker.proxy import Proxy, change
from tests.docker.samples import LAN, PLAIN, subnet
from tests.lab import Host as LabHost

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

ABLE = {
    "one subnet": PLAIN,
    "a range and reserved addresses": replace(
        PLAIN,
        subnets=frozenset({subnet("10.9.0.0/16", "10.9.0.1", "10.9.4.0/24", ("10.9.4.7", "10.9.4.8", "10.9.200.1"))}),
    ),
    "spared addresses": replace(PLAIN, spared=frozenset({ip_address("192.168.1.50"), ip_address("192.168.1.223")})),
    "two IPv4 subnets": replace(PLAIN, subnets=frozenset({LAN, subnet("10.9.0.0/24", "10.9.0.1")})),
    "IPv4 and IPv6": replace(
        PLAIN,
        subnets=frozenset({LAN, subnet("fd00:9::/64", "fd00:9::1", "fd00:9::ff00/120", ("fd00:9::ff05",))}),
        spared=frozenset({ip_address("fd00:9::50")}),
    ),
    "labels": replace(PLAIN, labels=frozenset({("team", "press"), ("empty", "")})),
    "internal without a gateway": replace(PLAIN, internal=True, subnets=frozenset({subnet("10.9.0.0/24")})),
    "vepa": replace(PLAIN, mode=Mode.VEPA),
    "private": replace(PLAIN, mode=Mode.PRIVATE),
    "passthru": replace(PLAIN, mode=Mode.PASSTHRU, parent="nic0"),
}


@pytest.fixture
def engine(shared_docker_host: LabHost, client: Any, parents: tuple[str, ...]) -> Docker:
    assert client
    assert parents
    return Docker(str(shared_docker_host.docker_socket))


def nameless(networks: frozenset[Network]) -> frozenset[Network]:
    """Return *networks* without Docker's ids, which nobody can want beforehand."""
    return frozenset(replace(network, id="") for network in networks)


def created(engine: Docker, network: Network) -> Network:
    """Create *network* and return it as Docker has it."""
    assert engine.apply([Add(network)]) == ()
    (seen,) = (found for found in engine.observe(Host()).networks if found.name == network.name)
    return seen


@pytest.mark.parametrize("network", ABLE.values(), ids=ABLE)
def test_what_is_created_is_what_is_observed(engine: Docker, network: Network) -> None:
    assert engine.apply([Add(network)]) == ()
    assert nameless(engine.observe(Host()).networks) == {network}


def test_an_observation_names_the_engine_that_answered(engine: Docker, client: Any) -> None:
    version = client.version()
    seen = engine.observe(Host(absent=said("long ago"))).engine
    assert seen
    assert (seen.version, "{}.{}".format(*seen.api)) == (version["Version"], version["ApiVersion"])
    assert not engine.observe(Host(absent=said("long ago"))).absence


def test_a_second_look_reads_no_address_anew(engine: Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    created(engine, PLAIN)
    first = engine.observe(Host())
    monkeypatch.setattr(translate, "ip_address", refuse)
    monkeypatch.setattr(translate, "ip_network", refuse)
    assert engine.observe(Host()) == first


def refuse(*arguments: Any, **_: Any) -> None:
    """Stand for a function that must not be called."""
    raise AssertionError(arguments)


def test_a_gateway_that_is_the_host_itself_is_reserved_once(engine: Docker) -> None:
    spared = frozenset({ip_address("192.168.1.1")})
    assert nameless(frozenset({created(engine, replace(PLAIN, spared=spared))})) == {PLAIN}


def test_a_network_of_ours_is_deleted(engine: Docker) -> None:
    seen = created(engine, PLAIN)
    assert engine.apply([Delete(seen)]) == ()
    assert engine.observe(Host()).networks == frozenset()


def test_a_network_that_is_gone_already_counts_as_deleted(engine: Docker) -> None:
    seen = created(engine, PLAIN)
    assert engine.apply([Delete(seen), Delete(seen)]) == ()


def test_a_foreign_network_is_observed_without_a_spec(engine: Docker, client: Any) -> None:
    ipam = {
        "Config": [{"Subnet": "192.168.1.0/24", "Gateway": "192.168.1.1", "AuxiliaryAddresses": {"nas": "192.168.1.9"}}]
    }
    labels = {"io.macvland.spec": "1:borrowed", "by": "hand"}
    made = client.create_network("hand", "macvlan", {"parent": "eth0"}, ipam, labels=labels)
    assert engine.observe(Host()).networks == {
        Network(
            name="hand",
            parent="eth0",
            subnets=frozenset({subnet("192.168.1.0/24", "192.168.1.1", reserved=("192.168.1.9",))}),
            labels=frozenset({("by", "hand")}),
            id=made["Id"],
        )
    }


def test_a_foreign_network_is_never_deleted(engine: Docker, client: Any) -> None:
    made = client.create_network("hand", "macvlan", {"parent": "eth0"}, {"Config": [{"Subnet": "192.168.1.0/24"}]})
    believed = replace(PLAIN, name="hand", id=made["Id"])
    assert outcomes(*engine.apply([Delete(believed)])) == (
        (Delete(believed), "it does not carry macvland's label: never deleted", False),
    )
    assert [network.name for network in engine.observe(Host()).networks] == ["hand"]


def test_a_network_without_an_id_is_not_deleted_by_its_name(engine: Docker) -> None:
    created(engine, PLAIN)
    (failure,) = engine.apply([Delete(PLAIN)])
    assert not failure.passing
    assert nameless(engine.observe(Host()).networks) == {PLAIN}


def test_networks_of_other_drivers_are_not_observed(engine: Docker, client: Any) -> None:
    made = client.create_network("other", "bridge", internal=True)
    try:
        assert engine.observe(Host()).networks == frozenset()
    finally:
        client.remove_network(made["Id"])


@pytest.mark.fault("B31")
def test_b31_two_networks_of_one_name_are_both_observed(engine: Docker, proxy: Proxy) -> None:
    one, two = (
        replace(PLAIN, name="twin1"),
        replace(PLAIN, name="twin2", parent="nic0", subnets=frozenset({subnet("10.9.0.0/24", "10.9.0.1")})),
    )
    assert engine.apply([Add(one), Add(two)]) == ()
    proxy.faults["GET /networks"] = change(lambda answer: answer.replace(b'"twin2"', b'"twin1"'))
    seen = Docker(str(proxy)).observe(Host()).networks
    assert nameless(seen) == {one, replace(two, name="twin1")}
    assert len({network.id for network in seen}) == 2


# Attachments


def test_a_running_container_is_attached_with_its_addresses(engine: Docker, shared_docker_host: LabHost) -> None:
    network = created(engine, ABLE["IPv4 and IPv6"])
    container = shared_docker_host.container("runs", "plain", "192.168.1.51")
    assert engine.observe(Host()).attachments == {
        Attachment(
            network="plain",
            network_id=network.id,
            container="runs",
            mac=container.mac(),
            addresses=frozenset({ip_address("192.168.1.51"), ip_address("fd00:9::ff00")}),
            fixed=frozenset({ip_address("192.168.1.51")}),
        )
    }


def test_a_paused_container_keeps_its_addresses(engine: Docker, shared_docker_host: LabHost) -> None:
    created(engine, PLAIN)
    shared_docker_host.container("pauses", "plain", "192.168.1.51")
    before = engine.observe(Host()).attachments
    shared_docker_host.docker("pause", "pauses")
    assert engine.observe(Host()).attachments == before
    assert {address for attachment in before for address in attachment.addresses} == {ip_address("192.168.1.51")}


@pytest.mark.parametrize("way", ["stopped", "killed", "never started"])
def test_a_container_that_does_not_run_is_attached_without_addresses(
    engine: Docker, shared_docker_host: LabHost, way: str
) -> None:
    network = created(engine, PLAIN)
    if way == "never started":
        shared_docker_host.docker(
            "create", "--name", "sleeps", "--network", "plain", "--ip", "192.168.1.51", "lab", "true"
        )
    else:
        shared_docker_host.container("sleeps", "plain", "192.168.1.51")
        shared_docker_host.docker({"stopped": "stop", "killed": "kill"}[way], "sleeps")
    (seen,) = engine.observe(Host()).attachments
    fixed = frozenset({ip_address("192.168.1.51")})
    assert replace(seen, mac="") == Attachment(network="plain", network_id=network.id, container="sleeps", fixed=fixed)


def test_a_container_on_two_networks_has_two_attachments(engine: Docker, shared_docker_host: LabHost) -> None:
    created(engine, PLAIN)
    created(
        engine, replace(PLAIN, name="second", parent="nic0", subnets=frozenset({subnet("10.9.0.0/24", "10.9.0.1")}))
    )
    shared_docker_host.container("both", "plain", "192.168.1.51")
    shared_docker_host.docker("network", "connect", "--ip", "10.9.0.51", "second", "both")
    assert {(seen.network, *map(str, seen.addresses)) for seen in engine.observe(Host()).attachments} == {
        ("plain", "192.168.1.51"),
        ("second", "10.9.0.51"),
    }


@pytest.mark.fault("B33")
def test_b33_a_network_in_use_is_not_deleted_and_its_users_are_named(
    engine: Docker, shared_docker_host: LabHost
) -> None:
    network = created(engine, PLAIN)
    shared_docker_host.container("web", "plain")
    assert outcomes(*engine.apply([Delete(network)])) == ((Delete(network), "it is in use by 'web'", True),)


# B22: what Docker refuses, in words


def test_a_second_network_of_a_name_is_refused(engine: Docker) -> None:
    created(engine, PLAIN)
    again = Add(replace(PLAIN, parent="nic0", subnets=frozenset({subnet("10.9.0.0/24", "10.9.0.1")})))
    assert outcomes(*engine.apply([again])) == ((again, "Docker has a network named 'plain' already", True),)


def test_an_overlap_says_what_is_possible(engine: Docker) -> None:
    created(engine, PLAIN)
    (failure,) = engine.apply([Add(replace(PLAIN, name="over", parent="nic0"))])
    assert failure.reason.startswith("a subnet overlaps that of another Docker network")
    assert "range of its own" in failure.reason
    assert failure.passing


def test_a_missing_parent_is_waited_for(engine: Docker) -> None:
    lost = Add(replace(PLAIN, parent="eth9"))
    assert outcomes(*engine.apply([lost])) == ((lost, "parent 'eth9' does not exist in Docker's eyes", True),)


def test_a_loopback_parent_is_refused_for_good(engine: Docker) -> None:
    (failure,) = engine.apply([Add(replace(PLAIN, parent="lo"))])
    assert not failure.passing


def test_an_older_docker_tells_which_network_has_the_parent(engine: Docker) -> None:
    created(engine, PLAIN)
    second = Add(replace(PLAIN, name="second", subnets=frozenset({subnet("10.9.0.0/24", "10.9.0.1")})))
    about = engine.observe(Host()).engine
    assert about
    failures = engine.apply([second])
    if about.api >= (1, 46):  # Docker 27
        assert failures == ()
        return
    words = f"Docker {about.version} allows one macvlan network per parent (27 allows several); network 'plain' has it"
    assert outcomes(*failures) == ((second, words, True),)


def test_a_failure_does_not_keep_the_next_action_from_being_done(engine: Docker) -> None:
    failures = engine.apply([Add(replace(PLAIN, name="lost", parent="eth9")), Add(PLAIN)])
    assert [failure.action.network for failure in failures] == ["lost"]
    assert nameless(engine.observe(Host()).networks) == {PLAIN}
