"""The host's own IPv6 addresses on the LAN: containers reach them over the shim, which answers for them."""

from collections.abc import Iterable, Iterator

from macvland.model import Address, Link, Prefix, Proxy, Shim
from macvland.wanted.facts import containing, hosts


def answered(link: Link, cidrs: Iterable[Prefix]) -> frozenset[Address]:
    """Return the IPv6 addresses that the parent *link* is certain of in *cidrs*: no container sees the NIC itself."""
    subnets = [cidr for cidr in cidrs if cidr.version == 6]
    return frozenset(host for host in hosts(link.addresses) - link.tentative if containing(host, subnets))


def proxies(
    addresses: frozenset[Address], shim: Shim, pairs: Iterable[tuple[str, Address]], cidrs: Iterable[Prefix]
) -> Iterator[Proxy]:
    """Yield for each of *addresses* that *shim* answers for it, to the containers of *pairs* in the IPv6 *cidrs*."""
    subnets = [cidr for cidr in cidrs if cidr.version == 6]
    macs = frozenset(mac for mac, address in pairs if containing(address, subnets))
    for address in addresses if macs else ():
        yield Proxy(shim=shim.name, address=address, macs=macs, network=shim.network)
