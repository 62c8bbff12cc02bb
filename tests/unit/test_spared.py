"""Which addresses a new network keeps from Docker besides those its file reserves."""

from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

from macvland.config import Declaration
from macvland.model import Address, Host, Network, Subnet
from tests.unit.samples import ETH0, HOST, LAN, container, declaration, declared, goal

SECOND = Subnet(cidr=LAN.cidr, range=ip_network("192.168.1.64/27"))
FIRST, LATER = declaration("alpha", LAN, "eth0", "192.168.1.210"), declaration("beta", SECOND, "eth0", "192.168.1.211")


def spared(seen: Host, *declarations: Declaration) -> dict[str, frozenset[Address]]:
    """Return, by network, the addresses besides the file's that it is to be made with."""
    return {network.name: network.spared for network in goal(declared(*declarations), seen).host.networks}


def test_the_hosts_and_the_shims_own_addresses_are_kept_from_docker() -> None:
    assert spared(HOST, FIRST) == {"alpha": {ip_address("192.168.1.50"), ip_address("192.168.1.210")}}


def test_of_two_networks_of_one_subnet_the_first_keeps_the_hosts_address_and_each_its_shims() -> None:
    assert spared(HOST, FIRST, LATER) == {
        "alpha": {ip_address("192.168.1.50"), ip_address("192.168.1.210")},
        "beta": {ip_address("192.168.1.211")},
    }


def test_what_a_network_of_docker_has_of_the_same_subnet_is_not_kept_twice() -> None:
    there = Network(name="old", parent="eth1", subnets=frozenset({LAN}), spared=frozenset({ip_address("192.168.1.50")}))
    made = spared(replace(HOST, networks=frozenset({there})), LATER)
    assert made == {"beta": {ip_address("192.168.1.211")}}


def test_a_host_that_is_the_gateway_itself_is_not_kept_twice() -> None:
    router = replace(ETH0, addresses=frozenset({ip_interface("192.168.1.1/24")}))
    assert spared(replace(HOST, links=frozenset({router})), FIRST) == {"alpha": {ip_address("192.168.1.210")}}


def test_what_a_container_has_for_good_is_not_kept_from_it() -> None:
    """Else Docker would refuse it on the network that is to take the place of the old one."""
    at = ip_address("192.168.1.210")
    web = replace(container("web", str(at), "alpha"), fixed=frozenset({at}))
    there = Network(name="alpha", parent="eth0", subnets=frozenset({SECOND}), spec="1:old", id=web.network_id)
    assert spared(replace(HOST, networks=frozenset({there}), attachments=frozenset({web})), FIRST) == {
        "alpha": {ip_address("192.168.1.50")}
    }
