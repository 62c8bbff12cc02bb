"""The Docker network of a declaration, and whether one that Docker has will do."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from macvland.config import Declaration
from macvland.model import Address, Goal, Hold, Host, Link, Network, spec_of
from macvland.wanted.facts import Facts, containing, obstacle
from macvland.wanted.parent import carries


def docker_network(declaration: Declaration, link: Link | None, facts: Facts) -> Goal:
    """Ask for the network of *declaration* on *link*; one that Docker has under its name stays, fitting or not."""
    if facts.seen.engine is None:
        return Goal(host=Host(), obstacles=obstacle(declaration.name, Hold.ENGINE, facts.seen.absence))
    network = _as_declared(declaration, link.name if link else None)
    same_name = facts.networks[declaration.name]
    if not same_name:
        new = replace(network, spared=_spared(declaration, link, facts))
        return Goal(host=Host(networks=frozenset({new})))
    reason = _mismatch(network, same_name, declaration, link)
    obstacles = obstacle(declaration.name, Hold.CONFLICT, reason) if reason else frozenset()
    return Goal(host=Host(networks=frozenset(same_name)), obstacles=obstacles)


@lru_cache(maxsize=4096)  # the hash of a spec is most of the work where nothing changes
def _as_declared(declaration: Declaration, parent: str | None) -> Network:
    network = Network(
        name=declaration.name,
        parent=parent,
        mode=declaration.mode,
        internal=declaration.internal,
        subnets=frozenset(declaration.subnets),
        labels=declaration.labels,
    )
    return replace(network, spec=spec_of(network))


def _spared(declaration: Declaration, link: Link | None, facts: Facts) -> frozenset[Address]:
    """Return the host's and the shim's own addresses in the subnets: Docker must not hand them out.

    Networks of one subnet share its addresses, and Docker reserves none of them twice (moby/libnetwork#2250); nor does
    it the first and the last of a subnet, or a gateway.
    """
    hosts = [interface.ip for interface in link.addresses] if link else []
    shims = declaration.shim.addresses if declaration.shim else ()
    cidrs = [subnet.cidr for subnet in declaration.subnets]
    taken = {subnet.gateway for subnet in declaration.subnets}.union(*(pool.reserved for pool in declaration.subnets))
    taken |= {end for cidr in cidrs for end in (cidr.network_address, cidr.broadcast_address)}
    taken |= {host for host in hosts if any(host in cidr and facts.first[cidr] != declaration.name for cidr in cidrs)}
    for other in (network for cidr in cidrs for network in facts.sharing[cidr] if network.name != declaration.name):
        taken |= other.spared.union(*(pool.reserved | {pool.gateway} for pool in other.subnets))
    return frozenset(address for address in (*hosts, *shims) if containing(address, cidrs)) - taken


def _mismatch(network: Network, same_name: list[Network], declaration: Declaration, link: Link | None) -> str:
    """Return why the network Docker has cannot serve as the one wanted; "" if it can, whoever made it."""
    if len(same_name) > 1:
        ids = ", ".join(sorted(one.id[:12] for one in same_name))
        return f"Docker has {len(same_name)} networks of this name ({ids}): remove all but one by its id"
    (seen,) = same_name
    if network.spec == seen.spec:
        return ""
    if link and carries(link, seen):
        seen = replace(seen, parent=link.name)
    if network.spec == spec_of(seen):
        return ""
    what = "; ".join(_differences(network, seen, declaration))
    if seen.spec:
        return (
            f"needs replacement, Docker cannot change a network: {what}; take its containers away and run "
            f"'docker network rm {network.name}', then macvland makes it as the file says"
        )
    return (
        f"a network of this name that macvland did not make has other settings: {what}; write these into the file, "
        f"or remove it with 'docker network rm {network.name}'"
    )


def _differences(network: Network, seen: Network, declaration: Declaration) -> Iterator[str]:
    if seen.parent != network.parent:
        meant = "the file says" if declaration.parent == network.parent else f"'{declaration.parent}' is now"
        yield f"parent is {seen.parent}, {meant} {network.parent}"
    for name in ("mode", "internal"):
        was, now = getattr(seen, name), getattr(network, name)
        if was != now:
            yield f"{name} is {was}, the file says {now}"
    was_pools, now_pools = ({pool.cidr: pool for pool in one.subnets} for one in (seen, network))
    yield from (f"subnet {cidr} is not in the file" for cidr in sorted(was_pools.keys() - now_pools.keys(), key=str))
    yield from (f"subnet {cidr} is missing" for cidr in sorted(now_pools.keys() - was_pools.keys(), key=str))
    for cidr in sorted(was_pools.keys() & now_pools.keys(), key=str):
        for name in ("gateway", "range"):
            was, now = getattr(was_pools[cidr], name), getattr(now_pools[cidr], name)
            if was != now:
                yield f"{name} of {cidr} is {was or 'not set'}, the file says {now or 'none'}"
        if was_pools[cidr].reserved != now_pools[cidr].reserved:
            yield f"the reserved addresses of {cidr} differ"
