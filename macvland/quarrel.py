"""The repairs that somebody keeps undoing: noticed across passes, put off with growing pauses, told as one thing.

The first few of a kind are made at once, for most drift is an accident. Refuses to act and to look at a clock, as
`memory` does: all times are monotonic seconds.
"""

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from macvland.action import Action, Add, Change, Delete
from macvland.condition import Condition
from macvland.condition.obstacle import UNDONE
from macvland.model import (
    Dad,
    Host,
    KernelThing,
    Neighbour,
    Network,
    Promiscuity,
    Proxy,
    Route,
    Shim,
    ShimAddress,
    Vlan,
)

MANY, WHILE = 5, 60.0  # equal repairs, within so many seconds, are a quarrel
FIRST, FACTOR, LONGEST = 1.0, 2.0, 60.0  # seconds of a pause, and by how much the next one is longer
CALM, LASTING = 2.0, 3.0  # seconds, and multiple of how long a repair lasted at most, that end a quarrel


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What becomes of one thing by *action*. Two are equal if the first must have been undone to make the second."""

    place: str  # the shim that it is or rests on, whose end takes it along; else a name of its own
    about: Hashable  # the thing, by what stays the same of it
    outcome: Hashable  # what it is then; None: gone
    action: Action = field(compare=False)

    @property
    def takes_along(self) -> bool:
        """Tell whether other things of its place may have gone by it: the kernel drops them with link or address."""
        return self.about == self.place or (isinstance(self.about, ShimAddress) and self.outcome is None)


def repair_of(action: Action, seen: Host) -> Repair | None:
    """Return the repair that *action* makes on the host as *seen*; None where Docker or the LAN decides on it."""
    match action:
        case Change(seen=ShimAddress(dad=Dad.FAILED)):
            return None
        case Add(thing) | Change(thing):
            place, about, outcome = _subject(thing, seen)
            return Repair(place=place, about=about, outcome=outcome, action=action)
        case Delete(thing):
            place, about, _ = _subject(thing, seen)
            return Repair(place=place, about=about, outcome=None, action=action)
        case _:
            return None


def _subject(thing: KernelThing | Network, seen: Host) -> tuple[str, Hashable, Hashable]:
    match thing:
        case Shim(name=name, parent=parent) | Vlan(name=name, parent=parent):
            # A parent that was plugged in again is another one; it took the shim along when it went.
            index = next((link.index for link in seen.links if link.name == parent), None)
            return name, name, (thing, index)
        case (
            Neighbour(shim=name, address=address, mac=outcome)
            | Proxy(shim=name, address=address, macs=outcome)
            | Route(shim=name, destination=address, source=outcome)
        ):
            return name, (type(thing), address), outcome or True
        case ShimAddress(shim=name):
            return name, thing, True
        case Promiscuity(parent=parent):
            return f"promiscuous {parent}", parent, True
        case Network(name=name, spec=spec):
            return f"network {name}", name, spec


@dataclass(frozen=True, slots=True)
class _Made:
    """A repair as often as it was made lately; with a pause, it is a quarrel."""

    repair: Repair  # as it was made last; in a quarrel, as when that began
    times: tuple[float, ...] = ()
    since: float = 0.0
    pause: float = 0.0
    lasted: float = 0.0  # the longest until it was seen undone
    missing: bool = False

    @property
    def due(self) -> float:
        """When it may be made again."""
        return self.times[-1] + self.pause

    @property
    def over(self) -> float:
        """When it may be forgotten, should nobody undo it before."""
        return self.times[-1] + (max(CALM, LASTING * self.lasted) if self.pause else WHILE)

    def undone(self, now: float) -> "_Made":
        lasted = now - self.times[-1] if self.times and not self.missing else 0.0
        return replace(self, missing=True, lasted=max(self.lasted, lasted))

    def again(self, repair: Repair, now: float) -> "_Made":
        times = (*(time for time in self.times if now - time < WHILE), now)
        lasted = self.undone(now).lasted
        if self.pause:
            return _Made(self.repair, times, self.since, min(self.pause * FACTOR, LONGEST), lasted)
        return _Made(repair, times, now, FIRST if len(times) >= MANY else 0.0, lasted)


class Quarrels:
    """What was made lately, by place and by what it is about."""

    def __init__(self) -> None:
        """Begin in peace."""
        self._made: dict[str, dict[Hashable, _Made]] = defaultdict(dict)

    def held(self, action: Action, seen: Host, now: float) -> bool:
        """Tell whether *action*, on the host as *seen*, has to wait."""
        repair = repair_of(action, seen)
        last = self._last(repair) if repair else None
        return last is not None and last.pause > 0 and now < last.due

    def note(
        self, seen: Host, *, made: Collection[Action], undone: Iterable[Action], held: Iterable[Action], now: float
    ) -> tuple[Action, ...]:
        """Remember what a pass *made*, what of that was *undone* before its end, and what it *held* back.

        Returns of *made* what is worth telling: a repair in a quarrel is told as the quarrel.
        """
        again = {repair.action: self._make(repair, now) for repair in _repairs(made, seen)}
        quiet = {one.repair.place for one in again.values() if one.pause > FIRST and one.repair.takes_along}
        untold = {action for action, one in again.items() if one.pause > FIRST or one.repair.place in quiet}
        vain = _repairs(undone, seen)
        for repair in vain:
            self._make(repair, now)
        missing = [repair for repair in (*vain, *_repairs(held, seen)) if self._last(repair)]
        for repair in missing:
            things = self._made[repair.place]
            things[repair.about] = things[repair.about].undone(now)
        self._forget(frozenset(missing), now)
        return tuple(action for action in made if action not in untold)

    def obstacles(self) -> frozenset[Condition]:
        """Return what each network in a quarrel suffers, in words that stay the same until it is over."""
        eldest: dict[str, _Made] = {}
        for one in sorted(self._open(), key=_age):
            eldest.setdefault(one.repair.action.network, one)
        return frozenset(UNDONE(network, repair=one.repair.action) for network, one in eldest.items())

    def next(self) -> float | None:
        """Return the time at which a repair is due again, or a quarrel may be over."""
        over = (one.over for one in self._open() if not one.missing)
        return min((*(one.due for one in self._missing()), *over), default=None)

    def again_for(self, network: str) -> float | None:
        """Return the time of the next repair of *network*, None if it waits for none."""
        return min((one.due for one in self._missing() if one.repair.action.network == network), default=None)

    def end(self) -> None:
        """Hold nothing back any more: somebody asked for it."""
        self._made.clear()

    def _make(self, repair: Repair, now: float) -> _Made:
        last = self._last(repair)
        if last is None and repair.takes_along:
            self._made[repair.place] = {}  # what rested on it went by our own doing
        made = (last or _Made(repair)).again(repair, now)
        self._made[repair.place][repair.about] = made
        return made

    def _last(self, repair: Repair) -> _Made | None:
        last = self._made[repair.place].get(repair.about) if repair.place in self._made else None
        return last if last and last.repair == repair else None

    def _open(self) -> Iterator[_Made]:
        return (one for things in self._made.values() for one in things.values() if one.pause)

    def _missing(self) -> Iterator[_Made]:
        return (one for things in self._made.values() for one in things.values() if one.missing)

    def _forget(self, missing: frozenset[Repair], now: float) -> None:
        for place, things in list(self._made.items()):
            kept = {
                about: one if one.missing == (one.repair in missing) else replace(one, missing=False)
                for about, one in things.items()
                if one.repair in missing or now < one.over
            }
            if kept:
                self._made[place] = kept
            else:
                del self._made[place]


def _repairs(actions: Iterable[Action], seen: Host) -> list[Repair]:
    return [repair for action in actions if (repair := repair_of(action, seen))]


def _age(one: _Made) -> tuple[float, bool, str]:
    """Order quarrels: the first to begin, and of several the one about what the others rest on."""
    return one.since, not one.repair.takes_along, str(one.repair.action)
