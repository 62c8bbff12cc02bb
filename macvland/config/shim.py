"""The [shim] table: the host's own link beside the containers."""

from functools import partial

from macvland.config.declaration import ShimDeclaration
from macvland.config.grammar import QUEUES, refuse_unknown
from macvland.config.pool import refuse_unusable
from macvland.config.table import Table
from macvland.config.value import RefusalError, address, boolean, number
from macvland.model import BCQUEUELEN, Address, Mode, Subnet

# A bridge shim does not reach private or vepa siblings, and passthru suffers no other link on its parent
# (ip-link(8), macvlan).
ONLY_BRIDGE = "a shim reaches containers in bridge mode only"


def shim_of(top: Table, mode: Mode | None, subnets: tuple[Subnet, ...]) -> ShimDeclaration | None:
    """Return the [shim] table, held against the rest of the file; None without one."""
    table = top.table("shim")
    if table is None:
        return None
    refuse_unknown(table, "[shim]")
    if mode not in {None, Mode.BRIDGE}:
        top.complain(("shim",), f"{ONLY_BRIDGE}, this network is {mode}", 'remove [shim], or write `mode = "bridge"`')
    for local in (subnet.cidr for subnet in subnets if subnet.cidr.version == 6 and subnet.cidr.is_link_local):
        wrong = f"{local} is link-local: the host has it on every link, and no route can tell them apart"
        top.complain(("shim",), wrong, "remove [shim], or write another subnet")
    addresses = addresses_of(table, subnets)
    length = table.read("bcqueuelen", partial(number, least=QUEUES[0], most=QUEUES[1]))
    proxy_ndp = table.read("proxy_ndp", boolean) is not False
    return ShimDeclaration(addresses=addresses, bcqueuelen=length or BCQUEUELEN, proxy_ndp=proxy_ndp)


def addresses_of(table: Table, subnets: tuple[Subnet, ...]) -> frozenset[Address]:
    """Return the good ones of the `address` of *table*, each in a subnet of its own."""
    homes: set[Subnet] = set()
    addresses: set[Address] = set()
    for path, each in table.each("address", partial(_address, subnets=subnets)):
        mine = {subnet for subnet in subnets if each in subnet.cidr}
        if each in addresses or mine & homes:
            table.complain(path, f"{each} is the second address in its subnet", "a shim has one address per subnet")
        homes |= mine
        addresses.add(each)
    return frozenset(addresses)


def _address(value: object, subnets: tuple[Subnet, ...]) -> Address:
    """Return a good address; without *subnets*, where those are wrong, there is nothing to hold it against."""
    found = address(value)
    home = next((subnet for subnet in subnets if found in subnet.cidr), None)
    if subnets and home is None:
        known = ", ".join(str(subnet.cidr) for subnet in subnets)
        raise RefusalError(f"{found} is in no subnet of this network", f"write an address in {known}")
    if home is not None:
        refuse_unusable(found, home.cidr)
        if found == home.gateway:
            raise RefusalError(f"{found} is the gateway", "write an address that nothing on the LAN has")
    return found
