"""The Docker network of a declaration, and whether one that Docker has will do."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from macvland.condition import Condition
from macvland.condition.docker import NOT_YET
from macvland.condition.obstacle import ADDRESS_GIVEN_AWAY, ADDRESS_OUTSIDE, FOREIGN_DIFFERS, IN_USE, SAME_NAME
from macvland.config import Declaration
from macvland.model import (
    Address,
    Attachment,
    Goal,
    Host,
    Link,
    Network,
    Proof,
    Replacing,
    differences,
)
from macvland.wanted.facts import NOTHING, Facts, containing, hosts
from macvland.wanted.own import own_addresses
from macvland.wanted.there import as_declared, is_met
from macvland.wanted.used import awaited, leftover, used


def docker_network(declaration: Declaration, link: Link | None, facts: Facts) -> Goal:
    """Ask for the network of *declaration* on *link*; one that Docker has under its name stays, fitting or not."""
    if facts.seen.engine is None:
        return Goal(host=NOTHING, obstacles=frozenset({(facts.seen.absent or NOT_YET()).of(declaration.name)}))
    same_name = facts.networks[declaration.name]
    if declaration.name in facts.unfinished:
        return _as_it_is(same_name)
    network = as_declared(declaration, link.name if link else None)
    if is_met(network, same_name, link):
        (seen,) = same_name
        loss = facts.losses.get(seen.id)
        if loss is None:
            told = leftover(declaration, link, seen, facts) if link else frozenset()
            return Goal(host=_served(declaration, seen, link, facts), obstacles=told)
        if not loss.curable:
            return _as_it_is(same_name, frozenset({loss.condition.of(declaration.name)}))
    objections = _objections(declaration, network, same_name, facts) if same_name else frozenset()
    if objections := objections or (awaited(declaration, link, facts) if link else frozenset()):
        return _as_it_is(same_name, objections)
    return Goal(host=Host(networks=frozenset({replace(network, spared=_spared(declaration, link, facts))})))


def _as_it_is(seen: Iterable[Network], obstacles: frozenset[Condition] = frozenset()) -> Goal:
    return Goal(host=Host(networks=frozenset(seen)), obstacles=obstacles)


def _spared(declaration: Declaration, link: Link | None, facts: Facts) -> frozenset[Address]:
    """Return the host's and the shim's own addresses in the subnets: Docker must not hand them out.

    Networks of one subnet share its addresses, and Docker reserves none of them twice (moby/libnetwork#2250); nor does
    it the first and the last of a subnet, or a gateway.
    """
    parents = hosts(link.addresses) if link else frozenset()
    shims = own_addresses(declaration, facts).values()
    cidrs = [subnet.cidr for subnet in declaration.subnets]
    taken = {subnet.gateway for subnet in declaration.subnets}.union(*(pool.reserved for pool in declaration.subnets))
    taken |= {end for cidr in cidrs for end in (cidr.network_address, cidr.broadcast_address)}
    others = [cidr for cidr in cidrs if facts.declared[cidr][0].name != declaration.name]  # the first speaks for all
    taken |= {host for host in parents if containing(host, others)}
    for other in (network for cidr in cidrs for network in facts.sharing[cidr] if network.name != declaration.name):
        taken |= other.spared.union(*(pool.reserved | {pool.gateway} for pool in other.subnets))
    # Who has one of them all the same could not be connected again.
    taken = taken.union(*(user.fixed for user in facts.attachments_by_name[declaration.name]))
    strangers = used(declaration, link, facts) if link else ()
    return frozenset(address for address in (*parents, *shims, *strangers) if containing(address, cidrs)) - taken


def _served(declaration: Declaration, seen: Network, link: Link | None, facts: Facts) -> Host:
    """Keep a network that will do; of ours, see that Docker's driver knows it and that its containers are on it."""
    if not seen.spec or link is None:
        return Host(networks=frozenset({seen}))
    off = [one for one in facts.attachments_by_name[seen.name] if one.cut or one.network_id not in facts.ids]
    return Host(
        networks=frozenset({seen}),
        proofs=frozenset({Proof(network=seen.name, id=seen.id, parent=seen.parent)}),
        attachments=frozenset(
            replace(one, network_id=seen.id, cut=False, replacing=declaration.replacing) for one in off
        ),
    )


def _objections(
    declaration: Declaration, network: Network, same_name: list[Network], facts: Facts
) -> frozenset[Condition]:
    """Return what keeps *network* from taking the place of what Docker has under its name."""
    if len(same_name) > 1:
        return frozenset({SAME_NAME(network.name, ids=sorted(one.id[:12] for one in same_name))})
    (seen,) = same_name
    if seen.id in facts.losses:
        return frozenset()
    what = "; ".join(_in_words(declaration, *difference) for difference in differences(seen, network))
    if not seen.spec:
        return frozenset({FOREIGN_DIFFERS(network.name, name=network.name, differences=what)})
    users = sorted(facts.attachments[seen.id], key=lambda one: one.container)
    if users and network.replacing is Replacing.WHEN_UNUSED:
        return frozenset({IN_USE(network.name, differences=what, containers=[one.container for one in users])})
    return frozenset(_stranded(network, users))


def _in_words(declaration: Declaration, what: str, was: str, now: str) -> str:
    meant = what == "parent" and declaration.parent != now
    return f"{what} is {was}, " + (f"'{declaration.parent}' is now {now}" if meant else f"the file says {now}")


def _stranded(network: Network, users: Iterable[Attachment]) -> Iterator[Condition]:
    """Yield which containers have a fixed address that *network* could not give them."""
    cidrs = [subnet.cidr for subnet in network.subnets]
    taken = {subnet.gateway for subnet in network.subnets}.union(*(subnet.reserved for subnet in network.subnets))
    for user in users:
        for address in sorted(user.fixed, key=str):
            if not containing(address, cidrs):
                yield ADDRESS_OUTSIDE(network.name, container=user.container, address=address)
            elif address in taken:
                yield ADDRESS_GIVEN_AWAY(network.name, container=user.container, address=address)
