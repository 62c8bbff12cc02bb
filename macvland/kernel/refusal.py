"""What the kernel's refusals mean to people, and whether waiting helps."""

import errno
import os
from collections.abc import Iterable

from macvland.action import Action, Add, Change, Failure
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
UNGUARDED = (
    "this kernel cannot keep the LAN from asking the shim as well (clsact, cls_bpf), which would then see two MACs; "
    "write `proxy_ndp = false` in [shim] to do without"
)
TOO_MANY = (
    "{} containers are more than a classifier of the kernel's has room for, about 800; write `proxy_ndp = false` in "
    "[shim], and they meet the host at the shim's address"
)
MOST_ASKERS = 800  # containers: the kernel takes 4096 instructions, five of them for each (BPF_MAXINSNS)
NO_SUPPORT = frozenset({errno.EOPNOTSUPP, errno.EAFNOSUPPORT, 524})  # 524: the kernel's own ENOTSUPP


def harmless(message: Message, refusal: Refusal) -> bool:
    """Whether *refusal* says that what was asked is so already, or that there is nothing any more to ask it of."""
    if message.kind in DELETIONS or (message.kind in SETTINGS and not message.flags & codec.NLM_F_CREATE):
        return refusal.errno in GONE  # a shim to be set that went meanwhile: the next look decides
    # An altname is for people: whoever has it already, the shim works without.
    return message.kind in ADDITIONS and refusal.errno == errno.EEXIST


def explain(action: Action, refusal: Refusal, links: Iterable[Link]) -> Failure:
    """Return the failure of *action*, in words that name the cure where there is one."""
    reason, passing = _cure(action, refusal, {link.name: link for link in links})
    return Failure(action=action, reason=reason, passing=passing)


def _cure(action: Action, refusal: Refusal, links: dict[str, Link]) -> tuple[str, bool]:
    code = refusal.errno
    if code == errno.EPERM:
        return "the kernel does not permit it: macvland needs CAP_NET_ADMIN", False
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
            known = TOO_MANY.format(len(macs)), False
        case Add(Proxy()) if code in (errno.ENOENT, errno.EOPNOTSUPP):
            known = UNGUARDED, False
        case Add(ShimAddress() as address) | Change(ShimAddress() as address) if code == errno.EACCES:
            known = f"IPv6 is switched off there: set net.ipv6.conf.{address.shim}.disable_ipv6 to 0", True
        case _:
            known = None
    return known or (_kernel_words(refusal), code in PASSING)


def _is_too_many(askers: int, code: int) -> bool:
    """Tell whether a classifier was refused for its many *askers*; a socket may be too narrow for few as well."""
    return code in (errno.EINVAL, errno.ERANGE) or (code == errno.EMSGSIZE and askers > MOST_ASKERS)


def _shim_cure(shim: Shim, code: int, parent: Link | None) -> tuple[str, bool] | None:
    if code in (errno.EINVAL, errno.ERANGE) and parent and shim.mtu > parent.mtu:
        return f"its MTU {shim.mtu} is above the {parent.mtu} of parent '{shim.parent}'", False
    if code in NO_SUPPORT:
        return "this kernel has no macvlan driver", False
    known = {
        errno.ENODEV: f"parent '{shim.parent}' does not exist",
        errno.EEXIST: f"another link is called '{shim.name}'",
        errno.EADDRINUSE: f"somebody else has its MAC {shim.mac} on parent '{shim.parent}'; it takes another one",
    }
    return (known[code], code in PASSING) if code in known else None


def _parent_cure(shim: Shim, code: int, parent: Link | None) -> tuple[str, bool] | None:
    """Explain what `wanted` has not told before: it does not see other namespaces, and may be told not to judge."""
    if parent and code == errno.EBUSY and parent.master:
        return f"parent '{parent.name}' is a port of '{parent.master}'; use '{parent.master}' as the parent", False
    if parent and code == errno.EINVAL and not parent.ethernet:
        return f"parent '{parent.name}' is no Ethernet link", False
    known = {
        errno.EBUSY: f"parent '{shim.parent}' carries another kind of link, in a container perhaps: ipvlan, MACsec",
        errno.EINVAL: f"a macvlan in passthru mode, in a container perhaps, has parent '{shim.parent}' for itself",
    }
    return (known[code], True) if code in known else None


def _vlan_cure(vlan: Vlan, refusal: Refusal) -> tuple[str, bool] | None:
    if refusal.errno in NO_SUPPORT and "VLAN" not in refusal.words:  # else it is the parent that carries none
        return "this kernel has no 802.1Q VLANs: its module 8021q is missing", False
    known = {
        errno.ENODEV: f"parent '{vlan.parent}' does not exist",
        errno.EEXIST: f"another link is called '{vlan.name}', or is VLAN {vlan.id} of '{vlan.parent}' already",
        errno.ENETDOWN: f"parent '{vlan.parent}' is down",
    }
    return (known[refusal.errno], refusal.errno in PASSING) if refusal.errno in known else None


def _route_cure(route: Route, code: int) -> tuple[str, bool] | None:
    if code == errno.EEXIST:
        return f"another program's route to {route.destination} is in the way", True
    if code == errno.EINVAL and route.source:
        return f"the host has no address {route.source} to send from", True
    return None


def _kernel_words(refusal: Refusal) -> str:
    if refusal.errno == errno.EMSGSIZE and refusal.words:  # our own: they name the cure
        return refusal.words
    meaning = os.strerror(refusal.errno)
    return f"{meaning} ({refusal.words})" if refusal.words and refusal.words != meaning else meaning
