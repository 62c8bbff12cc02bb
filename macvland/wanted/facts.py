"""What is seen, arranged for the questions that make up what is wanted, and the form of an answer."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import TypeVar

from macvland.condition import Condition
from macvland.config import Config, Declaration
from macvland.model import (
    Address,
    Finding,
    Goal,
    Host,
    Interface,
    Link,
    Neighbour,
    Network,
    Prefix,
    Question,
    Shim,
    ShimAddress,
    shim_name,
)
from macvland.wanted.remembered import REMEMBERED

Key = TypeVar("Key")
Value = TypeVar("Value")

NOTHING = Host()  # one for all who ask for nothing


class Facts:
    """What is seen, indexed by what the questions ask for."""

    def __init__(  # noqa: PLR0913 - as `wanted` has them
        self,
        config: Config,
        seen: Host,
        machine_id: str,
        held: frozenset[str],
        recheck: frozenset[ShimAddress],
        *,
        ways: frozenset[Neighbour],
    ) -> None:
        """Index *seen*; of the networks *held*, and of those whose file is broken, nothing may be removed."""
        self.seen = seen
        self.machine_id = machine_id
        self.broken = config.frozen
        self.held = config.frozen | held
        self.elsewhere = {declaration.name for declaration in config.elsewhere}
        self.recheck = recheck
        self.ways = _by(ways, lambda way: way.shim)
        self.declared: dict[Prefix, list[Declaration]] = defaultdict(list)  # by subnet; the first speaks for all
        for declaration in config.declarations:
            for subnet in declaration.subnets:
                self.declared[subnet.cidr].append(declaration)
        self.links = {link.name: link for link in seen.links}
        self.altnames = {name: link.name for link in seen.links for name in link.altnames}
        self.macs = {link.mac for link in seen.links} | {attachment.mac for attachment in seen.attachments}
        self.children = _by((link for link in seen.links if link.below), lambda link: link.below)
        self.vlans = {(link.below, link.vlan): link for link in seen.links if link.vlan}
        self.shims = shims_by_network(config, seen)
        self.without_queue = {shim.name for shim in seen.shims if shim.bcqueuelen is None}
        self.addresses = _by(seen.addresses, lambda address: address.shim)
        self.routes = _by(seen.routes, lambda route: route.shim)
        self.neighbours = _by(seen.neighbours, lambda neighbour: neighbour.shim)
        self.proxies = _by(seen.proxies, lambda proxy: proxy.shim)
        self.networks = _by(seen.networks, lambda network: network.name)
        self.sharing: dict[Prefix, list[Network]] = defaultdict(list)  # the networks seen, by subnet
        for network in seen.networks:
            for subnet in network.subnets:
                self.sharing[subnet.cidr].append(network)
        self.attachments = _by(seen.attachments, lambda attachment: attachment.network_id)
        self.attachments_by_name = _by(seen.attachments, lambda attachment: attachment.network)
        self.ids = {network.id for network in seen.networks}
        heard = seen.heard.findings if seen.heard else frozenset()
        self._findings = _by(heard, lambda it: it.question.parent)
        self._answers: dict[str, dict[Address, Finding]] = {}  # the same by address, where somebody asked
        self.disputed = {it.question.parent for it in heard if it.wrong}  # the parents on which something is wrong
        self.losses = {loss.id: loss for loss in seen.losses}
        self.unfinished = frozenset(unfinished.network for unfinished in seen.unfinished)

    def finding(self, question: Question) -> Finding | None:
        """Return what the LAN said to *question*, or a more urgent one about the address; None while that is open."""
        parent = question.parent
        if parent not in self._answers:
            self._answers[parent] = {it.question.address: it for it in self._findings[parent]}
        found = self._answers[parent].get(question.address)
        return found if found and (found.question == question or found.question.about < question.about) else None

    @cached_property
    def local(self) -> frozenset[Address]:
        """The addresses that are this host's and its containers'."""
        own = {it.address for it in self.seen.addresses}.union(*(hosts(link.addresses) for link in self.seen.links))
        return frozenset(own.union(*(it.addresses for it in self.seen.attachments)))

    @cached_property
    def holders(self) -> dict[Address, str]:
        """By address, the container that has it, or was configured with it."""
        return {one: it.container for it in self.seen.attachments for one in it.addresses | it.fixed}

    @cached_property
    def other_names(self) -> dict[str, Link]:
        """By altname and MAC, the link that it means."""
        # A bridge, a bond and a VLAN link carry the MAC of the NIC below: the MAC means the NIC, which has no kind. And
        # in a bond the NICs carry the MAC of one of them: then each is told by the one it was built with.
        found: dict[str, Link] = {}
        for link in sorted(self.seen.links, key=lambda it: (it.kind != "", it.kind != "veth", it.index), reverse=True):
            found |= dict.fromkeys((link.mac, *link.altnames), link)
        built = {link.permanent_mac: link for link in self.seen.links}
        return {name: link for name, link in (found | built).items() if name}


def shims_by_network(config: Config, seen: Host) -> dict[str, list[Shim]]:
    """Group the shims seen: by the declaration that a link name belongs to, for its alias may not be written yet."""
    names = (*(declaration.name for declaration in config.declarations), *config.frozen)
    owners = {shim_name(name): name for name in names}
    return _by(seen.shims, lambda shim: owners.get(shim.name, shim.network))


def _by(values: Iterable[Value], key: Callable[[Value], Key]) -> dict[Key, list[Value]]:
    groups: dict[Key, list[Value]] = defaultdict(list)
    for value in values:
        groups[key(value)].append(value)
    return groups


def union(*goals: Goal) -> Goal:
    """Return all that *goals* ask for."""
    hosts = [goal.host for goal in goals]
    return Goal(
        host=Host(
            vlans=_joined(host.vlans for host in hosts),
            shims=_joined(host.shims for host in hosts),
            addresses=_joined(host.addresses for host in hosts),
            routes=_joined(host.routes for host in hosts),
            neighbours=_joined(host.neighbours for host in hosts),
            proxies=_joined(host.proxies for host in hosts),
            promiscuous=_joined(host.promiscuous for host in hosts),
            networks=_joined(host.networks for host in hosts),
            attachments=_joined(host.attachments for host in hosts),
            proofs=_joined(host.proofs for host in hosts),
            expulsions=_joined(host.expulsions for host in hosts),
        ),
        obstacles=_joined(goal.obstacles for goal in goals),
        questions=_joined(goal.questions for goal in goals),
    )


def _joined(parts: Iterable[frozenset[Value]]) -> frozenset[Value]:
    """Return all that is in *parts*; mostly one of them has anything, and needs not to be built anew."""
    some = [part for part in parts if part]
    return some[0] if len(some) == 1 else frozenset[Value]().union(*some)


def as_seen(name: str, facts: Facts, obstacle: Condition | None = None) -> Goal:
    """Keep what is seen of a network, save the routes to containers that left it; *obstacle* is why."""
    shims = facts.shims[name]
    attached = {address for _, address in live(name, facts)}
    answered = facts.seen.engine is not None
    routes = [route for shim in shims for route in facts.routes[shim.name]]
    neighbours = [neighbour for shim in shims for neighbour in facts.neighbours[shim.name]]
    host = Host(
        shims=frozenset(shims),
        addresses=frozenset(address for shim in shims for address in facts.addresses[shim.name]),
        routes=frozenset(route for route in routes if route.destination in attached or not answered),
        neighbours=frozenset(neighbour for neighbour in neighbours if neighbour.address in attached or not answered),
        proxies=frozenset(proxy for shim in shims for proxy in facts.proxies[shim.name]),
        networks=frozenset(facts.networks[name]),
    )
    return Goal(host=host, obstacles=frozenset({obstacle} if obstacle else ()))


def live(name: str, facts: Facts) -> Iterator[tuple[str, Address]]:
    """Yield MAC and address of every attachment that runs on a network of this name."""
    for network in facts.networks[name]:
        for attachment in facts.attachments[network.id]:
            yield from ((attachment.mac, address) for address in attachment.addresses if attachment.mac)


@REMEMBERED.keeps  # an Interface builds its address anew each time it is asked for it
def hosts(interfaces: frozenset[Interface]) -> frozenset[Address]:
    """Return the addresses of a link without the lengths of their prefixes."""
    return frozenset(interface.ip for interface in interfaces)


def containing(address: Address, prefixes: Iterable[Prefix]) -> Prefix | None:
    """Return the first of *prefixes* that *address* is in."""
    return next((prefix for prefix in prefixes if address in prefix), None)
