"""Whether a link can carry macvlan links, told by what is seen of it before anything is tried; else, what to use.

The kernel's answers to the same links would be EINVAL and EBUSY (drivers/net/macvlan.c, macvlan_port_create), or
success, and silence on the wire.
"""

from collections.abc import Callable, Iterable

from macvland.model import Link
from macvland.wanted.facts import Facts

# Whoever has a port takes all of its frames before a macvlan link could (netdev_rx_handler_register), save VRFs.
# A master without a kind is a failover driver's.
TAKES_ALL = {"bridge": "bridge ", "bond": "bond ", "team": "team ", "hv_netvsc": "", "": ""}
ANOTHER = "use another link"
DELETE = "delete that one, or use another link"


def unfit(link: Link, facts: Facts) -> str:
    """Return why *link* cannot carry a network, and what helps; "" where nothing is known against it."""
    return _first(link, facts, (_no_ethernet, _stacked, _port, _shared, _wireless))


def unfit_below_vlan(link: Link, facts: Facts) -> str:
    """Return the same of a VLAN link on *link*, which has its frames before a bridge, ipvlan or passthru link does."""
    master = facts.links.get(link.master or "")
    bridged = master and master.kind in ("bridge", "openvswitch")
    return _first(link, facts, (_no_ethernet, _stacked, *(() if bridged else (_port,)), _wireless))


def _first(link: Link, facts: Facts, rules: Iterable[Callable[[Link, Facts], str]]) -> str:
    reason = next((found for rule in rules if (found := rule(link, facts))), "")
    return f"its parent '{link.name}' {reason}" if reason else ""


def _no_ethernet(link: Link, _: Facts) -> str:
    kind = f" ({link.kind})" if link.kind else ""
    if not link.ethernet:
        return f"is no Ethernet link{kind}, and macvlan takes no other; {ANOTHER}"
    if link.point_to_point:
        return f"is a point-to-point link{kind}, where no LAN is; {ANOTHER}"
    return ""


def _stacked(link: Link, _: Facts) -> str:
    match link.kind:
        case "macvlan" | "macvtap":
            return f"is a {link.kind} link itself; use " + (f"'{link.below}'" if link.below else "the link below it")
        case "ipvlan" | "ipvtap":
            return f"is an {link.kind} link, which has one MAC only; {ANOTHER}"
        case "vrf":
            return "is a VRF, which has no wire; use one of its ports"
        case _:
            return ""


def _port(link: Link, facts: Facts) -> str:
    master = facts.links.get(link.master or "")
    if master and master.kind in TAKES_ALL:
        return f"is a port of {TAKES_ALL[master.kind]}'{master.name}'; use '{master.name}'"
    if master and master.kind == "openvswitch":
        ports = sorted(f", as '{it.name}'" for it in facts.seen.links if it.kind == "openvswitch" and it.addresses)
        return f"is a port of Open vSwitch; use an internal port of that switch{''.join(ports[:1])}"
    return ""


def _shared(link: Link, facts: Facts) -> str:
    for child in facts.children[link.name]:
        if child.kind in ("ipvlan", "ipvtap"):
            return f"carries the {child.kind} link '{child.name}', and cannot carry both; {DELETE}"
        if child.passthru:
            return f"is taken by '{child.name}' in passthru mode; {DELETE}"
    return ""


def _wireless(link: Link, _: Facts) -> str:
    if not link.wireless:
        return ""
    return (
        f"is a Wi-Fi link, and a station may send from one MAC only; {ANOTHER}, "
        "or `parent_check = false` if this one is an access point"
    )
