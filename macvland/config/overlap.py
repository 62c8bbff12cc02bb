"""What several files must not declare together, and who yields. Pure.

Docker keeps one address space for all networks, whatever their parents. Pools that overlap are refused unless their
subnets are equal and their ranges apart; then they share their addresses, and one that is a gateway or reserved in
one network is in use for all others (moby/libnetwork#2250, moby#46438; Docker 20.10 to 29). Of two files the one whose
name comes first in ASCII keeps what both want, always; the other one is an error that names both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from macvland.config.claims import Claims
from macvland.config.declaration import Declaration
from macvland.config.hosts import pool_place, shim_place
from macvland.config.problem import Problem
from macvland.config.wording import KeyPath, quoted
from macvland.model import Address, Subnet

SHARED = "networks that share a subnet share its addresses"
HOW_TO_SHARE = "write a `range` in both, with no address in common"


@dataclass(frozen=True, slots=True)
class _Lan:
    """A subnet, and what the files that declare it have taken of it."""

    file: Path  # the first
    ranged: bool
    ranges: Claims[Path] = field(default_factory=Claims)
    taken: dict[Address, Path] = field(default_factory=dict)


def rivalries(declarations: Iterable[Declaration]) -> Iterator[tuple[Declaration, list[Problem]]]:
    """Yield each of *declarations*, given by name, with all that an earlier one has taken already."""
    lans: Claims[_Lan] = Claims()
    for declaration in declarations:
        problems = list(_problems(declaration, lans))
        if not problems:
            _claim(declaration, lans)
        yield declaration, problems


def _problems(declaration: Declaration, lans: Claims[_Lan]) -> Iterator[Problem]:
    for index, subnet in enumerate(declaration.subnets):
        if (rival := lans.rival(subnet.cidr)) is None:
            continue
        path: KeyPath = ("subnet", index)
        cidr, lan = rival
        if cidr != subnet.cidr:
            right = f'write `cidr = "{cidr}"` and a `range` in both, or a subnet that has no address in common with it'
            yield Problem((*path, "cidr"), f"{subnet.cidr} overlaps {cidr} of {quoted(lan.file)}", right)
        elif subnet.range is None or not lan.ranged:
            yield Problem((*path, "cidr"), f"{quoted(lan.file)} declares {cidr} too", HOW_TO_SHARE)
        else:
            yield from _neighbour_problems(declaration, path, subnet, lan)


def _neighbour_problems(declaration: Declaration, path: KeyPath, subnet: Subnet, lan: _Lan) -> Iterator[Problem]:
    """Yield what *subnet* would take of *lan* although another file has it."""
    if subnet.range is not None and (rival := lan.ranges.rival(subnet.range)):
        pool, file = rival
        where = pool_place(declaration, subnet, path)
        yield Problem(where, f"{subnet.range} overlaps {pool} of {quoted(file)}", HOW_TO_SHARE)
    if subnet.gateway in lan.taken:
        wrong = f"{quoted(lan.taken[subnet.gateway])} has {subnet.gateway} already: {SHARED}"
        yield Problem((*path, "gateway"), wrong, "write `gateway = false`: Docker takes it for one of them only")
    for address in sorted(subnet.reserved & lan.taken.keys(), key=int)[:1]:
        wrong = f"{quoted(lan.taken[address])} has {address} already: {SHARED}"
        yield Problem((*path, "reserved"), wrong, "reserve it in one of the files")
    for address in sorted(shim_addresses(declaration, subnet) & lan.taken.keys(), key=int):
        wrong = f"{quoted(lan.taken[address])} has {address} already: {SHARED}"
        yield Problem(shim_place(declaration, address), wrong, "write an address that nothing else has")


def _claim(declaration: Declaration, lans: Claims[_Lan]) -> None:
    for subnet in declaration.subnets:
        rival = lans.rival(subnet.cidr)
        lan = rival[1] if rival else _Lan(declaration.file, subnet.range is not None)
        if rival is None:
            lans.claim(subnet.cidr, lan)
        if subnet.range is None:
            continue  # nobody shares it
        lan.ranges.claim(subnet.range, declaration.file)
        mine = subnet.reserved | shim_addresses(declaration, subnet)
        lan.taken.update(dict.fromkeys(mine, declaration.file))
        if subnet.gateway is not None:
            lan.taken[subnet.gateway] = declaration.file


def shim_addresses(declaration: Declaration, subnet: Subnet) -> frozenset[Address]:
    """Return the addresses in *subnet* that the shim of *declaration* is given."""
    addresses = declaration.shim.addresses if declaration.shim else frozenset()
    return frozenset(address for address in addresses if address in subnet.cidr)
