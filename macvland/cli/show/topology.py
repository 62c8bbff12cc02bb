"""What hangs on what: links, networks, shims and containers as one tree, with what is wrong where it is. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from macvland.action import Action
from macvland.config import Config, Declaration
from macvland.machine import machine_id
from macvland.model import Attachment, Goal, Host, Link, Network, Shim, Subnet
from macvland.status import NetworkStatus, State
from macvland.wanted.facts import Facts
from macvland.wanted.parent import carries, carrying

NO_PARENT = "no parent"
UNSAID = frozenset({"parent", "VLAN", "missing", "apart"})  # kinds that a name needs not be told with


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing, what is to be known of it, what is wrong with it, and what hangs on it."""

    kind: str  # parent, VLAN, missing, apart (of the LAN), network, shim, link, container
    name: str
    details: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    children: tuple["Node", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that a picture is made of: the files, the look, what is asked for and left to do, what status remembers."""

    config: Config
    seen: Host
    goal: Goal
    actions: Sequence[Action] = ()
    failed: Sequence[NetworkStatus] = ()  # as the daemon that runs told last
    remembered: Sequence[NetworkStatus] = ()  # where Docker does not answer


def topology(sight: Sight) -> tuple[Node, ...]:
    """Return the links that carry something, by name, and what hangs on each."""
    nets = _networks(sight)
    facts = Facts(sight.config, sight.seen, machine_id(), frozenset(), frozenset(), ways=frozenset())
    by_link: dict[str, list[Node]] = defaultdict(list)
    for name, net in nets.items():
        by_link[net.link_name(facts)].append(_network_node(name, net, sight))
    links = {link.name: link for link in sight.seen.links}
    for shim in sight.seen.shims:
        if shim.network not in nets:
            by_link[shim.parent].append(_shim_node(shim, sight))
    for link in sight.seen.links:
        if link.kind == "macvlan" and link.below:
            by_link[link.below].append(_foreign_link(link))
    for name in [*by_link]:
        for below in _below(name, links):
            by_link.setdefault(below, [])
    roots = {name for name in by_link if not _is_carried_vlan(links.get(name))}
    return tuple(_link_node(name, links, by_link) for name in sorted(roots, key=lambda it: (it not in links, it)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Net:
    """All that is known of one network."""

    declared: Declaration | None
    seen: Network | None
    last: NetworkStatus | None

    def known(self) -> Iterator[Declaration | Network | NetworkStatus]:
        """Yield what tells of it, the surest first; something does, for its name is from there."""
        yield from (it for it in (self.seen, self.declared, self.last) if it)

    def link_name(self, facts: Facts) -> str:
        """Return the link that carries it, or what is written where that is not there."""
        found = carrying(self.declared, facts) if self.declared else None
        seen = self.seen
        if found is None and seen:
            found = next((link for link in facts.seen.links if carries(link, seen)), None)
        if found:
            return found.name
        written = (self.declared.parent if self.declared else None) or (seen.parent if seen else None)
        return written or (self.last.link or self.last.parent if self.last else "") or NO_PARENT


def _networks(sight: Sight) -> dict[str, _Net]:
    declared = {one.name: one for one in sight.config.declarations}
    seen = {one.name: one for one in sight.seen.networks}
    last = {one.name: one for one in sight.remembered}
    names = sorted(declared.keys() | seen.keys() | last.keys())
    return {name: _Net(declared=declared.get(name), seen=seen.get(name), last=last.get(name)) for name in names}


def _below(name: str, links: Mapping[str, Link]) -> Iterator[str]:
    """Yield the links that carry the VLAN link *name*, down to the one that is none."""
    while (link := links.get(name)) and link.vlan and link.below:
        name = link.below
        yield name


def _is_carried_vlan(link: Link | None) -> bool:
    return bool(link and link.vlan and link.below)


def _link_node(name: str, links: dict[str, Link], by_link: dict[str, list[Node]]) -> Node:
    link = links.get(name)
    hanging = by_link.get(name, [])
    if link is None:
        if name == NO_PARENT:
            return Node(kind="apart", name=name, children=_sorted(hanging))
        return Node(kind="missing", name=name, problems=("does not exist",), children=_sorted(hanging))
    vlans = [it for it in links.values() if it.vlan and it.below == name and it.name in by_link]
    children = [*hanging, *(_link_node(it.name, links, by_link) for it in vlans)]
    return Node(
        kind="VLAN" if link.vlan else "parent",
        name=name,
        details=(*([f"VLAN {link.vlan}"] if link.vlan else [link.kind or "NIC"]), link.mac, *_addresses(link)),
        problems=("is down",) if not link.up else () if link.carrier else ("has no carrier",),
        children=_sorted(children),
    )


def _sorted(nodes: Iterable[Node]) -> tuple[Node, ...]:
    order = {"network": 0, "shim": 1, "link": 2, "VLAN": 3}
    return tuple(sorted(nodes, key=lambda it: (order.get(it.kind, 9), it.name)))


def _addresses(link: Link) -> list[str]:
    return [str(it) for it in sorted(link.addresses, key=lambda it: (it.version, int(it.ip)))]


def _foreign_link(link: Link) -> Node:
    return Node(kind="link", name=link.name, details=("not macvland's", link.mac, *_addresses(link)))


def _network_node(name: str, net: _Net, sight: Sight) -> Node:
    problems = tuple(_problems(name, sight))
    known = next(net.known())
    pools = [it if isinstance(it, str) else _pool(it) for it in known.subnets]
    shims = [_shim_node(shim, sight) for shim in sight.seen.shims if shim.network == name]
    return Node(
        kind="network",
        name=name,
        details=(_state(name, net, sight), str(known.mode), *sorted(pools)),
        problems=problems,
        children=(*sorted(shims, key=lambda it: it.name), *_containers(name, net, sight)),
    )


def _pool(subnet: Subnet) -> str:
    return f"{subnet.cidr} via {subnet.gateway}" if subnet.gateway else str(subnet.cidr)


def _state(name: str, net: _Net, sight: Sight) -> str:
    mine = [one.state for one in sight.goal.obstacles if one.network == name]
    holds = [state for state in mine if state is not None]
    if any(one.name == name for one in sight.failed):
        holds.append(State.FAILED)
    if holds:
        return str(min(holds))
    if any(action.network == name for action in sight.actions):
        return "to do"
    if net.declared is None:
        return "not declared"
    return str(State.READY if net.seen is None or net.seen.spec else State.FOREIGN)


def _problems(name: str, sight: Sight) -> Iterator[str]:
    told = [reason for one in sight.failed if one.name == name for reason in one.reasons]
    told += sorted(one.text for one in sight.goal.obstacles if one.network == name)
    told += [one.reason for one in sight.seen.losses if one.network == name]
    told += [f"to do: {action}" for action in sight.actions if action.network == name]
    yield from dict.fromkeys(told)


def _shim_node(shim: Shim, sight: Sight) -> Node:
    own = sorted(str(it.address) for it in sight.seen.addresses if it.shim == shim.name)
    sources = sorted({str(it.source) for it in sight.seen.routes if it.shim == shim.name and it.source} - set(own))
    meets = (*own, *(f"as {source}" for source in sources))
    return Node(kind="shim", name=shim.name, details=(shim.mac, *meets), problems=() if shim.up else ("is down",))


def _containers(name: str, net: _Net, sight: Sight) -> Iterator[Node]:
    if net.seen:
        mine = [it for it in sight.seen.attachments if it.network == name]
        yield from (_container(it) for it in sorted(mine, key=lambda it: it.container))
    elif net.last:
        for one in net.last.attachments:
            yield Node(kind="container", name=one.container, details=(*one.addresses, *filter(None, [one.mac])))


def _container(one: Attachment) -> Node:
    addresses = sorted(map(str, one.addresses or one.fixed))
    idle = () if one.addresses else ("does not run",)
    problems = ("its NIC has vanished with the parent",) if one.cut else ()
    details = (*addresses, *idle, *([one.mac] if one.mac and one.addresses else []))
    return Node(kind="container", name=one.container, details=details, problems=problems)


def troubles(nodes: Iterable[Node]) -> int:
    """Return how many problems there are."""
    return sum(len(node.problems) + troubles(node.children) for node in nodes)
