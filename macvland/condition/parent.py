"""What is wrong with the link that is to carry a network."""

from functools import partial

from macvland.condition.value import Kind, Severity, State

_waiting = partial(Kind, severity=Severity.WARNING, state=State.WAITING)
_unable = partial(Kind, code="MV304", severity=Severity.ERROR, state=State.CONFLICT)

ANOTHER = "use another link"
DELETE = "delete that one, or use another link"

PARENT_MISSING = _waiting(
    name="parent-missing", code="MV301", sentence="waits for its parent '{parent}', which does not exist yet"
)
NO_DEFAULT_ROUTE = _waiting(
    name="default-route-missing", code="MV301", sentence="waits for a default route, whose link is to be its parent"
)
PARENT_DOWN = _waiting(name="parent-down", code="MV302", sentence="its parent '{parent}' is down")
NO_CARRIER = _waiting(name="parent-no-carrier", code="MV303", sentence="its parent '{parent}' has no carrier")
NO_VLAN_YET = Kind(
    name="vlan-link-missing",
    code="MV804",
    severity=Severity.INFO,
    state=State.WAITING,
    sentence="waits for '{link}', which is made first",
)
# What is made, or comes, in the first seconds of a boot, and is worth waiting for.
AWAITED = frozenset({PARENT_MISSING, NO_DEFAULT_ROUTE, NO_VLAN_YET})


def _kind(kind: str) -> str:
    return f" ({kind})" if kind else ""


def _no_ethernet(parent: str, kind: str) -> str:
    return f"its parent '{parent}' is no Ethernet link{_kind(kind)}, and macvlan takes no other; {ANOTHER}"


def _point_to_point(parent: str, kind: str) -> str:
    return f"its parent '{parent}' is a point-to-point link{_kind(kind)}, where no LAN is; {ANOTHER}"


def _macvlan(parent: str, kind: str, below: str) -> str:
    return f"its parent '{parent}' is a {kind} link itself; use " + (f"'{below}'" if below else "the link below it")


def _port(parent: str, kind: str, master: str) -> str:
    return f"its parent '{parent}' is a port of {kind + ' ' if kind else ''}'{master}'; use '{master}'"


def _switch_port(parent: str, internal: str) -> str:
    use = f", as '{internal}'" if internal else ""
    return f"its parent '{parent}' is a port of Open vSwitch; use an internal port of that switch{use}"


IS_A_SHIM = _unable(name="parent-is-shim", sentence="its parent '{parent}' is a shim of macvland's; use '{below}'")
NO_ETHERNET = _unable(name="parent-no-ethernet", sentence=_no_ethernet)
POINT_TO_POINT = _unable(name="parent-point-to-point", sentence=_point_to_point)
IS_MACVLAN = _unable(name="parent-is-macvlan", sentence=_macvlan)
IS_IPVLAN = _unable(
    name="parent-is-ipvlan",
    sentence=f"its parent '{{parent}}' is an {{kind}} link, which has one MAC only; {ANOTHER}",
)
IS_VRF = _unable(
    name="parent-is-vrf", sentence="its parent '{parent}' is a VRF, which has no wire; use one of its ports"
)
IS_PORT = _unable(name="parent-is-port", sentence=_port)
IS_SWITCH_PORT = _unable(name="parent-is-switch-port", sentence=_switch_port)
CARRIES_IPVLAN = _unable(
    name="parent-carries-ipvlan",
    sentence=f"its parent '{{parent}}' carries the {{kind}} link '{{child}}', and cannot carry both; {DELETE}",
)
IN_PASSTHRU = _unable(
    name="parent-in-passthru",
    sentence=f"its parent '{{parent}}' is taken by '{{child}}' in passthru mode; {DELETE}",
)
IS_WIFI = Kind(
    name="parent-is-wifi",
    code="MV305",
    severity=Severity.ERROR,
    state=State.CONFLICT,
    sentence=f"its parent '{{parent}}' is a Wi-Fi link, and a station may send from one MAC only; {ANOTHER}, "
    "or `parent_check = false` if this one is an access point",
)
