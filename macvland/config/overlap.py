"""What several files must not declare together, and who yields. Pure.

Docker keeps one address space for all networks, whatever their parents: it refuses pools that overlap unless their
subnets are equal and their ranges apart. Of two files the one whose name comes first in ASCII keeps what both want,
always; the other one is an error that names both.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from macvland.config.claims import Claims
from macvland.config.declaration import Declaration
from macvland.config.problem import Problem
from macvland.config.wording import quoted
from macvland.model import Address, Prefix

APART = "choose others, or write the same `cidr` in both files with a `range` each"


@dataclass(frozen=True, slots=True)
class Claimed:
    """What the files so far have taken, each thing with its file."""

    subnets: Claims[tuple[Path, Prefix | None]] = field(default_factory=Claims)  # and with the file's range there
    ranges: Claims[Path] = field(default_factory=Claims)
    shims: dict[Address, Path] = field(default_factory=dict)


def rivalries(declarations: Iterable[Declaration]) -> Iterator[tuple[Declaration, list[Problem]]]:
    """Yield each of *declarations*, given by name, with all that an earlier one has taken already."""
    claimed = Claimed()
    for declaration in declarations:
        problems = [*_pool_problems(declaration, claimed), *_shim_problems(declaration, claimed)]
        if not problems:
            _claim(declaration, claimed)
        yield declaration, problems


def _pool_problems(declaration: Declaration, claimed: Claimed) -> Iterator[Problem]:
    for index, subnet in enumerate(declaration.subnets):
        rival = claimed.subnets.rival(subnet.cidr)
        if rival is None:
            continue
        cidr, (file, pool) = rival
        if cidr != subnet.cidr:
            yield Problem(("subnet", index, "cidr"), f"{subnet.cidr} overlaps {cidr} of {quoted(file)}", APART)
        elif subnet.range is None or pool is None:
            right = "write a `range` in both, with no address in common"
            yield Problem(("subnet", index, "cidr"), f"{quoted(file)} declares {cidr} too", right)
        elif taken := claimed.ranges.rival(subnet.range):
            wrong = f"{subnet.range} overlaps {taken[0]} of {quoted(taken[1])}"
            yield Problem(("subnet", index, "range"), wrong, "write ranges that have no address in common")


def _shim_problems(declaration: Declaration, claimed: Claimed) -> Iterator[Problem]:
    for address in _shim_addresses(declaration):
        if address in claimed.shims:
            wrong = f"{address} is the shim's address in {quoted(claimed.shims[address])} already"
            yield Problem(("shim", "address"), wrong, "write an address that nothing on the LAN has")


def _claim(declaration: Declaration, claimed: Claimed) -> None:
    for subnet in declaration.subnets:
        if claimed.subnets.rival(subnet.cidr) is None:
            claimed.subnets.claim(subnet.cidr, (declaration.file, subnet.range))
        if subnet.range is not None:
            claimed.ranges.claim(subnet.range, declaration.file)
    claimed.shims.update(dict.fromkeys(_shim_addresses(declaration), declaration.file))


def _shim_addresses(declaration: Declaration) -> frozenset[Address]:
    return declaration.shim.addresses if declaration.shim else frozenset()
