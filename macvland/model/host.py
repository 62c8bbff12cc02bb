"""The host as a whole, as it is seen or asked for, and why it is not as asked."""

from dataclasses import dataclass
from enum import StrEnum

from macvland.model.docker import Attachment, Engine, Loss, Network, Proof, Unfinished
from macvland.model.kernel import Link, Neighbour, Promiscuity, Proxy, Route, Shim, ShimAddress, Vlan
from macvland.model.lan import Expulsion, Heard, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Which of several hosts this one is: what files can call it by."""

    hostname: str  # as the kernel has it
    id: str  # machine-id(5)


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
