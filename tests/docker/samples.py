"""Networks to make in the tests of Docker's edge."""

from ipaddress import ip_address, ip_network

from macvland.model import Network, Subnet

LAN = Subnet(cidr=ip_network("192.168.1.0/24"), gateway=ip_address("192.168.1.1"))
PLAIN = Network(name="plain", parent="eth0", subnets=frozenset({LAN}), spec="1:plain")


def subnet(cidr: str, gateway: str = "", pool: str = "", reserved: tuple[str, ...] = ()) -> Subnet:
    return Subnet(
        cidr=ip_network(cidr),
        gateway=ip_address(gateway) if gateway else None,
        range=ip_network(pool) if pool else None,
        reserved=frozenset(map(ip_address, reserved)),
    )
