"""What Docker has: networks, who is on them, and what became of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from macvland.condition import Condition
from macvland.model.address import Address, Prefix
from macvland.model.kernel import Mode


class Replacing(StrEnum):
    """When a network that Docker cannot change may be exchanged for another one, its containers included."""

    WHEN_LOSSLESS = "when-lossless"  # unless a container would lose its MAC by it, or could not be connected again
    WHEN_UNUSED = "when-unused"  # once its last container has left
    ALWAYS = "always"


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
    condition: Condition
    curable: bool = True  # by making it anew

    @property
    def reason(self) -> str:
        """Why, in words."""
        return str(self.condition)


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
    replacing: Replacing = field(default=Replacing.WHEN_LOSSLESS, compare=False)  # where it is wanted

    def __str__(self) -> str:
        return f"container '{self.container}' on Docker network '{self.network}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """The Docker engine that answered."""

    version: str
    api: tuple[int, int]
