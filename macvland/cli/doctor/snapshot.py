"""Everything that the finders know, as one frozen value. Reads nothing."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address

from macvland.action import Action
from macvland.cli.arp.lan import Claim, Lan
from macvland.condition import Condition
from macvland.config import Config
from macvland.kernel.firewall import Chain
from macvland.kernel.inside import Inside
from macvland.kernel.survey import Child, Filtering, Way, WayOut
from macvland.model import Address, Goal, Host, Link, Network
from macvland.status import Status
from macvland.wanted.facts import Facts
from macvland.wanted.parent import carries


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What the firmware tells of the machine (DMI), and of a hypervisor below it; all "" where nothing does."""

    vendor: str = ""
    product: str = ""
    asset: str = ""
    bios: str = ""
    hypervisor: str = ""  # /sys/hypervisor/type: xen


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """That another program manages a link, and where that is written."""

    link: str
    program: str
    written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The LAN of one network: who has which address there, and who was asked and answered."""

    lan: Lan
    claims: tuple[Claim, ...] = ()
    asked: frozenset[IPv4Address] = frozenset()
    answers: frozenset[tuple[IPv4Address, str]] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contained:
    """A running container on macvlan networks, as Docker and the kernel have it."""

    name: str
    networks: frozenset[str]  # the ids of all that it is on
    ports: tuple[str, ...] = ()  # published: "80/tcp"
    inside: Inside = field(default_factory=Inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A host at one moment."""

    config: Config
    seen: Host
    goal: Goal = field(default_factory=lambda: Goal(host=Host()))
    actions: tuple[Action, ...] = ()  # still to do at a second look
    refusals: tuple[Condition, ...] = ()  # of what is to be done, what Docker would refuse
    status: Status | None = None
    running: bool = True  # the daemon that wrote the status
    sightings: tuple[Sighting, ...] = ()
    filtering: tuple[Filtering, ...] = ()
    children: tuple[Child, ...] = ()
    ways: tuple[Way, ...] = ()
    ways_out: tuple[WayOut, ...] = ()
    firewall: tuple[Chain, ...] = ()
    claimed: tuple[Claimed, ...] = ()
    machine: Machine = field(default_factory=Machine)
    contained: tuple[Contained, ...] = ()

    @property
    def facts(self) -> Facts:
        """The files and the look, as questions about parents want them."""
        return Facts(self.config, self.seen, "", frozenset(), frozenset(), ways=frozenset())

    @property
    def names(self) -> list[str]:
        """Every network that there is, or is asked for."""
        declared = {one.name for one in self.config.declarations} | self.config.frozen
        return sorted(declared | {one.name for one in self.seen.networks})

    def link(self, name: str | None) -> Link | None:
        """Return the link of this name."""
        return next((link for link in self.seen.links if link.name == name), None)

    def filters(self, name: str) -> Filtering:
        """Return the settings of a link; those of the kernel where they are not known."""
        default = Filtering(link=name, rp_filter=0, arp_ignore=0, arp_announce=0)
        return next((one for one in self.filtering if one.link == name), default)

    def mode(self, name: str) -> str:
        """Return the mode of a macvlan link; "" where it is not known."""
        return next((child.mode for child in self.children if child.name == name), "")

    def network(self, name: str) -> Network | None:
        """Return Docker's network of this name."""
        return next((one for one in self.seen.networks if one.name == name), None)

    def carrier_of(self, network: Network) -> Link | None:
        """Return the link that carries *network*."""
        return next((link for link in self.seen.links if carries(link, network)), None)

    def addresses(self, link: str) -> frozenset[Address]:
        """Return the addresses of a link, shim or not."""
        found = self.link(link)
        own = {it.ip for it in found.addresses} if found else set()
        return frozenset(own | {it.address for it in self.seen.addresses if it.shim == link})


def listed(words: list[str], most: int = 6) -> str:
    """Return *words* as a sentence shows them."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
