"""One round of changes: actions to messages, batch by batch. Decides nothing and retries nothing.

The kernel acts on a batch in order while it is sent, so one batch may rest on what an earlier one made. A write below
/proc is no message: it comes after the messages before it where SENT stands between them.
"""

import errno
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from functools import cached_property
from itertools import groupby

from macvland.action import Action, Add, Change, Delete, Failure
from macvland.error import ApplyError
from macvland.kernel import codec, proxy, requests
from macvland.kernel.channel import BATCH, Channel, Refusal, as_refusal
from macvland.kernel.codec import Message
from macvland.kernel.facts import AF_INET6, route_facts
from macvland.kernel.parent import keep_promiscuous, release
from macvland.kernel.refusal import explain, harmless
from macvland.kernel.sight import Sight
from macvland.kernel.sysctl import drop_ipv6_addresses, write_ipv6, write_proxying
from macvland.model import IPV6_MTU, Neighbour, Promiscuity, Proxy, Route, Shim, ShimAddress, Vlan

Step = tuple[Action, Message]


class Pause(Enum):
    """A place in the steps of an action: whatever is before it is done when the next step begins."""

    SENT = "sent"


SENT = Pause.SENT
Steps = Iterator[Message | Pause]


class Round:
    """What exists by now, what failed, and on which shims nothing more is tried."""

    def __init__(self, channel: Channel, sight: Sight) -> None:
        """Begin with what the last look found."""
        self._channel = channel
        self._sight = sight
        self._indexes = dict(sight.indexes)
        self._free = sight.free_indexes()
        self._free_for_vlans = sight.free_vlan_indexes()
        self._failures: list[Failure] = []
        self._lost: set[str] = set()
        self._refused: set[Action] = set()

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Do *actions* in order, like ones together."""
        for (verb, kind), alike in groupby(actions, key=lambda action: (type(action), type(action.thing))):
            run = list(alike)
            for start in range(0, len(run), BATCH):
                batch = run[start : start + BATCH]
                if (verb, kind) == (Delete, Shim):
                    self._delete_shims(batch)
                else:
                    self._apply_batch(batch)
        return tuple(self._failures)

    def _apply_batch(self, actions: Sequence[Action]) -> None:
        self._do(actions, self._first_steps)
        # A shim is created down; what must hold before it is up needs it to exist.
        self._do(actions, self._second_steps)

    def _first_steps(self, action: Action) -> Steps:
        match action:
            case Add(Shim() as shim):
                parent = self._index(shim.parent)
                self._indexes[shim.name] = next(self._free)
                yield requests.create(shim, self._indexes[shim.name], parent)
            case Change(Shim() as shim, Shim() as seen):
                yield from self._change(shim, seen)
            case Add(Vlan()) | Change(Vlan(), Vlan()) | Delete(Vlan()):
                yield from self._vlan_steps(action)
            case Add(Promiscuity() as thing):
                keep_promiscuous(self._index(thing.parent))
            case Delete(Promiscuity() as thing):
                release(self._index(thing.parent))
            case Add(Proxy() as thing):
                # Who may ask comes before the answer: should the kernel refuse the one, there must not be the other.
                yield from proxy.guard(thing, self._index(thing.shim))
            case Delete(Proxy() as thing):
                yield from proxy.silence(thing, self._index(thing.shim))
            case (
                Add(ShimAddress() | Route() | Neighbour() as thing)
                | Change(ShimAddress() | Route() as thing)
                | Delete(ShimAddress() | Route() | Neighbour() as thing)
            ):
                yield from requests.entries(action, self._index(thing.shim))
            case _:
                raise TypeError(f"{action} is none of the kernel's business")

    def _vlan_steps(self, action: Action) -> Iterator[Message]:
        match action:
            case Add(Vlan() as vlan):
                parent = self._index(vlan.parent)
                self._indexes[vlan.name] = next(self._free_for_vlans)
                yield requests.create_vlan(vlan, self._indexes[vlan.name], parent)
            case Change(Vlan() as vlan, Vlan() as seen):
                if message := requests.adjust_vlan(vlan, seen, self._index(vlan.name)):
                    yield message
            case Delete(Vlan(name=name)) if name in self._indexes:
                yield requests.delete_link(self._indexes.pop(name))

    def _second_steps(self, action: Action) -> Steps:
        match action:
            case Add(Shim() as shim):
                yield from self._complete(shim, self._index(shim.name))
            case Change(Shim() as shim, Shim() as seen) if shim.up and (not seen.up or gains_ipv6(shim, seen)):
                # It may be down because we were killed while we made it: then it lacks what no look shows, too.
                yield from self._complete(shim, self._index(shim.name))
            case Add(Vlan() as vlan):
                yield from self._complete_vlan(vlan, self._index(vlan.name))
            case Change(Vlan() as vlan, Vlan() as before):
                yield from self._raise_vlan(vlan, before, self._index(vlan.name))
            case Add(Proxy() as thing):
                yield proxy.answer(thing, self._index(thing.shim))
            case _:
                return

    def _complete_vlan(self, vlan: Vlan, index: int) -> Iterator[Message]:
        yield requests.settle_vlan(vlan, index, ipv6=write_ipv6(vlan.name))
        if vlan.name != requests.full_name(vlan):
            yield requests.altname(vlan, index)
        if vlan.up:
            yield requests.raise_link(index)

    def _raise_vlan(self, vlan: Vlan, seen: Vlan, index: int) -> Iterator[Message]:
        """Set a VLAN link up; one without an alias is as we made it when we were killed, and lacks all the rest."""
        unfinished = seen.network == seen.name
        if gains_ipv6(vlan, seen):
            # And with it an address. Setting the link down meanwhile would cost others the routes they may have there.
            drop_ipv6_addresses(vlan.name)
        if (vlan.up and not seen.up and unfinished) or gains_ipv6(vlan, seen):
            yield from self._complete_vlan(vlan, index)
        elif vlan.up and not seen.up:
            yield requests.raise_link(index)

    def _complete(self, shim: Shim, index: int) -> Iterator[Message]:
        ipv6 = _write_ipv6(shim)
        if ipv6 and shim.proxy_ndp:
            write_proxying(shim.name, on=shim.proxy_ndp, hearing=self._hearing)
        yield requests.settle(shim, index, ipv6=ipv6)
        yield requests.hush(index, 4)
        if ipv6:
            yield requests.hush(index, 6)
        if shim.name != requests.full_name(shim):
            yield requests.altname(shim, index)
        if shim.up:
            yield requests.raise_link(index)

    def _change(self, shim: Shim, seen: Shim) -> Steps:
        index = self._index(shim.name)
        if seen.up and (not shim.up or gains_ipv6(shim, seen)):
            yield requests.lower_link(index)
        if message := requests.adjust(shim, seen, index):
            yield message
        yield SENT  # the link is down, and has IPv6 if its MTU allows it
        if (shim.accept_ra, shim.autoconf) != (seen.accept_ra, seen.autoconf):
            _write_ipv6(shim)
        if shim.proxy_ndp != seen.proxy_ndp and not gains_ipv6(shim, seen):
            write_proxying(shim.name, on=shim.proxy_ndp, hearing=self._hearing)

    def _delete_shims(self, actions: Sequence[Action]) -> None:
        """Delete several in one go: they change groups and the group goes, in one send that no kill can cut in two.

        Where a stranger is in that group, or one shim only is to go, each goes by itself.
        """
        names = [(action, action.thing.name) for action in actions if isinstance(action.thing, Shim)]
        present = [(action, self._indexes.pop(name)) for action, name in names if name in self._indexes]
        if len(present) < 2 or not self._sight.leaving.issubset(index for _, index in present):
            self._send([[(action, requests.delete_link(index))] for action, index in present])
            return
        moves = [(action, requests.leave(index)) for action, index in present]
        self._send([[*moves, (present[-1][0], requests.delete_leaving())]])

    def _do(self, actions: Sequence[Action], steps: Callable[[Action], Steps]) -> None:
        """Go through the *steps* of all *actions*: the messages of each action are sent together, up to a SENT."""
        units: list[list[Step]] = []
        for action in actions:
            units.append([])
            for step in self._guarded(action, steps):
                if isinstance(step, Message):
                    units[-1].append((action, step))
                    continue
                self._send(units)
                units = [[]]
        self._send(units)

    def _guarded(self, action: Action, steps: Callable[[Action], Steps]) -> Steps:
        """Yield the *steps* of *action* until one is refused; none where it, or what it rests on, was before."""
        try:
            for step in steps(action) if not self._is_lost(action) else ():
                yield step
                if self._is_lost(action):
                    return
        except (OSError, ApplyError) as problem:
            self._fail(action, as_refusal(problem))

    def _is_lost(self, action: Action) -> bool:
        return link_of(action) in self._lost or action in self._refused

    def _send(self, units: Sequence[Sequence[Step]]) -> None:
        """Send *units* and note what was refused."""
        steps = [step for unit in units for step in unit]
        refusals = self._channel.send_units([[message for _, message in unit] for unit in units])
        for position, refusal in refusals.items():
            action, message = steps[position]
            if not harmless(message, refusal):
                self._fail(action, refusal)

    def _fail(self, action: Action, refusal: Refusal) -> None:
        """Note the first failure of a shim; what rests on the shim is not tried, and not reported again."""
        link = link_of(action)
        if link in self._lost:
            return
        self._refused.add(action)
        if isinstance(action.thing, Shim | Vlan):
            self._lost.add(action.thing.name)
        self._failures.append(explain(action, refusal, self._sight.links))

    @cached_property
    def _hearing(self) -> frozenset[str]:
        """The links that have a default route from a router that was heard there."""
        routes = map(route_facts, self._channel.dump(requests.routes(AF_INET6, codec.RTPROT_RA)))
        indexes = {route.ifindex for route in routes if not route.length}
        return frozenset(name for name, index in self._sight.indexes.items() if index in indexes)

    def _index(self, name: str) -> int:
        if name not in self._indexes:
            raise OSError(errno.ENODEV, f"there is no link '{name}'")
        return self._indexes[name]


def gains_ipv6(link: Shim | Vlan, seen: Shim | Vlan) -> bool:
    """Whether the link gets IPv6 by its MTU: with the kernel's settings, which must not last until we set ours."""
    return seen.mtu < IPV6_MTU <= link.mtu


def _write_ipv6(shim: Shim) -> bool:
    return write_ipv6(shim.name, accept_ra=shim.accept_ra, autoconf=shim.autoconf)


def link_of(action: Action) -> str | None:
    """Return the name of the shim or VLAN link that *action* is about, or of the shim that it rests on."""
    match action.thing:
        case Shim(name=name) | Vlan(name=name):
            return name
        case ShimAddress(shim=name) | Route(shim=name) | Neighbour(shim=name) | Proxy(shim=name):
            return name
        case _:
            return None
