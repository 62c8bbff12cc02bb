"""Small values that tests put together."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network
from pathlib import Path

from macvland.config import Config, Declaration, ShimDeclaration
from macvland.model import Attachment, Goal, Host, Link, Machine, Subnet
from macvland.wanted import wanted
from tests.unit.world import DOCKER

MACHINE = "0123456789abcdef0123456789abcdef"
HERE = Machine(hostname="node1", id=MACHINE)

ETH0 = Link(name="eth0", index=2, mac="02:00:00:00:00:50", addresses=frozenset({ip_interface("192.168.1.50/24")}))
ETH1 = Link(name="eth1", index=3, mac="02:00:00:00:01:50", addresses=frozenset({ip_interface("10.0.0.50/24")}))
HOST = Host(links=frozenset({ETH0, ETH1}), default_link="eth0", engine=DOCKER)

LAN = Subnet(cidr=ip_network("192.168.1.0/24"), gateway=ip_address("192.168.1.1"), range=ip_network("192.168.1.192/27"))
LAB = Subnet(cidr=ip_network("10.0.0.0/24"), gateway=ip_address("10.0.0.1"))


def declaration(name: str = "pub_net", subnet: Subnet = LAN, parent: str = "eth0", *addresses: str) -> Declaration:
    """A network with a shim."""
    return Declaration(
        name=name,
        file=Path(f"/etc/macvlan.d/{name}.toml"),
        parent=parent,
        subnets=(subnet,),
        shim=ShimDeclaration(addresses=frozenset(map(ip_address, addresses))),
    )


PUB = declaration()
OTHER = declaration("lab", LAB, "eth1")


def declared(*declarations: Declaration, frozen: frozenset[str] = frozenset()) -> Config:
    """The files of *declarations*, and broken ones of the networks *frozen*."""
    return Config(declarations=declarations, errors=(), frozen=frozen, directories=(), unreadable=False)


def goal(config: Config, seen: Host) -> Goal:
    """What *config* asks of *seen*."""
    return wanted(config, seen, MACHINE)


def container(name: str, address: str, network: str = "pub_net", mac: str = "02:42:c0:a8:01:c1") -> Attachment:
    """A container that runs."""
    at = frozenset({ip_address(address)})
    return Attachment(network=network, network_id=f"id-of-{network}", container=name, mac=mac, addresses=at)


def without_shim(sample: Declaration) -> Declaration:
    """The same network, its [shim] table gone."""
    return replace(sample, shim=None)
