"""One file: from its bytes to a Declaration, or to all that is wrong with it at once. Pure."""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path

from macvland.config.declaration import Declaration
from macvland.config.grammar import VLANS, refuse_unknown
from macvland.config.hosts import applied, hosts_of, match_of, pool_place
from macvland.config.network import labels_of, mode_of, on_conflict_of, parent_of, replacing_of
from macvland.config.pool import left
from macvland.config.problem import Problem, errors_of
from macvland.config.shim import shim_of
from macvland.config.subnet import subnets_of
from macvland.config.table import Table
from macvland.config.text import decoded, tables
from macvland.config.value import RefusalError, boolean, number
from macvland.config.wording import quoted, shown_path
from macvland.error import ConfigError
from macvland.memo import Memo
from macvland.model import Mode, OnConflict, Replacing, Subnet

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")  # moby daemon/names, RestrictedNamePattern
DOCKERS_OWN = frozenset({"bridge", "default", "docker_gwbridge", "host", "ingress", "none"})
# Keys that make no sense without a parent.
OF_A_PARENT = frozenset({"avoid_used", "on_conflict", "parent_check", "probe", "promiscuous", "vlan"})
MOST_ASKED = 1024  # addresses of a network that the LAN is asked for, as many as `reserved` may have: it takes 3 s
FILES = Memo()  # what the files of the last reading declare, at about 4 KiB each


@FILES.keeps
def parse(text: bytes, file: Path) -> tuple[Declaration | None, tuple[ConfigError, ...]]:
    """Return what *text* declares, or everything that is wrong with it."""
    problems = list(_name_problems(file.stem))
    try:
        source = decoded(text)
        content = tables(source)
    except RefusalError as refusal:
        return None, (*errors_of(file, "", problems), _broken(file, text, refusal))
    declaration = _declaration(file, Table((), content, problems))
    return (None, errors_of(file, source, dict.fromkeys(problems))) if problems else (declaration, ())


def _broken(file: Path, text: bytes, refusal: RefusalError) -> ConfigError:
    """Return the error of a *text* that is no TOML: where the reading of it stopped."""
    lines = text.decode(errors="replace").replace("\r\n", "\n").split("\n")
    return ConfigError(
        file=shown_path(file),
        line=refusal.line,
        wrong=refusal.wrong,
        right=refusal.right,
        column=refusal.column,
        length=1 if refusal.column else 0,
        source=lines[refusal.line - 1] if refusal.line else "",
    )


def _name_problems(name: str) -> Iterator[Problem]:
    """Yield why no file can declare a network called *name*."""
    if not NAME.fullmatch(name):
        right = "name the file with letters, digits, '_', '.' and '-', a letter or digit first"
        yield Problem((), f"{quoted(name)} cannot be the name of a Docker network", right)
    if name in DOCKERS_OWN:
        yield Problem((), f"{quoted(name)} is a network of Docker's own", "give the file another name")


def _declaration(file: Path, top: Table) -> Declaration:
    """Return what *top* declares, as far as it is good."""
    refuse_unknown(top, "")
    if "network" not in top.content:
        top.complain(("network",), "is missing", "write a [network] table that names the `parent`")
    network = top.table("network") or Table(("network",), {"parent": "auto"}, [])
    refuse_unknown(network, "[network]")
    internal = network.read("internal", boolean) or False
    parent = parent_of(network, internal=internal)
    promiscuous = network.read("promiscuous", boolean) or False
    parent_check = network.read("parent_check", boolean)
    for key in OF_A_PARENT & network.content.keys():
        if internal and "parent" not in network.content:
            network.refuse_key((key,), "there is no parent to do that with", "name a `parent`")
    mode = mode_of(network)
    subnets = subnets_of(top, internal=internal)
    whole = _all_or_none(top, subnets)
    shim = shim_of(top, mode, whole)
    if "shim" in top.content and internal and "parent" not in network.content:
        top.complain(("shim",), "a network without a parent has no link for it", "name a `parent`, or remove [shim]")
    match = match_of(top)
    declaration = Declaration(
        name=file.stem,
        file=file,
        parent=parent,
        vlan=network.read("vlan", partial(number, least=VLANS[0], most=VLANS[1])),
        parent_check=parent_check is not False,
        mode=mode or Mode.BRIDGE,
        promiscuous=promiscuous,
        internal=internal,
        probe=network.read("probe", boolean) is not False,
        on_conflict=on_conflict_of(network) or OnConflict.WARN,
        avoid_used=network.read("avoid_used", boolean) or False,
        replacing=replacing_of(network) or Replacing.WHEN_LOSSLESS,
        labels=labels_of(network),
        subnets=tuple(subnets.values()),
        shim=shim,
        match=match,
        hosts=tuple(hosts_of(top, match, whole, shim)),
    )
    meanings = (declaration, *(applied(declaration, host) for host in declaration.hosts))
    for each in meanings:
        _refuse_full(top, each, subnets)
    _refuse_endless(network, meanings)
    _refuse_unasked(network, declaration, whole)
    return declaration


def _all_or_none(top: Table, subnets: dict[int, Subnet]) -> tuple[Subnet, ...]:
    """Return *subnets* if they are all that the file has: what is held against a part may be blamed wrongly."""
    declared = top.content.get("subnet")
    return tuple(subnets.values()) if isinstance(declared, list) and len(declared) == len(subnets) else ()


def _refuse_full(top: Table, declaration: Declaration, indices: Iterable[int]) -> None:
    """Complain about each subnet, which stand at *indices* in the file, in which no address is left for a container."""
    for index, subnet in zip(indices, declaration.subnets, strict=True):
        if left(subnet, declaration.shim.addresses if declaration.shim else ()) < 1:
            where = pool_place(declaration, subnet, ("subnet", index))
            right = "write a larger one, or reserve less"
            top.complain(where, f"{subnet.range or subnet.cidr} has no address left", right)


def _refuse_unasked(network: Table, declaration: Declaration, whole: Iterable[Subnet]) -> None:
    """Complain about what rests on the LAN's answers, where it is not asked."""
    if not declaration.probe:
        right = "remove one of the two"
        if declaration.avoid_used:
            network.complain(("avoid_used",), "which addresses are in use is not asked with `probe = false`", right)
        if declaration.on_conflict is not OnConflict.WARN:
            network.complain(("on_conflict",), "no conflict is heard of with `probe = false`", right)
    versions = {subnet.cidr.version for subnet in whole}
    if declaration.avoid_used and versions == {6}:
        network.complain(("avoid_used",), "no subnet is of IPv4, and addresses of IPv6 are not asked for", "remove it")


def _refuse_endless(network: Table, meanings: Iterable[Declaration]) -> None:
    """Complain about `avoid_used` where Docker may hand out more IPv4 addresses than anybody would ask for."""
    asked = [each for each in meanings if each.avoid_used]
    pools = [[it.range or it.cidr for it in each.subnets if it.cidr.version == 4] for each in asked]
    count = max((sum(pool.num_addresses for pool in some) for some in pools), default=0)
    if count > MOST_ASKED:
        wrong = f"there are {count} addresses to ask for, {MOST_ASKED} are possible"
        network.complain(("avoid_used",), wrong, "say with `range` which of them Docker may hand out")
