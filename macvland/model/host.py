"""The host as a whole, as it is seen or asked for, and why it is not as asked."""

from dataclasses import dataclass

from macvland.condition import Condition
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
    absent: Condition | None = None  # why there is no engine
    networks: frozenset[Network] = frozenset()
    attachments: frozenset[Attachment] = frozenset()
    unfinished: frozenset[Unfinished] = frozenset()
    proofs: frozenset[Proof] = frozenset()
    losses: frozenset[Loss] = frozenset()
    expulsions: frozenset[Expulsion] = frozenset()  # wanted, never seen
    heard: Heard | None = None  # None: nobody listens to the LAN, and no address is asked for

    @property
    def absence(self) -> str:
        """Why there is no engine, in words; "" where that is not known."""
        return str(self.absent or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The host as wanted, and what stands in the way of wanting more."""

    host: Host
    obstacles: frozenset[Condition] = frozenset()  # warnings included
    questions: frozenset[Question] = frozenset()  # to the LAN
