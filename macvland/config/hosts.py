"""The tables [match] and [host.NAME]: for which hosts a file is, and what is other on some of them.

Everything is held against the rest of the file on every host alike: what is wrong for one of them is found on any.
"""

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from macvland.config.declaration import Declaration, HostDeclaration, ShimDeclaration
from macvland.config.grammar import KEYS, refuse_unknown
from macvland.config.host import NOT, Means, admission, admits, fits, is_exact, is_machine_id, pattern
from macvland.config.network import link
from macvland.config.pool import within
from macvland.config.shim import addresses_of
from macvland.config.table import Table
from macvland.config.value import RefusalError, prefix
from macvland.config.wording import KeyPath, dotted, escaped, kind_of, quoted
from macvland.model import Address, Prefix, Subnet

A_MATCH = 'write the hosts that the file is for, for instance `host = ["node1", "web-*", "!web-3"]`'
TITLE = "[host.NAME]"
NO_TABLE = f"there is no such table in {TITLE}"
HERE = f"write `parent`, `range` and `address` in {TITLE} itself"


def match_of(top: Table) -> tuple[str, ...]:
    """Return the patterns of the [match] table; () without one, or where it is wrong."""
    table = top.table("match")
    if table is None:
        return ()
    refuse_unknown(table, "[match]")
    if "host" not in table.content:
        table.complain(("host",), "is missing", A_MATCH)
    elif table.content["host"] == []:
        table.complain(("host",), "means no host", A_MATCH)
    return tuple(each for _, each in table.each("host", admission))


def hosts_of(
    top: Table, match: tuple[str, ...], subnets: tuple[Subnet, ...], shim: ShimDeclaration | None
) -> Iterator[HostDeclaration]:
    """Yield the good [host.NAME] tables, held against the rest of the file."""
    home = top.table("host") or Table(("host",), {}, [])
    seen: dict[str, str] = {}
    for key in home.content:
        content, meant = home.read(key, _content), _meant(home, key)
        if content is None or meant is None:
            continue
        if meant in seen:
            home.refuse_key((key,), f"means the same host as {quoted(seen[meant])}", "write one table for each host")
        elif not _may_be(meant, match):
            home.refuse_key((key,), "[match] has no such host", _instead(meant, match))
        seen[meant] = key
        table = replace(home, path=(*home.path, key), content=content)
        yield _host(_flat(table, key), key, meant, subnets, shim)


def on(declaration: Declaration, meant: Means) -> Declaration | None:
    """Return *declaration* as the host reads it that patterns have *meant*; None where it is not for that host.

    One table counts: the first that means the host, those of one host alone before those of several.
    """
    if not admits(declaration.match, meant):
        return None
    tables = (host for host in declaration.hosts if meant(host.pattern))
    host = min(tables, key=lambda it: not is_exact(it.pattern), default=None)
    return declaration if host is None else applied(declaration, host)


def applied(declaration: Declaration, host: HostDeclaration) -> Declaration:
    """Return *declaration* with what *host* says in the place of what it says itself."""
    shim = declaration.shim
    if shim is not None:
        kept = {one for one in shim.addresses if not _rival(one, host, declaration)}
        shim = replace(shim, addresses=host.addresses | kept)
    subnets = tuple(replace(subnet, range=_range_in(subnet, host) or subnet.range) for subnet in declaration.subnets)
    return replace(declaration, parent=host.parent or declaration.parent, subnets=subnets, shim=shim, host=host)


def pool_place(declaration: Declaration, subnet: Subnet, path: KeyPath) -> KeyPath:
    """Return where in its file that stands which is handed out of *subnet*, the table at *path*."""
    if (host := declaration.host) and _range_in(subnet, host):
        return ("host", host.key, "range")
    return (*path, "range" if subnet.range else "cidr")


def shim_place(declaration: Declaration, address: Address) -> KeyPath:
    """Return where in its file *address* of the shim stands."""
    host = declaration.host
    return ("host", host.key, "address") if host and address in host.addresses else ("shim", "address")


def _range_in(subnet: Subnet, host: HostDeclaration) -> Prefix | None:
    return next((pool for pool in host.ranges if within(pool, subnet.cidr)), None)


def _rival(address: Address, host: HostDeclaration, declaration: Declaration) -> Address | None:
    """Return the address of *host*'s in the subnet that *address* is in."""
    cidr = next((subnet.cidr for subnet in declaration.subnets if address in subnet.cidr), None)
    return next((one for one in host.addresses if cidr is not None and one in cidr), None)


def _content(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RefusalError(f"must be a table, is {kind_of(value)}", 'write one for each host, as [host."node1"]')
    return value


def _meant(home: Table, key: str) -> str | None:
    """Return the pattern that *key* is; None where it is none."""
    try:
        return pattern(key)
    except RefusalError as refusal:
        home.refuse_key((key,), refusal.wrong, refusal.right)
        return None


def _may_be(meant: str, match: tuple[str, ...]) -> bool:
    """Tell whether a host that is *meant* may be one of *match*; a "!" is no mistake: it may be for a time only."""
    told = [one.removeprefix(NOT) for one in match]
    if all(one.startswith(NOT) for one in match) or not is_exact(meant) or any(map(is_machine_id, (meant, *told))):
        return True
    return any(fits(one, meant) for one in told)


def _instead(name: str, match: tuple[str, ...]) -> str:
    known = [one for one in match if is_exact(one) and not one.startswith(NOT)]
    near = [one for one in known if one.startswith(f"{name}.")] or get_close_matches(name, known, 1)
    return f"did you mean [host.{_key(near[0])}]?" if near else f"write {quoted(name)} in [match], or remove the table"


def _key(name: str) -> str:
    return f'"{escaped(name)}"'


def _flat(table: Table, key: str) -> Table:
    """Return *table* without tables in it, which are complained about: a name with dots needs quotes."""
    flat = {}
    for inner, value in table.content.items():
        if inner in {"network", "subnet", "shim"}:
            table.refuse_key((inner,), NO_TABLE, HERE)
        elif isinstance(value, dict):
            parts = (part for part in dotted(key, {inner: value}) if part not in KEYS[TITLE])
            table.refuse_key((inner,), NO_TABLE, f"quote the whole name: [host.{_key('.'.join(parts))}]")
        else:
            flat[inner] = value
    return replace(table, content=flat)


def _host(
    table: Table, key: str, meant: str, subnets: tuple[Subnet, ...], shim: ShimDeclaration | None
) -> HostDeclaration:
    refuse_unknown(table, TITLE)
    if "address" in table.content and shim is None:
        table.complain(("address",), "this network has no shim", "write a [shim] table; it may be empty")
    return HostDeclaration(
        key=key,
        pattern=meant,
        parent=table.read("parent", link),
        ranges=_ranges(table, subnets),
        addresses=addresses_of(table, subnets),
    )


def _ranges(table: Table, subnets: tuple[Subnet, ...]) -> frozenset[Prefix]:
    """Return the good ones of the `range` of *table*, each in a subnet of its own."""
    found: dict[Prefix, Prefix] = {}
    for path, pool in table.each("range", partial(_range, subnets=subnets)):
        home = next((subnet.cidr for subnet in subnets if within(pool, subnet.cidr)), pool)
        if home in found:
            table.complain(path, f"{pool} is the second range in its subnet", "Docker takes one range for each subnet")
        found[home] = pool
    return frozenset(found.values())


def _range(value: object, subnets: tuple[Subnet, ...]) -> Prefix:
    """Return a good range; without *subnets*, where those are wrong, there is nothing to hold it against."""
    pool = prefix(value)
    if subnets and not any(within(pool, subnet.cidr) for subnet in subnets):
        known = ", ".join(str(subnet.cidr) for subnet in subnets)
        raise RefusalError(f"{pool} is in no subnet of this network", f"write a part of {known}")
    return pool
