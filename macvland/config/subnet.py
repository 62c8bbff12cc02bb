"""The [[subnet]] tables: each becomes one IPAM pool of the Docker network."""

from functools import partial

from macvland.config.claims import Claims
from macvland.config.grammar import refuse_unknown
from macvland.config.pool import refuse_outside, refuse_unusable, within
from macvland.config.reserved import reserved_of
from macvland.config.table import Table
from macvland.config.value import RefusalError, address, prefix
from macvland.config.wording import key_of, kind_of
from macvland.model import Address, Prefix, Subnet

A_SUBNET = "write at least one [[subnet]] table with `cidr` and `gateway`: Docker would choose a pool of its own"
A_GATEWAY = "write the address of the router, or `gateway = false` for no default route (Docker 29 and later)"
A_RANGE = (
    'write one network, for instance "192.168.1.192/27" for .192 to .223; `reserved` takes single addresses out of it'
)


def subnets_of(top: Table, *, internal: bool) -> dict[int, Subnet]:
    """Return the [[subnet]] tables whose `cidr` is good, by their index in the file."""
    if isinstance(top.content.get("subnet"), dict):
        top.complain(("subnet",), "stands in single brackets", "write [[subnet]]")
        return {}
    if not top.content.get("subnet", []):
        top.complain(("subnet",), "is missing", A_SUBNET)
    subnets: dict[int, Subnet] = {}
    claims: Claims[int] = Claims()
    for index, table in top.tables("subnet"):
        used = sum(len(subnet.reserved) for subnet in subnets.values())
        subnet = _subnet(table, used, internal=internal)
        if subnet is None:
            continue
        subnets[index] = subnet
        if rival := claims.rival(subnet.cidr):
            wrong = f"{subnet.cidr} overlaps {rival[0]} of {key_of(('subnet', rival[1]))}"
            table.complain(("cidr",), wrong, "write subnets that have no address in common")
        else:
            claims.claim(subnet.cidr, index)
    return subnets


def _subnet(table: Table, used: int, *, internal: bool) -> Subnet | None:
    """Return one [[subnet]]; None if its `cidr` is wrong. *used* is what the others reserve."""
    refuse_unknown(table, "[[subnet]]")
    if "cidr" not in table.content:
        table.complain(("cidr",), "is missing", 'write the network of the LAN, for instance `cidr = "192.168.1.0/24"`')
    if "gateway" not in table.content and not internal:
        table.complain(("gateway",), "is missing", A_GATEWAY)
    cidr = table.read("cidr", _cidr)
    gateway = table.read("gateway", partial(_gateway, cidr=cidr, internal=internal))
    pool = table.read("range", partial(_range, cidr=cidr))
    reserved = reserved_of(table, cidr, gateway, used)
    return None if cidr is None else Subnet(cidr=cidr, gateway=gateway, range=pool, reserved=reserved)


def _cidr(value: object) -> Prefix:
    network = prefix(value)
    if network.is_multicast or network.is_loopback or network.prefixlen == 0:
        raise RefusalError(f"no host on a LAN has an address in {network}", "write the network of the LAN")
    return network


def _gateway(value: object, cidr: Prefix | None, *, internal: bool) -> Address | None:
    if value is False:
        return None
    if internal:
        raise RefusalError("an internal network has none", "leave it out, or write `gateway = false`")
    if not isinstance(value, str):
        raise RefusalError(f"must be an address or false, is {'true' if value is True else kind_of(value)}", A_GATEWAY)
    if not value:
        raise RefusalError("is empty", A_GATEWAY)
    gateway = address(value, example=A_GATEWAY)
    if gateway.is_link_local and cidr is not None and gateway not in cidr:
        # moby#51057
        right = f"write an address that the router has in {cidr}, or `gateway = false` (Docker 29 and later)"
        raise RefusalError(f"Docker takes no link-local gateway such as {gateway}", right)
    refuse_outside(gateway, cidr)
    refuse_unusable(gateway, cidr)
    return gateway


def _range(value: object, cidr: Prefix | None) -> Prefix:
    if isinstance(value, list):
        raise RefusalError("must be a string, is an array", A_RANGE)
    pool = prefix(value, example=A_RANGE)
    if cidr is not None and not within(pool, cidr):
        raise RefusalError(f"{pool} is not in {cidr}", f"write a part of {cidr}")
    return pool
