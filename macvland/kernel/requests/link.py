"""Links: shims and VLAN links are made, given their settings, set up or down, and deleted."""

from macvland.kernel import codec
from macvland.kernel.codec import Message, attribute
from macvland.kernel.requests.part import ALIAS, GROUP, IP_VERSION, LEAVING, MODES, mac, number, text
from macvland.model import Shim, Vlan

_NEW = codec.NLM_F_CREATE | codec.NLM_F_EXCL
_NEIGHBOUR_TABLES = {4: "arp_cache", 6: "ndisc_cache"}


def create(shim: Shim, index: int, parent: int) -> Message:
    """Make *shim*, down, with all that the kernel takes at once: what another program sees of it first is complete."""
    return _create(shim, index, parent, attribute(codec.IFLA_ADDRESS, mac(shim.mac)) + _macvlan(shim))


def create_vlan(vlan: Vlan, index: int, parent: int) -> Message:
    """Make *vlan*, down, with the MAC of its parent, which it keeps up with."""
    data = attribute(codec.IFLA_INFO_DATA, attribute(codec.IFLA_VLAN_ID, codec.U16.pack(vlan.id)))
    kind = attribute(codec.IFLA_LINKINFO, attribute(codec.IFLA_INFO_KIND, b"vlan") + data)
    return _create(vlan, index, parent, kind)


def _create(link: Shim | Vlan, index: int, parent: int, kind: bytes) -> Message:
    body = (
        codec.IFINFO.pack(0, 0, index, 0, 0)
        + text(codec.IFLA_IFNAME, link.name)
        + number(codec.IFLA_LINK, parent)
        + number(codec.IFLA_GROUP, GROUP)
        + number(codec.IFLA_MTU, link.mtu)
    )
    return Message(codec.RTM_NEWLINK, _NEW, body + kind)


def settle_vlan(vlan: Vlan, index: int, *, ipv6: bool) -> Message:
    """Give a new *vlan* what the create message cannot carry; and the host no address there by itself."""
    families = attribute(codec.IFLA_AF_SPEC, _link_local(on=False)) if ipv6 else b""
    return _set(index, _alias(vlan.network) + families)


def settle(shim: Shim, index: int, *, ipv6: bool) -> Message:
    """Give a new *shim* what the create message cannot carry: the kernel ignores ifalias there."""
    families = _arp_filter(on=shim.arp_filter)
    if ipv6:
        families += _link_local(on=shim.link_local)
    return _set(index, _alias(shim.network) + attribute(codec.IFLA_AF_SPEC, families))


def hush(index: int, version: int) -> Message:
    """Keep a shim from ever asking by ARP or NDP, which would tell the LAN its MAC for an address of the host.

    With no probe to send, the kernel takes a neighbour that is not there for one that failed (neigh_event_send): so it
    is when somebody flushes the permanent ones while packets are on their way. Questions are answered as before, and
    duplicate address detection goes on asking.
    """
    probes = number(codec.NDTPA_UCAST_PROBES, 0) + number(codec.NDTPA_MCAST_PROBES, 0)
    if version == 6:
        # A proxy waits up to 0.8 s, lest it be faster than the owner; of ours the owner is the same host.
        probes += attribute(codec.NDTPA_PROXY_DELAY, codec.U64.pack(0))
    table = text(codec.NDTA_NAME, _NEIGHBOUR_TABLES[version])
    parameters = attribute(codec.NDTA_PARMS, number(codec.NDTPA_IFINDEX, index) + probes)
    return Message(codec.RTM_SETNEIGHTBL, 0, codec.NDTMSG.pack(IP_VERSION[version]) + table + parameters)


def full_name(link: Shim | Vlan) -> str:
    """Return the name that *link* would have if the kernel let it: as its altname, cut at ALTIFNAMSIZ - 1."""
    whole = f"mv-{link.network}" if isinstance(link, Shim) else f"{link.parent}.{link.id}"
    return whole[:127]


def altname(link: Shim | Vlan, index: int) -> Message:
    """Give *link* its full name besides the hashed one."""
    names = text(codec.IFLA_ALT_IFNAME, full_name(link))
    body = codec.IFINFO.pack(0, 0, index, 0, 0) + attribute(codec.IFLA_PROP_LIST | codec.NLA_F_NESTED, names)
    return Message(codec.RTM_NEWLINKPROP, _NEW, body)


def adjust(shim: Shim, seen: Shim, index: int) -> Message | None:
    """Bring *seen* to the settings of *shim*, all but up; None where none of them differs."""
    body = b""
    if shim.mac != seen.mac:
        body += attribute(codec.IFLA_ADDRESS, mac(shim.mac))
    if shim.mtu != seen.mtu:
        body += number(codec.IFLA_MTU, shim.mtu)
    if shim.network != seen.network:
        body += _alias(shim.network)
    if (shim.mode, shim.bcqueuelen) != (seen.mode, seen.bcqueuelen):
        body += _macvlan(shim)
    families = _arp_filter(on=shim.arp_filter) if shim.arp_filter != seen.arp_filter else b""
    if shim.link_local != seen.link_local:
        families += _link_local(on=shim.link_local)
    if families:
        body += attribute(codec.IFLA_AF_SPEC, families)
    if shim.marked and not seen.marked:
        body += number(codec.IFLA_GROUP, GROUP)
    return _set(index, body) if body else None


def adjust_vlan(vlan: Vlan, seen: Vlan, index: int) -> Message | None:
    """Bring *seen* to the settings of *vlan*, all but up; None where none of them differs."""
    body = b""
    if vlan.mtu != seen.mtu:
        body += number(codec.IFLA_MTU, vlan.mtu)
    if vlan.marked and not seen.marked:
        body += number(codec.IFLA_GROUP, GROUP)
    return _set(index, body) if body else None


def raise_link(index: int) -> Message:
    """Set a link up."""
    return Message(codec.RTM_NEWLINK, 0, codec.IFINFO.pack(0, 0, index, codec.IFF_UP, codec.IFF_UP))


def lower_link(index: int) -> Message:
    """Set a link down."""
    return Message(codec.RTM_NEWLINK, 0, codec.IFINFO.pack(0, 0, index, 0, codec.IFF_UP))


def leave(index: int) -> Message:
    """Put a link into the group of those that go."""
    return _set(index, number(codec.IFLA_GROUP, LEAVING))


def delete_leaving() -> Message:
    """Delete the group of those that go: 0.84 ms per link, where deleting them one by one takes 20 ms each."""
    body = codec.IFINFO.pack(0, 0, 0, 0, 0) + number(codec.IFLA_GROUP, LEAVING)
    return Message(codec.RTM_DELLINK, 0, body)


def delete_link(index: int) -> Message:
    """Delete one link."""
    return Message(codec.RTM_DELLINK, 0, codec.IFINFO.pack(0, 0, index, 0, 0))


def _set(index: int, body: bytes) -> Message:
    return Message(codec.RTM_NEWLINK, 0, codec.IFINFO.pack(0, 0, index, 0, 0) + body)


def _alias(network: str) -> bytes:
    return attribute(codec.IFLA_IFALIAS, f"{ALIAS}{network}".encode()[:255])  # IFALIASZ - 1


def _macvlan(shim: Shim) -> bytes:
    settings = number(codec.IFLA_MACVLAN_MODE, MODES[shim.mode])
    if shim.bcqueuelen is not None:
        settings += number(codec.IFLA_MACVLAN_BC_QUEUE_LEN, shim.bcqueuelen)
    kind = attribute(codec.IFLA_INFO_KIND, b"macvlan")
    return attribute(codec.IFLA_LINKINFO, kind + attribute(codec.IFLA_INFO_DATA, settings))


def _arp_filter(*, on: bool) -> bytes:
    setting = attribute(codec.IFLA_INET_CONF, number(codec.IPV4_DEVCONF_ARPFILTER, on))
    return attribute(IP_VERSION[4], setting)


def _link_local(*, on: bool) -> bytes:
    mode = codec.IN6_ADDR_GEN_MODE_EUI64 if on else codec.IN6_ADDR_GEN_MODE_NONE
    return attribute(IP_VERSION[6], attribute(codec.IFLA_INET6_ADDR_GEN_MODE, bytes((mode,))))
