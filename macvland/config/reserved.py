"""The `reserved` addresses of a subnet: single ones, ranges and networks, expanded to what Docker's IPAM takes."""

from functools import partial
from ipaddress import IPv4Address

from macvland.config.pool import refuse_outside, unusable
from macvland.config.table import Table
from macvland.config.value import RefusalError, address, prefix, string
from macvland.config.wording import KeyPath, key_of, quoted
from macvland.model import Address, Prefix

MOST = 1024  # per network: Docker takes them one by one and shows each of them in `docker network inspect`

Span = tuple[Address, Address]  # first and last, both included


def reserved_of(table: Table, cidr: Prefix | None, gateway: Address | None, used: int) -> frozenset[Address]:
    """Return what the [[subnet]] *table* reserves; *used* is what the subnets before it have taken of MOST."""
    spans = list(table.elements("reserved", partial(_span, cidr=cidr)))
    total = used + sum(int(last) - int(first) + 1 for _, (first, last) in spans)
    if total > MOST:
        wrong = f"brings the network to {total} reserved addresses, {MOST} are possible"
        table.complain(("reserved",), wrong, "say with `range` which addresses Docker may hand out instead")
        return frozenset()
    holders: dict[Address, KeyPath] = {}
    for index, span in spans:
        path = ("reserved", index)
        mine = dict.fromkeys(_expanded(span), path)
        if gateway in mine:
            table.complain(path, f"{gateway} is the gateway, which is never handed out anyway", "leave it out here")
        if twice := sorted(mine.keys() & holders.keys(), key=int):
            other = key_of((*table.path, *holders[twice[0]]))
            table.complain(path, f"{twice[0]} is reserved by {other} already", "write each address once")
        holders |= mine
    return frozenset(holders) - unusable(cidr) if cidr else frozenset(holders)


def _span(value: object, cidr: Prefix | None) -> Span:
    text = string(value)
    if "/" in text:
        network = prefix(text)
        span: Span = (network.network_address, network.broadcast_address)
    elif "-" in text:
        span = _range(*(part.strip() for part in text.split("-", 1)))
    else:
        one = address(text)
        span = (one, one)
    for end in span:
        refuse_outside(end, cidr)
    return span


def _range(start: str, end: str) -> Span:
    """Return the range from *start* to *end*, which may be the last octet alone."""
    first = address(start)
    if isinstance(first, IPv4Address) and end.isdecimal():
        end = f"{start.rpartition('.')[0]}.{end}"
    last = address(end)
    if first.version != last.version:
        raise RefusalError(f"{quoted(f'{first}-{last}')} mixes IPv4 and IPv6", "write one range for each")
    if int(first) > int(last):
        raise RefusalError(f"{quoted(f'{first}-{last}')} ends before it begins", f'write "{last}-{first}"')
    return first, last


def _expanded(span: Span) -> list[Address]:
    first, last = span
    return [type(first)(number) for number in range(int(first), int(last) + 1)]
