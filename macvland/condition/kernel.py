"""What the kernel refuses, as far as macvland has not told of it before it tried."""

from functools import partial

from macvland.condition.value import Kind, Severity, State

_failed = partial(Kind, code="MV104", severity=Severity.ERROR, state=State.FAILED)

NOT_PERMITTED = _failed(name="kernel-denies", sentence="the kernel does not permit it: macvland needs CAP_NET_ADMIN")
UNGUARDED = _failed(
    name="classifier-missing",
    sentence="this kernel cannot keep the LAN from asking the shim as well (clsact, cls_bpf), which would then see two "
    "MACs; write `proxy_ndp = false` in [shim] to do without",
)
TOO_MANY = _failed(
    name="classifier-full",
    sentence="{count} containers are more than a classifier of the kernel's has room for, about 800; write `proxy_ndp "
    "= false` in [shim], and they meet the host at the shim's address",
)
MESSAGE_TOO_LARGE = _failed(
    name="message-too-large",
    sentence="its message of {octets} octets is more than the {room} that a netlink socket takes: "
    "make the sysctl net.core.wmem_default larger, and reload macvland",
)
IPV6_OFF = _failed(
    name="ipv6-off",
    sentence="IPv6 is switched off there: set net.ipv6.conf.{shim}.disable_ipv6 to 0",
)
MTU_ABOVE = _failed(
    name="mtu-above-parent",
    sentence="its MTU {mtu} is above the {highest} of parent '{parent}'",
)
NO_MACVLAN = _failed(name="macvlan-unsupported", sentence="this kernel has no macvlan driver")
NO_VLANS = _failed(
    name="vlan-unsupported",
    sentence="this kernel has no 802.1Q VLANs: its module 8021q is missing",
)
PARENT_GONE = _failed(name="kernel-parent-missing", sentence="parent '{parent}' does not exist")
PARENT_SET_DOWN = _failed(name="kernel-parent-down", sentence="parent '{parent}' is down")
NAME_TAKEN = _failed(name="link-name-taken", sentence="another link is called '{link}'")
VLAN_TAKEN = _failed(
    name="vlan-taken",
    sentence="another link is called '{link}', or is VLAN {vlan} of '{parent}' already",
)
MAC_TAKEN = _failed(
    name="mac-taken",
    sentence="somebody else has its MAC {mac} on parent '{parent}'; it takes another one",
)
PARENT_IS_PORT = _failed(
    name="kernel-parent-is-port",
    sentence="parent '{parent}' is a port of '{master}'; use '{master}' as the parent",
)
PARENT_NO_ETHERNET = _failed(name="kernel-parent-no-ethernet", sentence="parent '{parent}' is no Ethernet link")
PARENT_BUSY = _failed(
    name="kernel-parent-busy",
    sentence="parent '{parent}' carries another kind of link, in a container perhaps: ipvlan, MACsec",
)
PARENT_IN_PASSTHRU = _failed(
    name="kernel-parent-in-passthru",
    sentence="a macvlan in passthru mode, in a container perhaps, has parent '{parent}' for itself",
)
ROUTE_IN_THE_WAY = _failed(
    name="route-in-the-way",
    sentence="another program's route to {destination} is in the way",
)
NO_SOURCE = _failed(name="source-missing", sentence="the host has no address {source} to send from")


def _refused(error: str, words: str) -> str:
    return f"{error} ({words})" if words and words != error else error


REFUSED = _failed(name="kernel-refused", sentence=_refused)
NO_NETLINK = _failed(name="netlink-missing", sentence="no netlink socket: {error}")
NO_LINKS = _failed(name="links-unread", sentence="the kernel's links cannot be read: {error}")
SILENT = _failed(name="netlink-silent", sentence="the kernel gave no netlink answer in {seconds} s")
OVERFLOW = _failed(name="netlink-overflow", sentence="the netlink socket's buffer overflowed: answers are lost")
TOO_LONG = _failed(name="netlink-too-long", sentence="a netlink datagram was longer than {octets} octets")
DUMP_INTERRUPTED = _failed(name="dump-interrupted", sentence="the kernel's tables changed while they were read")
