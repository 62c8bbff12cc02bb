"""The parent of a network: which link is meant, and what is asked of it."""

from macvland.condition import Condition
from macvland.condition.parent import IS_A_SHIM, NO_CARRIER, NO_DEFAULT_ROUTE, PARENT_DOWN, PARENT_MISSING
from macvland.config import Config, Declaration
from macvland.model import Goal, Host, Link, Network, Promiscuity
from macvland.wanted.facts import NOTHING, Facts, as_seen


def parent_of(written: str, facts: Facts) -> Link | None:
    """Return the link that *written* means: by name, altname or MAC, or that of the default route for "auto"."""
    if written == "auto":
        return facts.links.get(facts.seen.default_link or "")
    return facts.links.get(written) or facts.other_names.get(written)


def carrying(declaration: Declaration, facts: Facts) -> Link | None:
    """Return the link that is to carry the network of *declaration*: its parent, or the link of its VLAN there."""
    link = parent_of(declaration.parent, facts) if declaration.parent else None
    return facts.vlans.get((link.name, declaration.vlan)) if link and declaration.vlan else link


def absent(declaration: Declaration, facts: Facts) -> Goal:
    """Keep what there is of a network whose parent is not there, and tell what it waits for."""
    name, written = declaration.name, declaration.parent
    for shim in facts.seen.shims:
        if written == shim.name:
            return as_seen(name, facts, IS_A_SHIM(name, parent=written, below=shim.parent))
    return as_seen(name, facts, missing(name, written or ""))


def missing(network: str, written: str) -> Condition:
    """Return the condition of a network whose parent is not there."""
    return NO_DEFAULT_ROUTE(network) if written == "auto" else PARENT_MISSING(network, parent=written)


def carries(link: Link, network: Network) -> bool:
    """Tell whether Docker has *network* on *link*: it keeps the name it was told, which may be an altname by now."""
    return network.parent == link.name or network.parent in link.altnames


def carrier(name: str, link: Link) -> Goal:
    """Tell of a parent over which nothing can pass; the network and its shim are made all the same."""
    found = silent(name, link)
    return Goal(host=NOTHING, obstacles=frozenset({found})) if found else Goal(host=NOTHING)


def silent(network: str, link: Link) -> Condition | None:
    """Return the condition of a network over whose *link* nothing can pass; None where something can."""
    if link.up and link.carrier:
        return None
    return NO_CARRIER(network, parent=link.name) if link.up else PARENT_DOWN(network, parent=link.name)


def promiscuity(config: Config, facts: Facts) -> Goal:
    """Ask for promiscuous mode on the parents of the declarations that want it."""
    parents = {
        link.name: declaration.name
        for declaration in reversed(config.declarations)
        if declaration.promiscuous and (link := carrying(declaration, facts))
    }
    asked = (
        Promiscuity(parent=parent, network=network)
        for parent, network in parents.items()
        if not facts.links[parent].promiscuous  # somebody else's already: theirs to switch off
    )
    # A held file may be the one that asked for it; one whose parent nobody can name at the moment means where it is.
    lost = [one.name for one in config.declarations if one.promiscuous and one.parent and not carrying(one, facts)]
    meant = {shim.parent for shim in facts.seen.shims if shim.network in lost}
    nets = [network for name in lost for network in facts.networks[name]]
    meant |= {link.name for link in facts.seen.links for network in nets if carries(link, network)}
    kept = (one for one in facts.seen.promiscuous if facts.held or one.parent in meant)
    others = (promiscuity for promiscuity in kept if promiscuity.parent not in parents)
    return Goal(host=Host(promiscuous=frozenset((*asked, *others))))
