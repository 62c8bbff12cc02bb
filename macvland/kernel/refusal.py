"""What the kernel's refusals mean to people, and whether waiting helps."""

import errno
import os
from collections.abc import Iterable

from macvland.action import Action, Add, Change, Failure
from macvland.condition import Condition
from macvland.condition.kernel import (
    IPV6_OFF,
    MAC_TAKEN,
    MESSAGE_TOO_LARGE,
    MTU_ABOVE,
    NAME_TAKEN,
    NO_MACVLAN,
    NO_SOURCE,
    NO_VLANS,
    NOT_PERMITTED,
    PARENT_BUSY,
    PARENT_GONE,
    PARENT_IN_PASSTHRU,
    PARENT_IS_PORT,
    PARENT_NO_ETHERNET,
    PARENT_SET_DOWN,
    REFUSED,
    ROUTE_IN_THE_WAY,
    TOO_MANY,
    UNGUARDED,
    VLAN_TAKEN,
)
from macvland.kernel import codec
from macvland.kernel.channel import Refusal
from macvland.kernel.codec import Message
from macvland.model import Link, Proxy, Route, Shim, ShimAddress, Vlan

GONE = frozenset({errno.ENODEV, errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL})
DELETIONS = frozenset(
    {codec.RTM_DELLINK, codec.RTM_DELADDR, codec.RTM_DELROUTE, codec.RTM_DELNEIGH, codec.RTM_DELTFILTER}
)
ADDITIONS = frozenset({codec.RTM_NEWADDR, codec.RTM_NEWLINKPROP, codec.RTM_NEWQDISC})
SETTINGS = frozenset({codec.RTM_NEWLINK, codec.RTM_SETNEIGHTBL})
# Time, or another program, can cure these; the others come back the same until somebody changes something.
PASSING = frozenset(
    {errno.ENODEV, errno.ENETDOWN, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.EINTR, errno.EIO, errno.EADDRINUSE}
)
MOST_ASKERS = 800  # containers: the kernel takes 4096 instructions, five of them for each (BPF_MAXINSNS)
NO_SUPPORT = frozenset({errno.EOPNOTSUPP, errno.EAFNOSUPPORT, 524})  # 524: the kernel's own ENOTSUPP

Cure = tuple[Condition, bool]  # what it means, and whether waiting helps


def harmless(message: Message, refusal: Refusal) -> bool:
    """Whether *refusal* says that what was asked is so already, or that there is nothing any more to ask it of."""
    if message.kind in DELETIONS or (message.kind in SETTINGS and not message.flags & codec.NLM_F_CREATE):
        return refusal.errno in GONE  # a shim to be set that went meanwhile: the next look decides
    # An altname is for people: whoever has it already, the shim works without.
    return message.kind in ADDITIONS and refusal.errno == errno.EEXIST


def explain(action: Action, refusal: Refusal, links: Iterable[Link]) -> Failure:
    """Return the failure of *action*, with a condition that names the cure where there is one."""
    condition, passing = _cure(action, refusal, {link.name: link for link in links})
    return Failure(action=action, condition=condition.of(action.network), passing=passing)


def _cure(action: Action, refusal: Refusal, links: dict[str, Link]) -> Cure:
    code = refusal.errno
    if code == errno.EPERM:
        return NOT_PERMITTED(), False
    match action:
        case Add(Shim() as shim):
            parent = links.get(shim.parent)
            known = _shim_cure(shim, code, parent) or _parent_cure(shim, code, parent)
        case Change(Shim() as shim):
            known = _shim_cure(shim, code, links.get(shim.parent))
        case Add(Vlan() as vlan) | Change(Vlan() as vlan):
            known = _vlan_cure(vlan, refusal)
        case Add(Route() as route) | Change(Route() as route):
            known = _route_cure(route, code)
        case Add(Proxy(macs=macs)) if macs and _is_too_many(len(macs), code):
            known = TOO_MANY(count=len(macs)), False
        case Add(Proxy()) if code in (errno.ENOENT, errno.EOPNOTSUPP):
            known = UNGUARDED(), False
        case Add(ShimAddress() as address) | Change(ShimAddress() as address) if code == errno.EACCES:
            known = IPV6_OFF(shim=address.shim), True
        case _:
            known = None
    if known is None and refusal.octets:
        known = MESSAGE_TOO_LARGE(octets=refusal.octets, room=refusal.room), False
    return known or (REFUSED(error=os.strerror(code), words=refusal.words), code in PASSING)


def _is_too_many(askers: int, code: int) -> bool:
    """Tell whether a classifier was refused for its many *askers*; a socket may be too narrow for few as well."""
    return code in (errno.EINVAL, errno.ERANGE) or (code == errno.EMSGSIZE and askers > MOST_ASKERS)


def _shim_cure(shim: Shim, code: int, parent: Link | None) -> Cure | None:
    if code in (errno.EINVAL, errno.ERANGE) and parent and shim.mtu > parent.mtu:
        return MTU_ABOVE(mtu=shim.mtu, highest=parent.mtu, parent=shim.parent), False
    if code in NO_SUPPORT:
        return NO_MACVLAN(), False
    known = {
        errno.ENODEV: PARENT_GONE(parent=shim.parent),
        errno.EEXIST: NAME_TAKEN(link=shim.name),
        errno.EADDRINUSE: MAC_TAKEN(mac=shim.mac, parent=shim.parent),
    }
    return (known[code], code in PASSING) if code in known else None


def _parent_cure(shim: Shim, code: int, parent: Link | None) -> Cure | None:
    """Explain what `wanted` has not told before: it does not see other namespaces, and may be told not to judge."""
    if parent and code == errno.EBUSY and parent.master:
        return PARENT_IS_PORT(parent=parent.name, master=parent.master), False
    if parent and code == errno.EINVAL and not parent.ethernet:
        return PARENT_NO_ETHERNET(parent=parent.name), False
    known = {errno.EBUSY: PARENT_BUSY, errno.EINVAL: PARENT_IN_PASSTHRU}
    return (known[code](parent=shim.parent), True) if code in known else None


def _vlan_cure(vlan: Vlan, refusal: Refusal) -> Cure | None:
    if refusal.errno in NO_SUPPORT and "VLAN" not in refusal.words:  # else it is the parent that carries none
        return NO_VLANS(), False
    known = {
        errno.ENODEV: PARENT_GONE(parent=vlan.parent),
        errno.EEXIST: VLAN_TAKEN(link=vlan.name, vlan=vlan.id, parent=vlan.parent),
        errno.ENETDOWN: PARENT_SET_DOWN(parent=vlan.parent),
    }
    return (known[refusal.errno], refusal.errno in PASSING) if refusal.errno in known else None


def _route_cure(route: Route, code: int) -> Cure | None:
    if code == errno.EEXIST:
        return ROUTE_IN_THE_WAY(destination=route.destination), True
    if code == errno.EINVAL and route.source:
        return NO_SOURCE(source=route.source), True
    return None
