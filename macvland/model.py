"""What a host looks like: frozen values that compare by value.

The same types describe the host as the files want it and as the kernel and Docker report it, so a difference
is set algebra and "converged" is equality. Nothing here reads, writes or decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network

Address = IPv4Address | IPv6Address
Interface = IPv4Interface | IPv6Interface
Prefix = IPv4Network | IPv6Network

BCQUEUELEN = 1000  # frames; MACVLAN_DEFAULT_BC_QUEUE_LEN, drivers/net/macvlan.c
LONGEST_BCQUEUELEN = 0xFFFFFFFF  # IFLA_MACVLAN_BC_QUEUE_LEN is an NLA_U32 without bounds

IPV6_MTU = 1280  # octets (RFC 8200, 5); with less, the kernel takes IPv6 off a link, with its addresses and settings


class OnConflict(StrEnum):
    """What becomes of a container whose address another device on the LAN has."""

    WARN = "warn"
    DISCONNECT = "disconnect"


class Mode(StrEnum):
    """How the macvlan children of one parent may talk to each other (ip-link(8), macvlan)."""

    BRIDGE = "bridge"
    VEPA = "vepa"
    PRIVATE = "private"
    PASSTHRU = "passthru"


class Replacing(StrEnum):
    """When a network that Docker cannot change may be exchanged for another one, its containers included."""

    WHEN_LOSSLESS = "when-lossless"  # unless a container would lose its MAC by it, or could not be connected again
    WHEN_UNUSED = "when-unused"  # once its last container has left
    ALWAYS = "always"


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Which of several hosts this one is: what files can call it by."""

    hostname: str  # as the kernel has it
    id: str  # machine-id(5)


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
    bcqueuelen: int = BCQUEUELEN  # broadcasts that may wait on the parent, whose queue is the longest asked for
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
    network: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"route to {self.destination} over shim '{self.shim}'" + (f" from {self.source}" if self.source else "")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Subnet:
    """One IPAM pool of a Docker network."""

    cidr: Prefix
    gateway: Address | None = None
    range: Prefix | None = None
    reserved: frozenset[Address] = frozenset()  # Docker's aux-addresses: never handed out


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A Docker macvlan network. Whether one seen is as wanted is told by `spec_of`, not by equality."""

    name: str
    parent: str | None  # a link name; None: Docker makes a dummy link
    mode: Mode = Mode.BRIDGE
    internal: bool = False
    subnets: frozenset[Subnet] = frozenset()
    # Reserved as well, but no reason to replace a network: the host's and the shim's own addresses may change.
    spared: frozenset[Address] = frozenset()
    labels: frozenset[tuple[str, str]] = frozenset()  # the user's, not ours
    replacing: Replacing = field(default=Replacing.WHEN_LOSSLESS, compare=False)
    spec: str = ""  # as labelled; "" on a network that macvland did not make
    id: str = ""  # Docker's; "" while only wanted

    def __str__(self) -> str:
        parent = f"on '{self.parent}'" if self.parent else "without a parent"
        pools = ", ".join(sorted(str(pool.cidr) for pool in self.subnets))
        return f"Docker network '{self.name}' {parent} with {pools}"

    @property
    def network(self) -> str:
        """Its name, as every other thing calls it."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """The replacement of a Docker network that was begun and not ended: we were killed, or Docker was."""

    network: str

    def __str__(self) -> str:
        return f"the replacement of Docker network '{self.network}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That it was found out whether Docker's driver knows a network that Docker lists, since Docker started."""

    network: str
    id: str
    parent: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        return f"whether Docker's driver knows network '{self.network}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A network that Docker lists and its driver has forgotten: no container can start on it."""

    network: str
    id: str
    reason: str
    curable: bool = True  # by making it anew


KernelThing = Vlan | Shim | ShimAddress | Route | Neighbour | Proxy | Promiscuity


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One container on one network. A stopped container has its attachment, but no addresses."""

    network: str
    network_id: str  # of a container that does not run, perhaps of a network that is no more
    container: str
    id: str = field(default="", compare=False)  # the container's
    endpoint: str = field(default="", compare=False)  # Docker's id of the link that it has while it runs
    mac: str = ""
    addresses: frozenset[Address] = frozenset()
    fixed: frozenset[Address] = frozenset()  # those that it was configured with, also while it does not run
    cut: bool = False  # its link has vanished with the parent: it runs without a NIC

    def __str__(self) -> str:
        return f"container '{self.container}' on Docker network '{self.network}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The Docker engine that answered."""

    version: str
    api: tuple[int, int]


class About(IntEnum):
    """Why the LAN is asked for an address, the most urgent first."""

    SHIM = 0  # the host is to have it, or has it
    GATEWAY = 1  # somebody should have it
    CONTAINER = 2
    CONTROL = 3  # nobody should have it: who answers for that answers for everything
    RANGE = 4  # Docker may give it to a container
    TWIN = 5  # somebody speaks from it with a MAC of this host's


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An address for which the LAN of a parent is asked once, and listened to from then on."""

    parent: str
    address: Address
    about: About
    of: str = ""  # whose it is on this host, a container's MAC or a network's id: of another is another question
    controls: tuple[Address, ...] = field(default=(), compare=False)  # of the same subnet, and nobody's that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """Somebody on the LAN who is not of this host."""

    mac: str
    vendor: str = field(default="", compare=False)  # of whom the machine has a list

    def __str__(self) -> str:
        return f"{self.mac} ({self.vendor})" if self.vendor else self.mac


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Which devices say that they have an address: none of this host's, nor any that answers for everything."""

    question: Question
    devices: frozenset[Device] = frozenset()

    @property
    def wrong(self) -> bool:
        """Tell whether it is not as it should be: a gateway should have a device, and nobody else."""
        return bool(self.devices) == (self.question.about is not About.GATEWAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What the LANs said: it cannot be looked at, only remembered. A question without a finding is still open."""

    findings: frozenset[Finding] = frozenset()
    proxies: frozenset[tuple[str, Device]] = frozenset()  # by parent, who answers for everything (proxy ARP)
    twins: frozenset[tuple[str, Address, Device]] = frozenset()  # who uses a MAC of this host's, and with which address


@dataclass(frozen=True, slots=True, kw_only=True)
class Expulsion:
    """A container that is to be taken off its network, and why."""

    attachment: Attachment
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """Everything macvland looks at or asks for. Without *engine*, Docker did not answer and its part is unknown."""

    links: frozenset[Link] = frozenset()
    default_link: str | None = None  # the link of the IPv4 default route, without one that of the IPv6 one
    vlans: frozenset[Vlan] = frozenset()
    shims: frozenset[Shim] = frozenset()
    addresses: frozenset[ShimAddress] = frozenset()
    routes: frozenset[Route] = frozenset()
    neighbours: frozenset[Neighbour] = frozenset()
    proxies: frozenset[Proxy] = frozenset()
    promiscuous: frozenset[Promiscuity] = frozenset()
    engine: Engine | None = None
    absence: str = ""  # why there is no engine, in words
    networks: frozenset[Network] = frozenset()
    attachments: frozenset[Attachment] = frozenset()
    unfinished: frozenset[Unfinished] = frozenset()
    proofs: frozenset[Proof] = frozenset()
    losses: frozenset[Loss] = frozenset()
    expulsions: frozenset[Expulsion] = frozenset()  # wanted, never seen
    heard: Heard | None = None  # None: nobody listens to the LAN, and no address is asked for


class Hold(StrEnum):
    """Why a network is not as its file asks, although no action of ours would help now."""

    PARENT = "parent"  # waits for a link
    CARRIER = "carrier"  # is in place, but its parent is down or unplugged
    ADDRESS = "address"  # waits for an address that the shim can have, or borrow from the parent
    CHECK = "check"  # waits a second or two for the LAN to say whether an address is free
    ENGINE = "engine"  # waits for Docker to answer
    TAKEN = "taken"  # another device on the LAN has the address that the shim is to have
    CONFLICT = "conflict"  # something foreign, or something immutable, is in the way
    UNDONE = "undone"  # somebody keeps undoing what macvland does
    USED = "used"  # is to be replaced once nobody uses it
    LEAVING = "leaving"  # its file is gone, its containers are not
    DISPUTED = "disputed"  # is as asked, but the LAN does not agree: a warning, and no state
    DEFECT = "defect"  # macvland itself failed on it; the other networks go on


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """What keeps one network from being as asked, in words for its administrator."""

    network: str
    hold: Hold
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The host as wanted, and what stands in the way of wanting more."""

    host: Host
    obstacles: frozenset[Obstacle] = frozenset()
    questions: frozenset[Question] = frozenset()  # to the LAN


def shim_name(network: str) -> str:
    """Return the link name of the shim of *network*: `mv-<network>`, hashed where that exceeds IFNAMSIZ - 1 = 15."""
    name = f"mv-{network}"
    return name if len(name) <= 15 else f"mv-{network[:5]}-{sha256(network.encode()).hexdigest()[:6]}"


def vlan_name(parent: str, vlan: int) -> str:
    """Return the name of the link of *vlan* on *parent*: `<parent>.<vlan>` as everybody has it, hashed beyond 15.

    With one dot in it, Docker knows whose VLAN it is to be, and would not make another one.
    """
    name = f"{parent}.{vlan}"
    return name if len(name) <= 15 else f"{parent[:3]}-{sha256(parent.encode()).hexdigest()[:6]}.{vlan}"


def shim_mac(machine_id: str, network: str, spare: int = 0) -> str:
    """Return the shim's MAC: the same at every boot, another on every host, locally administered unicast.

    Each *spare* is another one, for when somebody else has the first.
    """
    words = (machine_id, network, *((str(spare),) if spare else ()))
    digest = sha256("\0".join(words).encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (digest[0] & 0xFC | 0x02, *digest[1:6]))


def spec_of(network: Network) -> str:
    """Return the hash of all that Docker cannot change in place; the leading number is the hash's own version."""
    pools = sorted(
        f"{pool.cidr} {pool.gateway} {pool.range} {','.join(sorted(map(str, pool.reserved)))}"
        for pool in network.subnets
    )
    text = "\n".join((network.name, str(network.parent), network.mode, str(network.internal), *pools))
    return f"1:{sha256(text.encode()).hexdigest()[:32]}"


def differences(was: Network, now: Network) -> Iterator[tuple[str, str, str]]:
    """Yield in words what of *was* Docker would have to change to make it *now*, each with its old and new value."""
    for name in ("parent", "mode", "internal"):
        if getattr(was, name) != getattr(now, name):
            yield name, _word(getattr(was, name)), _word(getattr(now, name))
    pools = {pool.cidr: pool for pool in was.subnets}, {pool.cidr: pool for pool in now.subnets}
    for cidr in sorted(pools[0].keys() ^ pools[1].keys(), key=str):
        yield f"subnet {cidr}", *(("there", "none") if cidr in pools[0] else ("none", "there"))
    for cidr in sorted(pools[0].keys() & pools[1].keys(), key=str):
        old, new = pools[0][cidr], pools[1][cidr]
        for name in ("gateway", "range"):
            if getattr(old, name) != getattr(new, name):
                yield f"{name} of {cidr}", str(getattr(old, name) or "none"), str(getattr(new, name) or "none")
        if old.reserved != new.reserved:
            yield f"reserved of {cidr}", _listed(old.reserved), _listed(new.reserved)


def _listed(addresses: frozenset[Address]) -> str:
    shown = [str(address) for address in sorted(addresses, key=int)]
    return " ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "") or "none"


def _word(value: object) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
