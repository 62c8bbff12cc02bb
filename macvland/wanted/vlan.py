"""The 802.1Q link of a declaration: one that is there, whoever made it, or one to be made; and when ours may go."""

from collections.abc import Iterator
from dataclasses import replace

from macvland.condition import Condition
from macvland.condition.files import VLAN_IN_USE
from macvland.condition.obstacle import VLAN_NAME_IS_ALTNAME, VLAN_NAME_TAKEN
from macvland.condition.parent import NO_VLAN_YET
from macvland.config import Config, Declaration
from macvland.model import Goal, Host, Link, Vlan, vlan_name
from macvland.wanted.facts import Facts, as_seen, union


def vlan_link(declaration: Declaration, below: Link, facts: Facts) -> tuple[Link | None, Goal]:
    """Return the link of the VLAN that *declaration* wants on *below*, None where it is missing; and what that asks.

    Until it is seen nothing is asked to be on it: Docker would make a link of that name itself, and take it away with
    its network.
    """
    link = facts.vlans.get((below.name, declaration.vlan or 0))
    if link is None:
        return None, _new(declaration, below, facts)
    ours = next((vlan for vlan in facts.seen.vlans if vlan.name == link.name), None)
    if ours is None:
        return link, Goal(host=Host())
    network = declaration.name if ours.network == ours.name else ours.network  # without an alias it has none yet
    # On a link that is down no VLAN link can be up.
    asked = replace(ours, mtu=below.mtu, up=below.up or ours.up, marked=True, network=network)
    as_asked = replace(link, mtu=asked.mtu, up=asked.up, carrier=below.carrier)
    return as_asked, Goal(host=Host(vlans=frozenset({asked})))


def _new(declaration: Declaration, below: Link, facts: Facts) -> Goal:
    number = declaration.vlan or 0
    name = vlan_name(below.name, number)
    if taken := _taken(declaration.name, name, facts):
        return as_seen(declaration.name, facts, taken)
    vlan = Vlan(name=name, parent=below.name, id=number, mtu=below.mtu, up=below.up, network=declaration.name)
    waits = as_seen(declaration.name, facts, NO_VLAN_YET(declaration.name, link=name))
    return union(waits, Goal(host=Host(vlans=frozenset({vlan}))))


def _taken(network: str, name: str, facts: Facts) -> Condition | None:
    """Return what is in the way of a new VLAN link of this *name* for *network*; None if nothing is."""
    if other := facts.links.get(name):
        what = f"VLAN {other.vlan} of '{other.below}'" if other.vlan else other.kind or "no VLAN link"
        return VLAN_NAME_TAKEN(network, link=name, kind=what)
    if other_name := facts.altnames.get(name):
        return VLAN_NAME_IS_ALTNAME(network, link=other_name, altname=name)
    return None


def kept_vlans(config: Config, facts: Facts, asked: Host) -> Goal:
    """Keep those of our VLAN links that no file asks for but something uses, and tell what does."""
    wanted = {vlan.name for vlan in asked.vlans}
    left = frozenset(vlan for vlan in facts.seen.vlans if vlan.name not in wanted)
    if facts.held or facts.seen.engine is None:  # a file may come back, and Docker may have it in use
        return Goal(host=Host(vlans=left))
    declared = {declaration.name for declaration in config.declarations}
    users = {vlan: sorted(_users(vlan, facts, asked)) for vlan in left}
    return Goal(
        host=Host(vlans=frozenset(vlan for vlan, found in users.items() if found)),
        obstacles=frozenset(
            VLAN_IN_USE(vlan.network, vlan=vlan, use=found[0])
            for vlan, found in users.items()
            if found and vlan.network not in declared
        ),
    )


def _users(vlan: Vlan, facts: Facts, asked: Host) -> Iterator[str]:
    """Yield what would be lost with *vlan*, as far as it can be seen."""
    link = facts.links[vlan.name]
    yield from (f"the Docker network '{it.name}' is on it" for it in facts.seen.networks if it.parent == vlan.name)
    yield from (f"{shim} is there" for shim in asked.shims if shim.parent == vlan.name)
    yield from (f"'{child.name}' is on it" for child in facts.children[vlan.name])
    yield from (f"it has the address {one.ip}" for one in link.addresses if one.version == 4)
    if link.master:
        yield f"it is a port of '{link.master}'"
