"""What the kernel has: the links of the host, and macvland's own with all that hangs on them."""

from dataclasses import dataclass, field
from enum import StrEnum

from macvland.model.address import Address, Interface

BCQUEUELEN = 1000  # frames; MACVLAN_DEFAULT_BC_QUEUE_LEN, drivers/net/macvlan.c
LONGEST_BCQUEUELEN = 0xFFFFFFFF  # IFLA_MACVLAN_BC_QUEUE_LEN is an NLA_U32 without bounds

IPV6_MTU = 1280  # octets (RFC 8200, 5); with less, the kernel takes IPv6 off a link, with its addresses and settings


class Mode(StrEnum):
    """How the macvlan children of one parent may talk to each other (ip-link(8), macvlan)."""

    BRIDGE = "bridge"
    VEPA = "vepa"
    PRIVATE = "private"
    PASSTHRU = "passthru"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link of the host that is no shim: what may carry a network, and what may stand in the way of one."""

    name: str
    index: int
    kind: str = ""  # IFLA_INFO_KIND: "bridge", "veth", "macvlan"…; "" for a physical NIC
    mac: str = ""  # lower case, colons
    permanent_mac: str = ""  # the one a NIC was built with; "" where there is none
    mtu: int = 1500
    up: bool = True  # administratively
    carrier: bool = True
    ethernet: bool = True  # ARPHRD_ETHER; a loopback, a tunnel, a modem is of another type
    point_to_point: bool = False
    wireless: bool = False
    vlan: int | None = None  # the ID of an 802.1Q VLAN link
    passthru: bool = False  # a macvlan or macvtap link that wants the one below for itself
    promiscuous: bool = False  # IFF_PROMISC, set by somebody on purpose; not the kernel's own counting
    below: str | None = None  # the link of this host that it sits on, as VLAN, macvlan and ipvlan links do
    master: str | None = None  # the bridge, bond or VRF that has it as a port
    accepts: frozenset[str] = frozenset()  # MACs of its children, in containers too; known while a shim on it is down
    altnames: frozenset[str] = frozenset()
    addresses: frozenset[Interface] = frozenset()
    tentative: frozenset[Address] = frozenset()  # of these: the LAN is still being asked whether they are free


@dataclass(frozen=True, slots=True, kw_only=True)
class Vlan:
    """An 802.1Q link that macvland made on a parent, for the networks that are to be on that VLAN.

    It is a Link as well: what it carries does not ask who made it.
    """

    name: str
    parent: str
    id: int
    mtu: int
    up: bool = True
    marked: bool = True  # is in our link group, by which everybody knows whose it is
    network: str = field(default="", compare=False)  # that it was made for; others may share it

    def __str__(self) -> str:
        return f"VLAN link '{self.name}' on '{self.parent}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shim:
    """The host's own macvlan link on a parent. The defaults are the only settings that keep the LAN clean."""

    name: str
    network: str
    parent: str
    mac: str
    mtu: int
    mode: Mode = Mode.BRIDGE
    # Broadcasts that may wait on the parent, whose queue is the longest asked for; None: this kernel has one for all.
    bcqueuelen: int | None = BCQUEUELEN
    up: bool = True
    arp_filter: bool = True  # answer ARP only where the route back leaves by this link: no ARP flux
    accept_ra: bool = False  # else the LAN's router gives the host a second default route
    autoconf: bool = False
    proxy_ndp: bool = False  # answer for other addresses of the host, as its proxies say; IPv6 asks forwarding for that
    link_local: bool = False  # an address of the kernel's own for each link costs O(N) where there are thousands
    marked: bool = True  # is in our link group, by which everybody knows whose it is

    def __str__(self) -> str:
        return f"shim '{self.name}' on '{self.parent}'"


class Dad(StrEnum):
    """How far duplicate address detection is with an IPv6 address (RFC 4862, 5.4); IPv4 has none."""

    DONE = "done"
    TENTATIVE = "tentative"  # the LAN is being asked: nothing can speak from the address yet
    FAILED = "dadfailed"  # another device has it: nothing ever will


@dataclass(frozen=True, slots=True, kw_only=True)
class ShimAddress:
    """An address of a shim's own, as /32 or /128: it must not bring a subnet route with it."""

    shim: str
    address: Address
    prefix_length: int | None = None  # None: the whole address; another one is seen, never wanted
    dad: Dad = Dad.DONE
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        length = "" if self.prefix_length is None else f"/{self.prefix_length}"
        return f"address {self.address}{length} on shim '{self.shim}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A host route over a shim to one attachment; *source* is the address containers see the host at."""

    shim: str
    destination: Address
    source: Address | None
    metric: int = 0  # 0: what the kernel gives a route that names none
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        source = f" from {self.source}" if self.source else ""
        metric = f" with metric {self.metric}" if self.metric else ""
        return f"route to {self.destination} over shim '{self.shim}'{source}{metric}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A permanent neighbour entry on a shim: with it the host never sends an ARP request from there."""

    shim: str
    address: Address
    mac: str
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"neighbour {self.address} at {self.mac} on shim '{self.shim}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An address of the host for which a shim answers NDP: to the containers that have *macs*, and to nobody else."""

    shim: str
    address: Address
    macs: frozenset[str] | None  # None: to the whole LAN, which is seen, never wanted
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        whom = "the whole LAN" if self.macs is None else f"{len(self.macs)} container{'s' * (len(self.macs) != 1)}"
        return f"proxy for {self.address} on shim '{self.shim}', for {whom}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promiscuity:
    """A parent that macvland keeps promiscuous: seen only where it carries our mark, never where others set it."""

    parent: str
    on: bool = True
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"promiscuous mode of '{self.parent}'"


KernelThing = Vlan | Shim | ShimAddress | Route | Neighbour | Proxy | Promiscuity
