"""Which addresses of a subnet a container could have: the arithmetic of Docker's IPAM."""

from collections.abc import Iterable

from macvland.config.value import RefusalError
from macvland.model import Address, Prefix, Subnet


def unusable(cidr: Prefix) -> frozenset[Address]:
    """Return the addresses that Docker's IPAM never gives to anybody.

    For IPv4 the network and the broadcast address of anything larger than a /31, for IPv6 the first address, the
    anycast of the subnet's routers (moby daemon/libnetwork/ipams/defaultipam, newPoolData).
    """
    if cidr.version == 6:
        return frozenset({cidr.network_address})
    return frozenset({cidr.network_address, cidr.broadcast_address}) if cidr.prefixlen < 31 else frozenset()


def within(inner: Prefix, outer: Prefix) -> bool:
    """Tell whether all of *inner* is in *outer*."""
    return inner.network_address in outer and inner.broadcast_address in outer


def left(subnet: Subnet, spared: Iterable[Address]) -> int:
    """Return how many addresses Docker can hand out from *subnet* when *spared* are kept from it as well."""
    pool = subnet.range or subnet.cidr
    taken = {*unusable(subnet.cidr), *subnet.reserved, *spared, subnet.gateway}
    return pool.num_addresses - sum(1 for each in taken if each is not None and each in pool)


def refuse_outside(address: Address, cidr: Prefix | None) -> None:
    """Refuse an *address* that is not in *cidr*. Where the subnet is wrong there is nothing to hold it against."""
    if cidr is not None and address not in cidr:
        raise RefusalError(f"{address} is not in {cidr}", f"write an address in {cidr}")


def refuse_unusable(address: Address, cidr: Prefix | None) -> None:
    """Refuse an *address* that no host can have in *cidr*."""
    if cidr is not None and address in unusable(cidr):
        which = "broadcast" if address != cidr.network_address else "network" if cidr.version == 4 else "anycast"
        raise RefusalError(f"{address} is the {which} address of {cidr}", f"write another address in {cidr}")
