"""The parent of a network: which link is meant, and what is asked of it."""

from macvland.config import Config
from macvland.model import Goal, Hold, Host, Link, Promiscuity
from macvland.wanted.facts import Facts, obstacle


def parent_of(written: str, facts: Facts) -> Link | None:
    """Return the link that *written* means: by name, altname or MAC, or that of the default route for "auto"."""
    if written == "auto":
        return facts.links.get(facts.seen.default_link or "")
    if written in facts.links:
        return facts.links[written]
    others = [link for link in facts.seen.links if written in link.altnames or written == link.mac]
    # A bridge, a bond and a VLAN link carry the MAC of the NIC below: the MAC means the NIC, which has no kind.
    return min(others, key=lambda link: (link.kind != "", link.kind != "veth", link.index), default=None)


def absent(written: str) -> str:
    """Return what a network waits for whose parent is not there."""
    if written == "auto":
        return "waits for a default route, whose link is to be its parent"
    return f"waits for its parent '{written}', which does not exist yet"


def carrier(name: str, link: Link) -> Goal:
    """Tell of a parent over which nothing can pass; the network and its shim are made all the same."""
    if link.up and link.carrier:
        return Goal(host=Host())
    reason = f"its parent '{link.name}' has no carrier" if link.up else f"its parent '{link.name}' is down"
    return Goal(host=Host(), obstacles=obstacle(name, Hold.CARRIER, reason))


def promiscuity(config: Config, facts: Facts) -> Goal:
    """Ask for promiscuous mode on the parents of the declarations that want it."""
    parents = {
        link.name: declaration.name
        for declaration in reversed(config.declarations)
        if declaration.promiscuous and declaration.parent and (link := parent_of(declaration.parent, facts))
    }
    asked = (
        Promiscuity(parent=parent, network=network)
        for parent, network in parents.items()
        if not facts.links[parent].promiscuous  # somebody else's already: theirs to switch off
    )
    kept = facts.seen.promiscuous if facts.held else ()  # a held file may be the one that asked for it
    others = (promiscuity for promiscuity in kept if promiscuity.parent not in parents)
    return Goal(host=Host(promiscuous=frozenset((*asked, *others))))
