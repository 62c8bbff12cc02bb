"""Whether a link can carry macvlan links, told by what is seen of it before anything is tried; else, what to use.

The kernel's answers to the same links would be EINVAL and EBUSY (drivers/net/macvlan.c, macvlan_port_create), or
success, and silence on the wire.
"""

from collections.abc import Callable, Iterable

from macvland.condition import Condition
from macvland.condition.parent import (
    CARRIES_IPVLAN,
    IN_PASSTHRU,
    IS_IPVLAN,
    IS_MACVLAN,
    IS_PORT,
    IS_SWITCH_PORT,
    IS_VRF,
    IS_WIFI,
    NO_ETHERNET,
    POINT_TO_POINT,
)
from macvland.model import Link
from macvland.wanted.facts import Facts

# Whoever has a port takes all of its frames before a macvlan link could (netdev_rx_handler_register), save VRFs.
# A master without a kind is a failover driver's.
TAKES_ALL = {"bridge": "bridge", "bond": "bond", "team": "team", "hv_netvsc": "", "": ""}

Rule = Callable[[Link, Facts], Condition | None]


def unfit(link: Link, facts: Facts) -> Condition | None:
    """Return why *link* cannot carry a network, and what helps; None where nothing is known against it."""
    return _first(link, facts, (_no_ethernet, _stacked, _port, _shared, _wireless))


def unfit_below_vlan(link: Link, facts: Facts) -> Condition | None:
    """Return the same of a VLAN link on *link*, which has its frames before a bridge, ipvlan or passthru link does."""
    master = facts.links.get(link.master or "")
    bridged = master and master.kind in ("bridge", "openvswitch")
    return _first(link, facts, (_no_ethernet, _stacked, *(() if bridged else (_port,)), _wireless))


def _first(link: Link, facts: Facts, rules: Iterable[Rule]) -> Condition | None:
    return next((found for rule in rules if (found := rule(link, facts))), None)


def _no_ethernet(link: Link, _: Facts) -> Condition | None:
    if not link.ethernet:
        return NO_ETHERNET(parent=link.name, kind=link.kind)
    return POINT_TO_POINT(parent=link.name, kind=link.kind) if link.point_to_point else None


def _stacked(link: Link, _: Facts) -> Condition | None:
    match link.kind:
        case "macvlan" | "macvtap":
            return IS_MACVLAN(parent=link.name, kind=link.kind, below=link.below or "")
        case "ipvlan" | "ipvtap":
            return IS_IPVLAN(parent=link.name, kind=link.kind)
        case "vrf":
            return IS_VRF(parent=link.name)
        case _:
            return None


def _port(link: Link, facts: Facts) -> Condition | None:
    master = facts.links.get(link.master or "")
    if master and master.kind in TAKES_ALL:
        return IS_PORT(parent=link.name, kind=TAKES_ALL[master.kind], master=master.name)
    if master and master.kind == "openvswitch":
        ports = sorted(it.name for it in facts.seen.links if it.kind == "openvswitch" and it.addresses)
        return IS_SWITCH_PORT(parent=link.name, internal=ports[0] if ports else "")
    return None


def _shared(link: Link, facts: Facts) -> Condition | None:
    for child in facts.children[link.name]:
        if child.kind in ("ipvlan", "ipvtap"):
            return CARRIES_IPVLAN(parent=link.name, kind=child.kind, child=child.name)
        if child.passthru:
            return IN_PASSTHRU(parent=link.name, child=child.name)
    return None


def _wireless(link: Link, _: Facts) -> Condition | None:
    return IS_WIFI(parent=link.name) if link.wireless else None
