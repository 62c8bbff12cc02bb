"""What the files ask of this host, given what the host has: a pure function.

Refuses to guess: what is not known (a file that is broken, a Docker that does not answer, a removal too fresh to be
believed) stays as it is seen.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from macvland.condition.daemon import DEFECT
from macvland.condition.files import ELSEWHERE, FRESHLY_GONE, GONE, GONE_IN_USE
from macvland.config import Config, Declaration
from macvland.model import Goal, Host, Link, Neighbour, ShimAddress
from macvland.wanted.docker import docker_network
from macvland.wanted.facts import Facts, as_seen, shims_by_network, union
from macvland.wanted.fitness import unfit, unfit_below_vlan
from macvland.wanted.lan import asked_of_lan, of_whole_lans
from macvland.wanted.parent import absent, carrier, parent_of, promiscuity
from macvland.wanted.remembered import REMEMBERED
from macvland.wanted.shim import host_shim, no_shim
from macvland.wanted.vlan import kept_vlans, vlan_link

Subject = TypeVar("Subject")
Goals = tuple[Goal, ...]  # of one network; all are put together once, at the end


def wanted(  # noqa: PLR0913 - each a fact of its own kind
    config: Config,
    seen: Host,
    machine_id: str,
    held: frozenset[str] = frozenset(),
    recheck: frozenset[ShimAddress] = frozenset(),
    *,
    ways: frozenset[Neighbour] = frozenset(),
) -> Goal:
    """Return the host as *config* asks for it.

    Of the networks *held*, nothing that is seen is removed; *recheck* are the addresses seen that another device had
    when the LAN was asked last: what is denied is asked for again, the others are asked for just now; *ways* are the
    neighbours wanted when Docker answered last.
    """
    if config.unreadable:
        held |= removals(config, seen)
    with REMEMBERED:
        return _wanted(config, Facts(config, seen, machine_id, held, recheck, ways=ways))


def _wanted(config: Config, facts: Facts) -> Goal:
    seen = facts.seen
    declared = {declaration.name for declaration in config.declarations}
    undeclared = ({network.name for network in seen.networks if network.spec} | facts.shims.keys()) - declared
    goal = union(
        *(goal for it in config.declarations for goal in _guarded(it.name, facts, _declared, it)),
        *(goal for name in sorted(undeclared) for goal in _guarded(name, facts, _undeclared, name)),
        promiscuity(config, facts),
        Goal(host=Host(), obstacles=of_whole_lans(config, facts)),
    )
    return union(goal, kept_vlans(config, facts, goal.host)) if seen.vlans else goal


def removals(config: Config, seen: Host) -> frozenset[str]:
    """Return the networks of which something of ours is seen that no file asks for any more."""
    declared = {declaration.name for declaration in config.declarations}
    shimmed = {declaration.name for declaration in config.declarations if declaration.shim}
    networks = {network.name for network in seen.networks if network.spec} | {vlan.network for vlan in seen.vlans}
    networks -= declared
    return frozenset(networks | shims_by_network(config, seen).keys() - shimmed)


def _guarded(name: str, facts: Facts, ask: Callable[[Subject, Facts], Goals], subject: Subject) -> Goals:
    """Ask for one network; should our own code fail on it, leave that network as it is and say so."""
    try:
        return ask(subject, facts)
    except Exception as defect:  # noqa: BLE001 - quarantine: a defect that one network meets must not stop the others
        return (as_seen(name, facts, DEFECT(name, defect=repr(defect))),)


def _declared(declaration: Declaration, facts: Facts) -> Goals:
    if declaration.parent is None:
        return (docker_network(declaration, None, facts),)
    parent = parent_of(declaration.parent, facts)
    if parent is None:
        return (absent(declaration, facts),)
    return _on(parent, declaration, facts) if declaration.vlan is None else _on_vlan(parent, declaration, facts)


def _on_vlan(parent: Link, declaration: Declaration, facts: Facts) -> Goals:
    """Ask for the VLAN link of *declaration* on *parent*, and on that for the rest."""
    if declaration.parent_check and (objection := unfit_below_vlan(parent, facts)):
        return (as_seen(declaration.name, facts, objection.of(declaration.name)),)
    link, vlan = vlan_link(declaration, parent, facts)
    if link is None:
        return (vlan,)
    if not parent.up:
        link = replace(link, up=True, carrier=True)  # it is down because its parent is, which is what there is to tell
        return (vlan, *_on(link, declaration, facts), carrier(declaration.name, parent))
    return (vlan, *_on(link, declaration, facts))


def _on(link: Link, declaration: Declaration, facts: Facts) -> Goals:
    """Ask for the network and the shim of *declaration* on *link*."""
    if declaration.parent_check and (objection := unfit(link, facts)):
        return (as_seen(declaration.name, facts, objection.of(declaration.name)),)
    shim = host_shim(declaration, link, facts) if declaration.shim else no_shim(declaration, facts)
    lan = asked_of_lan(declaration, link, facts)
    return (docker_network(declaration, link, facts), shim, lan, carrier(declaration.name, link))


def _undeclared(name: str, facts: Facts) -> Goals:
    if name in facts.broken or name in facts.unfinished:
        return (as_seen(name, facts),)
    why = ELSEWHERE if name in facts.elsewhere else GONE
    if name in facts.held:
        return (as_seen(name, facts, FRESHLY_GONE(name, why=why)),)
    ours = [network for network in facts.networks[name] if network.spec]
    users = sorted(attachment.container for network in ours for attachment in facts.attachments[network.id])
    if not users:
        return ()
    in_use = GONE_IN_USE(name, why=why, containers=users)
    return (Goal(host=Host(networks=frozenset(ours)), obstacles=frozenset({in_use})),)
