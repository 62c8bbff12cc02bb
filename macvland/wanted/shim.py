"""The shim of a declaration, and the routes and neighbours over which host and containers meet."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from macvland.condition import Condition
from macvland.condition.obstacle import (
    ADDRESS_OF_PARENT,
    ALTNAME_IN_PLACE,
    LINK_IN_PLACE,
    MTU_BELOW_IPV6,
    NOTHING_TO_BORROW,
    TOO_FEW_FREE,
)
from macvland.config import Declaration, ShimDeclaration
from macvland.model import (
    IPV6_MTU,
    Address,
    Goal,
    Host,
    Link,
    Mode,
    Neighbour,
    Network,
    Prefix,
    Route,
    Shim,
    shim_mac,
    shim_name,
)
from macvland.wanted.facts import NOTHING, Facts, as_seen, containing, hosts, live
from macvland.wanted.own import own_addresses, rivalries
from macvland.wanted.parent import carries
from macvland.wanted.proxy import answered, proxies
from macvland.wanted.remembered import REMEMBERED
from macvland.wanted.standing import Standing, doubts, standing_of

MACS = 8  # that a shim may have: the first, and others should somebody else on the parent have it


def no_shim(declaration: Declaration, facts: Facts) -> Goal:
    """Ask for no shim; one whose table has only just gone from the file stays for the moment."""
    if declaration.name not in facts.held:
        return Goal(host=NOTHING)
    kept = as_seen(declaration.name, facts).host
    return Goal(host=replace(kept, networks=frozenset()))


def host_shim(declaration: Declaration, link: Link, facts: Facts) -> Goal:
    """Ask for the shim of *declaration* on *link*, its addresses, and the way to every container it reaches."""
    name = shim_name(declaration.name)
    if name in facts.links:
        return Goal(host=NOTHING, obstacles=frozenset({LINK_IN_PLACE(declaration.name, link=name)}))
    if name in facts.altnames:
        in_place = ALTNAME_IN_PLACE(declaration.name, link=facts.altnames[name], altname=name)
        return Goal(host=NOTHING, obstacles=frozenset({in_place}))
    asked = declaration.shim or ShimDeclaration()
    possible = {cidr: one for cidr, one in own_addresses(declaration, facts).items() if not _objection(cidr, one, link)}
    # One that is there stays, whoever got it later.
    there = {it.address for it in facts.addresses[name]}
    own = {cidr: one for cidr, one in possible.items() if one in there or one not in facts.holders}
    answers = answered(link, own) if asked.proxy_ndp else frozenset()
    shim = Shim(
        name=name,
        network=declaration.name,
        parent=link.name,
        mac=_mac(declaration.name, link, facts),
        mtu=link.mtu,
        bcqueuelen=None if name in facts.without_queue else asked.bcqueuelen,
        proxy_ndp=bool(answers),
    )
    standing = standing_of(shim, own, facts, probe=declaration.probe)
    borrowed = _borrowed(declaration, link)
    sources = borrowed | own
    stand_ins = {cidr: host for host in sorted(answers, reverse=True) for cidr in standing.unsure if host in cidr}
    stand_ins |= {cidr: host for cidr, host in borrowed.items() if cidr in standing.taken}
    pairs = list(_reachable(declaration.name, link, shim, facts))
    return Goal(
        host=Host(
            shims=frozenset({shim}),
            addresses=standing.addresses,
            routes=frozenset(_routes(pairs, sources, shim, standing, stand_ins)),
            neighbours=frozenset(
                Neighbour(shim=name, address=address, mac=mac, network=declaration.name)
                for mac, address in pairs
                if containing(address, sources)
            ),
            proxies=frozenset(proxies(answers, shim, pairs, own)),
        ),
        obstacles=frozenset(
            (
                *_without_source(declaration, link, borrowed | possible, facts),
                *rivalries(possible, declaration, facts),
                *doubts(declaration.name, own.values(), standing, link, facts),
            )
        ),
    )


def _mac(network: str, link: Link, facts: Facts) -> str:
    """Return the MAC that the shim works with already, else the first of its own that nobody else on *link* has."""
    own = _macs(facts.machine_id, network)
    name = shim_name(network)
    # One that is up works: the kernel brings up no second link of one MAC on one parent.
    working = {shim.mac for shim in facts.shims[network] if shim.name == name and shim.parent == link.name and shim.up}
    free = (mac for mac in own if mac not in facts.macs and mac not in link.accepts)
    return next((mac for mac in own if mac in working), None) or next(free, own[0])


@REMEMBERED.keeps
def _macs(machine_id: str, network: str) -> tuple[str, ...]:
    return tuple(shim_mac(machine_id, network, spare) for spare in range(MACS))


def _objection(cidr: Prefix, own: Address | None, link: Link) -> Condition | None:
    """Return why a shim on *link* cannot have *own* as its address in *cidr*; None where it can."""
    if cidr.version == 4:
        return None if own else NOTHING_TO_BORROW(cidr=cidr, parent=link.name)
    if link.mtu < IPV6_MTU:
        return MTU_BELOW_IPV6(cidr=cidr, parent=link.name, mtu=link.mtu, least=IPV6_MTU)
    if own is None:
        return TOO_FEW_FREE(cidr=cidr)
    return ADDRESS_OF_PARENT(cidr=cidr, parent=link.name, address=own) if own in hosts(link.addresses) else None


def _borrowed(declaration: Declaration, link: Link) -> dict[Prefix, Address]:
    """Return, by IPv4 subnet, the address of the parent that containers meet the host at."""
    addresses = sorted(host for host in hosts(link.addresses) if isinstance(host, IPv4Address))
    cidrs = [subnet.cidr for subnet in declaration.subnets]
    return {cidr: host for host in reversed(addresses) for cidr in cidrs if host in cidr}


def _reachable(name: str, link: Link, shim: Shim, facts: Facts) -> Iterator[tuple[str, Address]]:
    """Yield MAC and address of the containers that a bridge shim on *link* reaches.

    While Docker does not answer, those that are routed stay routed: containers outlive their engine. So do those that
    were when it answered last: a shim that was deleted or set down since has lost what could be seen.
    """
    if facts.seen.engine is None:
        known = (*facts.neighbours[shim.name], *facts.ways[shim.name])
        yield from ((mac, address) for address, mac in {one.address: one.mac for one in known}.items())
    elif all(network.mode is Mode.BRIDGE and _reaches(link, network, facts) for network in facts.networks[name]):
        yield from live(name, facts)


def _reaches(link: Link, network: Network, facts: Facts) -> bool:
    """Tell whether the containers of *network* are on *link*; they stay where it was renamed, Docker unaware."""
    return carries(link, network) or network.parent not in facts.links


def _routes(
    pairs: list[tuple[str, Address]],
    sources: dict[Prefix, Address],
    shim: Shim,
    standing: Standing,
    stand_ins: Mapping[Prefix, Address],
) -> Iterator[Route]:
    """Yield a route to the address of each of *pairs*.

    Where the shim cannot speak from its own address yet, it keeps the one that is there, or speaks from an address of
    the parent: one of *stand_ins*.
    """
    for _, address in pairs:
        prefix = containing(address, sources)
        there = standing.routes.get(address)
        if prefix is None:
            continue
        if prefix not in standing.unsure:
            yield Route(shim=shim.name, destination=address, source=sources[prefix], network=shim.network)
        elif there and (there.source or prefix not in stand_ins):
            yield there
        elif prefix in stand_ins:
            yield Route(shim=shim.name, destination=address, source=stand_ins[prefix], network=shim.network)


def _without_source(
    declaration: Declaration, link: Link, sources: dict[Prefix, Address], facts: Facts
) -> frozenset[Condition]:
    missing = [subnet.cidr for subnet in declaration.subnets if subnet.cidr not in sources]
    own = own_addresses(declaration, facts) if missing else {}
    objections = (_objection(cidr, own.get(cidr), link) for cidr in missing)
    return frozenset(one.of(declaration.name) for one in objections if one)
