"""Whom an action cuts off, and for about how long. Pure.

Most actions cut off nobody: what can be changed in place is, and a network that is removed has no container on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from macvland.action import Action, Add, Delete, Replace
from macvland.model import Host, Shim

# docs/benchmarks.md: of ten running containers, the one that is off its network longest is off it for 0.88 s.
REPLACED = 0.09  # seconds for each container
RESTORED = 0.01  # seconds that a shim is gone when it is made anew, its routes and neighbours included; 1.2 ms alone
LEAST = 0.5  # seconds: a replacement waits for Docker several times, whatever is on the network


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Who is cut off from what, and for how many seconds; None: for good."""

    who: tuple[str, ...]
    what: str
    seconds: float | None

    def __str__(self) -> str:
        time = "from then on" if self.seconds is None else f"for about {_rounded(self.seconds)}"
        return f"{', '.join(self.who)}: {self.what} {time}"


def impact(action: Action, actions: Sequence[Action], seen: Host) -> Impact | None:
    """Return whom *action*, which is one of *actions*, cuts off; None where that is nobody."""
    match action:
        case Replace():
            running = _running(action.network, seen)
            who = tuple(name for name in action.containers if name in running)
            seconds = max(LEAST, REPLACED * len(action.containers))
            return Impact(who=who, what="off the network", seconds=seconds) if who else None
        case Delete(thing=Shim(name=name)):
            anew = any(isinstance(it, Add) and isinstance(it.thing, Shim) and it.thing.name == name for it in actions)
            who = tuple(sorted(_running(action.network, seen)))
            return Impact(who=who, what="not in reach of the host", seconds=RESTORED if anew else None) if who else None
        case _:
            return None


def _running(network: str, seen: Host) -> frozenset[str]:
    """Return the containers on *network* that have a link there now."""
    return frozenset(one.container for one in seen.attachments if one.network == network and one.endpoint)


def _rounded(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.1 else f"{seconds:.1f} s" if seconds < 1 else f"{seconds:.0f} s"
