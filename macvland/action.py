"""The closed set of verbs that bring a host nearer to what is wanted. Each prints one sentence; none acts."""

from dataclasses import dataclass, field
from typing import NamedTuple

from macvland.condition import Condition
from macvland.model import (
    Attachment,
    KernelThing,
    Network,
    Proof,
    Route,
    Shim,
    ShimAddress,
    Unfinished,
    Vlan,
    differences,
)

SETTINGS = {
    Shim: (
        *("network", "mac", "mtu", "mode", "bcqueuelen", "up", "arp_filter", "accept_ra", "autoconf"),
        *("proxy_ndp", "link_local", "marked"),
    ),
    ShimAddress: ("prefix_length", "dad"),
    Route: ("source", "metric"),
    Vlan: ("mtu", "up", "marked"),
}


@dataclass(frozen=True, slots=True)
class Add:
    """Bring something about that is missing. A neighbour and a proxy take the place of what is there."""

    thing: KernelThing | Network

    def __str__(self) -> str:
        return f"add {self.thing}"

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Change:
    """Bring a shim, a VLAN link or a route back to its settings, and its traffic goes on. An address is set anew."""

    thing: Shim | ShimAddress | Route | Vlan
    seen: Shim | ShimAddress | Route | Vlan

    def __str__(self) -> str:
        fields = SETTINGS[type(self.thing)]
        pairs = ((name, getattr(self.seen, name), getattr(self.thing, name)) for name in fields)
        return f"change {self.thing}: " + ", ".join(f"{name} {was} -> {now}" for name, was, now in pairs if was != now)

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Delete:
    """Take away something of ours. A shim's addresses, routes and neighbours go with it."""

    thing: KernelThing | Network

    def __str__(self) -> str:
        return f"delete {self.thing}"

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Replace:
    """Exchange a Docker network, which cannot be changed, for a new one; *containers* are off it for a moment."""

    thing: Network
    seen: Network = field(compare=False)  # one that was refused, and is back, has another id each time
    containers: tuple[str, ...]

    def __str__(self) -> str:
        changes = ", ".join(f"{what} {was} -> {now}" for what, was, now in differences(self.seen, self.thing))
        changes = changes or "Docker's driver has forgotten it"
        users = ", ".join(f"'{name}'" for name in self.containers)
        return f"replace Docker network '{self.network}': {changes}" + (f"; reconnect {users}" if users else "")

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Finish:
    """Bring to its end what was begun: the new network with every container, or the old one with every container."""

    thing: Unfinished

    def __str__(self) -> str:
        return f"finish {self.thing}"

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Prove:
    """Find out whether Docker's driver knows a network. It changes nothing that lasts."""

    thing: Proof

    def __str__(self) -> str:
        return f"find out {self.thing}"

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Reconnect:
    """Attach a container anew, as it is configured: its link vanished, or its network is another one by now."""

    thing: Attachment

    def __str__(self) -> str:
        return f"reconnect {self.thing}"

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Take a container off its network, for *condition*."""

    thing: Attachment
    condition: Condition

    def __str__(self) -> str:
        return f"disconnect {self.thing}: {self.condition}"

    @property
    def network(self) -> str:
        """The network this is done for."""
        return self.thing.network


Action = Add | Change | Delete | Replace | Finish | Prove | Reconnect | Disconnect

ENGINES = (Network, Unfinished, Proof, Attachment)  # what the engine's actions are about; the others are the kernel's


class Part(NamedTuple):
    """What of a network the engine does, or what the kernel: a failure of the one holds up nothing of the other."""

    network: str
    engine: bool


def part_of(action: Action) -> Part:
    """Return the part that *action* is of."""
    return Part(action.network, isinstance(action.thing, ENGINES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An action that did not succeed, and why; *passing* as in ApplyError."""

    action: Action
    condition: Condition
    passing: bool = True

    @property
    def reason(self) -> str:
        """Why, in words."""
        return str(self.condition)
