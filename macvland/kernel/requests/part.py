"""What the requests have in common: the marks of what is ours, and how values become attributes."""

from macvland.kernel import codec
from macvland.kernel.codec import attribute
from macvland.model import Mode

GROUP = 0x6D76  # 28022, "mv": the link group that makes a macvlan link ours, from the moment it exists
LEAVING = 0x6D77  # the group into which shims go for the instant before they are deleted together
PROTOCOL = 77  # of our routes and neighbours; free in iproute2's rt_protos, where the packages register it
ALIAS = "macvland: "  # what ifalias begins with
MODES = {Mode.PRIVATE: 1, Mode.VEPA: 2, Mode.BRIDGE: 4, Mode.PASSTHRU: 8}
METRICS = {4: 0, 6: 1024}  # of a route that is given none, by IP version (IP6_RT_PRIO_USER)
IP_VERSION = {4: 2, 6: 10}  # AF_INET, AF_INET6


def number(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits."""
    return codec.ATTRIBUTE.pack(8, kind) + codec.U32.pack(value)


def text(kind: int, words: str) -> bytes:
    """Return an attribute of words as C has them; a name of the kernel's may hold octets that are no UTF-8."""
    return attribute(kind, words.encode(errors="surrogateescape") + b"\0")


def mac(written: str) -> bytes:
    """Return the octets of a MAC address as it is written."""
    return bytes.fromhex(written.replace(":", ""))
