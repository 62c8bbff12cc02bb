"""What a LAN is asked for an address, and what it said."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from macvland.condition import Condition
from macvland.model.address import Address
from macvland.model.docker import Attachment


class OnConflict(StrEnum):
    """What becomes of a container whose address another device on the LAN has."""

    WARN = "warn"
    DISCONNECT = "disconnect"


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
    condition: Condition
