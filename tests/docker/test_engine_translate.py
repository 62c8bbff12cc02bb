"""Docker's JSON and the model: what no Docker at hand would say, but others do."""

from ipaddress import ip_address
from typing import Any

import pytest

from macvland.engine.translate import attachments_of, creation_of, networks_of
from macvland.model import Attachment, Engine, Mode, Network
from tests.docker.samples import PLAIN, subnet

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

BARE: dict[str, Any] = {"Name": "n", "Id": "1", "Driver": "macvlan", "Options": {"parent": "eth0"}}
SEEN = Network(name="n", parent="eth0", id="1")
MANAGED = {"io.macvland.managed": "true", "io.macvland.spec": "1:abc"}

NETWORKS: dict[str, tuple[dict[str, Any], Network]] = {
    "nothing said": ({}, SEEN),
    "nulls": ({"IPAM": None, "Labels": None}, SEEN),
    "no pools": ({"IPAM": {"Driver": "default", "Config": None}}, SEEN),
    "no parent": ({"Options": None}, Network(name="n", parent=None, internal=True, id="1")),
    "Docker's own dummy": (
        {"Options": {"parent": "dm-0123456789ab"}},
        Network(name="n", parent=None, internal=True, id="1"),
    ),
    "a mode of tomorrow": ({"Options": {"parent": "eth0", "macvlan_mode": "source"}}, SEEN),
    "a mode": (
        {"Options": {"parent": "eth0", "macvlan_mode": "vepa"}},
        Network(name="n", parent="eth0", id="1", mode=Mode.VEPA),
    ),
    "ours": ({"Labels": MANAGED}, Network(name="n", parent="eth0", id="1", spec="1:abc")),
    "a swarm's": ({"Labels": MANAGED, "Scope": "swarm"}, SEEN),
    "addresses that are none": (
        {"IPAM": {"Config": [{"Subnet": "x"}, None, {"Subnet": "10.0.0.0/8", "Gateway": "y", "IPRange": "z"}]}},
        Network(name="n", parent="eth0", id="1", subnets=frozenset({subnet("10.0.0.0/8")})),
    ),
    "host bits and an invented IPv6 gateway, as 20.10 says them": (
        {"IPAM": {"Config": [{"Subnet": "10.0.0.9/8"}, {"Subnet": "fd00::/64", "Gateway": "fd00::1/64"}]}},
        Network(
            name="n", parent="eth0", id="1", subnets=frozenset({subnet("10.0.0.0/8"), subnet("fd00::/64", "fd00::1")})
        ),
    ),
}


@pytest.mark.parametrize(("report", "network"), NETWORKS.values(), ids=NETWORKS)
def test_a_network_is_understood(report: dict[str, Any], network: Network) -> None:
    assert networks_of([BARE | report]) == {network}


def test_a_config_only_network_is_left_out() -> None:
    assert networks_of([BARE | {"ConfigOnly": True}]) == frozenset()


def container(networks: Any, **fields: Any) -> dict[str, Any]:
    return {"Id": "c" * 64, "Names": ["/web"], "State": "running", "NetworkSettings": {"Networks": networks}} | fields


LIVE = {"NetworkID": "1", "IPAddress": "10.0.0.9", "GlobalIPv6Address": "", "MacAddress": "02:42:0A:00:00:09"}
WEB = Attachment(network="n", network_id="1", container="web")
CONTAINERS: dict[str, tuple[dict[str, Any], set[Attachment]]] = {
    "live": (
        container({"n": LIVE}),
        {
            Attachment(
                network="n",
                network_id="1",
                container="web",
                mac="02:42:0a:00:00:09",
                addresses=frozenset({ip_address("10.0.0.9")}),
            )
        },
    ),
    "dead, with an address left over": (
        container({"n": LIVE}, State="exited"),
        {Attachment(network="n", network_id="1", container="web", mac="02:42:0a:00:00:09")},
    ),
    "linked to": (container({"n": {"NetworkID": "1"}}, Names=["/db/web", "/web"]), {WEB}),
    "never started": (container({"n": {"NetworkID": ""}}, State="created"), {WEB}),
    "never started, by the network's id": (container({"1": {"NetworkID": ""}}, State="created"), {WEB}),
    "stopped before its network was replaced": (
        container({"n": {"NetworkID": "old"}}, State="exited"),
        {Attachment(network="n", network_id="old", container="web")},
    ),
    "live on another driver's network of that name": (container({"n": {"NetworkID": "bridge"}}), set()),
    "without networks": (container(None), set()),
    "with a null for settings": (container({"n": None}), set()),
    "in network mode host": (container({"host": {"NetworkID": "host"}}), set()),
}


@pytest.mark.parametrize(("report", "attachments"), CONTAINERS.values(), ids=CONTAINERS)
def test_an_attachment_is_understood(report: dict[str, Any], attachments: set[Attachment]) -> None:
    assert attachments_of([report], frozenset({SEEN})) == attachments


def test_a_creation_lists_pools_and_addresses_in_a_fixed_order() -> None:
    network = Network(
        name="n",
        parent=None,
        internal=True,
        subnets=frozenset(
            {
                subnet("fd00::/64", "fd00::1"),
                subnet("10.0.0.0/24", pool="10.0.0.128/25"),
                subnet("9.0.0.0/24", "9.0.0.1", reserved=("9.0.0.10", "9.0.0.9")),
            }
        ),
        spared=frozenset({ip_address("9.0.0.7"), ip_address("9.0.0.9"), ip_address("1.1.1.1")}),
        labels=frozenset({("b", "2"), ("a", "1")}),
        spec="1:abc",
    )
    asked = creation_of(network, Engine(version="28", api=(1, 48)))
    assert asked == {
        "Name": "n",
        "Driver": "macvlan",
        "CheckDuplicate": True,
        "Internal": True,
        "EnableIPv6": True,
        "Options": {"macvlan_mode": "bridge"},
        "IPAM": {
            "Driver": "default",
            "Config": [
                {
                    "Subnet": "9.0.0.0/24",
                    "Gateway": "9.0.0.1",
                    "AuxiliaryAddresses": {
                        "macvland.reserved.9.0.0.9": "9.0.0.9",
                        "macvland.reserved.9.0.0.10": "9.0.0.10",
                        "macvland.spared.9.0.0.7": "9.0.0.7",
                    },
                },
                {"Subnet": "10.0.0.0/24", "IPRange": "10.0.0.128/25"},
                {"Subnet": "fd00::/64", "Gateway": "fd00::1"},
            ],
        },
        "Labels": {"a": "1", "b": "2", "io.macvland.managed": "true", "io.macvland.spec": "1:abc"},
    }
    pools = asked["IPAM"]["Config"]
    assert list(pools[0]["AuxiliaryAddresses"]) == [
        "macvland.reserved.9.0.0.9",
        "macvland.reserved.9.0.0.10",
        "macvland.spared.9.0.0.7",
    ]


def test_a_label_of_the_user_cannot_take_the_place_of_ours() -> None:
    network = PLAIN.__class__(
        name="n", parent="eth0", labels=frozenset({("io.macvland.spec", "1:forged")}), spec="1:abc"
    )
    assert creation_of(network, Engine(version="28", api=(1, 48)))["Labels"]["io.macvland.spec"] == "1:abc"
