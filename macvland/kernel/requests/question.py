"""What is asked of the kernel about the host."""

from macvland.kernel import codec
from macvland.kernel.codec import Message, attribute
from macvland.kernel.requests.part import IP_VERSION, PROTOCOL, number
from macvland.model import Address

# By family: 198.51.100.1, TEST-NET-2 (RFC 5737), and one for documentation (RFC 3849). They are on no network, so only
# a default route leads there.
ANYWHERE = {2: b"\xc6\x33\x64\x01", 10: b"\x20\x01\x0d\xb8" + bytes(12)}


def links() -> Message:
    """Ask for every link, without its counters."""
    mask = attribute(codec.IFLA_EXT_MASK, codec.U32.pack(codec.RTEXT_FILTER_SKIP_STATS))
    return Message(codec.RTM_GETLINK, 0, codec.IFINFO.pack(0, 0, 0, 0, 0) + mask)


def addresses() -> Message:
    """Ask for every address."""
    return Message(codec.RTM_GETADDR, 0, codec.IFADDR.pack(0, 0, 0, 0, 0))


def routes(family: int, protocol: int = PROTOCOL) -> Message:
    """Ask for the routes of *family* that carry a *protocol* number, ours or another: the kernel filters."""
    return Message(codec.RTM_GETROUTE, 0, codec.RTMSG.pack(family, 0, 0, 0, 0, protocol, 0, 0, 0))


def neighbours() -> Message:
    """Ask for every neighbour: the kernel can filter by one link, but not by protocol."""
    return Message(codec.RTM_GETNEIGH, 0, codec.NDMSG.pack(0, 0, 0, 0, 0))


def accepted(parent: int) -> Message:
    """Ask for the MACs that a link takes in for its children, wherever these are (bridge(8), `fdb show`)."""
    return Message(codec.RTM_GETNEIGH, 0, codec.NDMSG.pack(codec.AF_BRIDGE, parent, 0, 0, 0))


def way_out(family: int, index: int) -> Message:
    """Ask which route of *family* leads to an address that is nowhere, over the link *index* if that is not 0."""
    address = ANYWHERE[family]
    head = codec.RTMSG.pack(family, 8 * len(address), 0, 0, 0, 0, 0, 0, codec.RTM_F_FIB_MATCH)
    body = head + attribute(codec.RTA_DST, address)
    return Message(codec.RTM_GETROUTE, 0, body + number(codec.RTA_OIF, index) if index else body)


def way_to(address: Address) -> Message:
    """Ask which route a packet to *address* takes now."""
    head = codec.RTMSG.pack(IP_VERSION[address.version], address.max_prefixlen, 0, 0, 0, 0, 0, 0, 0)
    return Message(codec.RTM_GETROUTE, 0, head + attribute(codec.RTA_DST, address.packed))
