"""The addresses of a shim's own: those its file gives and, for IPv6, one derived from what never changes.

An IPv4 subnet needs none: the shim borrows the parent's. In IPv6 a link answers for its own addresses only, so each
subnet gets one, which costs nothing where there are 2⁶⁴ of them. Refuses to look at what the LAN has: that is the
kernel's duplicate address detection.
"""

from collections.abc import Iterator, Mapping
from hashlib import sha256
from ipaddress import IPv6Address, IPv6Network

from macvland.condition import Condition
from macvland.condition.lan import HANDED_OUT
from macvland.condition.obstacle import ADDRESS_OF_CONTAINER
from macvland.config import Declaration
from macvland.model import Address, Network, Prefix
from macvland.wanted.facts import Facts
from macvland.wanted.remembered import REMEMBERED

# A derived address is one of so many: of a thousand in one subnet, two are the same once in ten thousand LANs.
LEAST = 1 << 32
TRIES = 128  # one may fall into `range`; that all do has a chance of 2⁻¹²⁸ where half of the subnet is range


def own_addresses(declaration: Declaration, facts: Facts) -> dict[Prefix, Address]:
    """Return, by subnet, the address of the shim's own; an IPv6 subnet that is not in it has none to derive."""
    return dict(_own_addresses(declaration, facts)) if declaration.shim else {}


def _own_addresses(declaration: Declaration, facts: Facts) -> Iterator[tuple[Prefix, Address]]:
    given = declaration.shim.addresses if declaration.shim else ()
    for subnet in declaration.subnets:
        cidr = subnet.cidr
        address: Address | None = next((one for one in given if one in cidr), None)
        if address is None and isinstance(cidr, IPv6Network):
            address = derived(facts.machine_id, declaration.name, cidr, *_claimed(cidr, facts))
        if address is not None:
            yield cidr, address


def rivalries(own: Mapping[Prefix, Address], declaration: Declaration, facts: Facts) -> Iterator[Condition]:
    """Yield which addresses of *own* a container has, or Docker may give to one."""
    given = declaration.shim.addresses if declaration.shim else frozenset()
    for address in own.values():
        if container := facts.holders.get(address):
            yield ADDRESS_OF_CONTAINER(declaration.name, container=container, address=address)
        elif address in given and any(_hands_out(network, address) for network in facts.networks[declaration.name]):
            yield HANDED_OUT(declaration.name, address=address)


def _hands_out(network: Network, address: Address) -> bool:
    """Tell whether Docker has *address* to give in *network*, which was made before anybody reserved it."""
    pools = (pool for pool in network.subnets if address in (pool.range or pool.cidr))
    return any(address not in pool.reserved | network.spared | {pool.gateway} for pool in pools)


def _claimed(cidr: Prefix, facts: Facts) -> tuple[frozenset[Prefix], frozenset[Address]]:
    """Return the ranges, those of other hosts included, and the single addresses that files have taken of *cidr*."""
    pools = [pool for other in facts.declared[cidr] for pool in other.subnets if pool.cidr == cidr]
    hosts = [host for other in facts.declared[cidr] for host in other.hosts]
    ranges = {pool.range for pool in pools if pool.range}
    ranges |= {pool for host in hosts for pool in host.ranges if pool.network_address in cidr}
    singles = [pool.reserved | ({pool.gateway} if pool.gateway else set()) for pool in pools]
    shims = [other.shim.addresses for other in facts.declared[cidr] if other.shim]
    return frozenset(ranges), frozenset().union(*singles, *shims, *(host.addresses for host in hosts))


@REMEMBERED.keeps
def derived(
    machine_id: str, network: str, cidr: IPv6Network, ranges: frozenset[Prefix], taken: frozenset[Address]
) -> IPv6Address | None:
    """Return the shim's address in *cidr*: the same at every boot, another on every host; None where too few are free.

    As RFC 7217 has it: a hash of prefix, interface, counter and a secret, which here is the machine-id.
    """
    if cidr.num_addresses - sum(pool.num_addresses for pool in ranges) < LEAST:
        return None
    for counter in range(TRIES):
        digest = sha256(f"{machine_id}\0{network}\0{cidr}\0{counter}".encode()).digest()
        address = cidr.network_address + int.from_bytes(digest[:16]) % cidr.num_addresses
        # The first address is the anycast of the subnet's routers (RFC 4291, 2.6.1).
        if address not in taken and address != cidr.network_address and not any(address in pool for pool in ranges):
            return address
    return None
