"""One pass: look, plan, apply, look again, until the plan is empty or no longer shrinks.

Refuses to know who acts: the kernel and the engine are edges that look and act, and what is wanted is a function.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Protocol

from macvland.action import Action, Add, Failure, Part, Prove, part_of
from macvland.condition.daemon import DEFECT, NO_EFFECT
from macvland.error import ApplyError
from macvland.model import Goal, Host, Shim
from macvland.plan import plan

ROUNDS = 4  # a change may take others with it (a new MAC empties the neighbour table): the next look shows and mends it


class Edge(Protocol):
    """One side of the host: it translates, and decides nothing."""

    def observe(self, host: Host) -> Host:
        """Return *host* with this side's part as it is now."""

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Do all of *actions* in their order; return those that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass saw last, wanted, did, failed at, and left."""

    seen: Host
    goal: Goal
    done: tuple[Action, ...] = ()
    failures: tuple[Failure, ...] = ()
    left: tuple[Action, ...] = ()  # failed, undone, held, or not due
    undone: tuple[Action, ...] = ()  # of *left*, the kernel's: undone already, or somebody is faster than we are
    held: tuple[Action, ...] = ()  # of *left*: it waits, for somebody keeps undoing it, or what it rests on
    pending: tuple[Action, ...] = ()  # asked of the engine, which has not said yet how it went
    unheard: tuple[Failure, ...] = ()  # the engine's, which has not said yet whether they are left to do

    @property
    def converged(self) -> bool:
        """Tell whether the host is as wanted, as far as anything can be done about it."""
        return not self.left and not self.failures

    @property
    def undisputed(self) -> tuple[Action, ...]:
        """Return what is left though nobody undoes it."""
        disputed = frozenset((*self.undone, *self.held))
        return tuple(action for action in self.left if action not in disputed)


def look(kernel: Edge, engine: Edge) -> Host:
    """Return the whole host as it is now."""
    return engine.observe(kernel.observe(Host()))


def converge(  # noqa: PLR0913 - what is wanted, both edges, and what the passes before have to say
    want: Callable[[Host], Goal],
    kernel: Edge,
    engine: Edge,
    due: Callable[[Part, Hashable], bool],
    *,
    before: Pass | None = None,
    held: Callable[[Action, Host], bool] = lambda *_: False,
) -> Pass:
    """Bring the host to what *want* makes of it; leave alone a part of it for which *due* says it is not time yet.

    *due* is asked with the part and a value that stays equal as long as trying again would be the same try.
    What the pass *before* left pending is done, and what it left unheard no failure, when this one no longer finds it
    to do. *held* tells of an action whether it, and what rests on it, has to wait.
    Raises ApplyError only when the kernel cannot be looked at.
    """
    tried: dict[Action, None] = dict.fromkeys(before.pending if before else ())
    undone: set[Action] = set()
    # Those of an earlier pass that could not wait for them count where the engine says that they are left to do.
    early = [*(before.unheard if before else ()), *engine.apply(())]
    late, failures = early, list[Failure]()
    for rounds in count():
        seen = look(kernel, engine)
        goal = want(seen)
        left = plan(goal.host, seen)
        if seen.engine is not None:
            failures += [failure for failure in late if failure.action in left]
            late = []
        # What rested on a shim that somebody deleted meanwhile went with it: it comes back with the shim.
        gone = {action.thing.name for action in left if isinstance(action, Add) and isinstance(action.thing, Shim)}
        failures = [failure for failure in failures if _base(failure.action) not in gone]
        vain = [action for action in left if action in tried and _base(action) not in gone]
        undone.update(_kernels(vain, failures))
        # A start of Docker in the middle of a pass makes every proof worthless: nobody undoes them.
        failures += _fail([action for action in _engines(vain) if not isinstance(action, Prove)], failures)
        disputed = _disputed(left, seen, undone, held)
        actions = _due([action for action in left if action not in disputed], seen, failures, due)
        if rounds == ROUNDS:  # and still more to do: somebody changes it all the time
            undone.update(_kernels(actions, failures))
            failures += _fail(_engines(actions), failures)
        if not actions or rounds == ROUNDS:
            break
        tried |= dict.fromkeys(actions)
        failures += _apply(kernel, engine, actions)
    # What failed and is not wanted any more, or is there all the same, is no failure: the look decides.
    parts = {part_of(action) for action in left}
    missed = {*left, *(failure.action for failure in (*early, *failures))}
    silent = seen.engine is None
    waiting = tuple(action for action in _engines(tried) if silent and action not in missed)
    return Pass(
        seen=seen,
        goal=goal,
        done=tuple(action for action in tried if action not in missed and action not in waiting),
        failures=tuple(failure for failure in failures if part_of(failure.action) in parts),
        left=left,
        undone=tuple(action for action in left if action in undone),
        held=tuple(action for action in left if action in disputed and action not in undone),
        pending=waiting,
        unheard=tuple(failure for failure in (*late, *failures) if silent and part_of(failure.action).engine),
    )


def attempts(actions: Sequence[Action], seen: Host) -> dict[Part, Hashable]:
    """Return, by part, what makes a try of *actions* the same try: themselves, their parents, the engine's state.

    Not the ids of networks, as with `Replace`.
    """
    if not actions:
        return {}
    groups: dict[Part, list[Action]] = defaultdict(list)
    for action in actions:
        groups[part_of(action)].append(action)
    links = {link.name: link for link in seen.links}
    around = (seen.engine, frozenset(replace(network, id="") for network in seen.networks))
    return {
        part: (tuple(group), frozenset(links.get(parent) for action in group for parent in _parents(action)), around)
        for part, group in groups.items()
    }


def _parents(action: Action) -> tuple[str, ...]:
    parent = getattr(action.thing, "parent", None)
    return (parent,) if parent else ()


def _fail(actions: Sequence[Action], failures: Sequence[Failure]) -> list[Failure]:
    """Return a failure for the first of each part's *actions*, save of parts that failed already."""
    failed = {part_of(failure.action) for failure in failures}
    first = {part_of(action): action for action in reversed(actions) if part_of(action) not in failed}
    return [Failure(action=action, condition=NO_EFFECT(action.network)) for action in reversed(first.values())]


def _base(action: Action) -> str | None:
    """Return the name of the shim that what *action* is about rests on."""
    return getattr(action.thing, "shim", None)


def _disputed(
    left: Sequence[Action], seen: Host, undone: Container[Action], held: Callable[[Action, Host], bool]
) -> frozenset[Action]:
    """Return the actions of *left* that somebody keeps undoing, and those on a shim of which that is so."""
    disputed = {action for action in left if action in undone or held(action, seen)}
    shims = {action.thing.name for action in disputed if isinstance(action.thing, Shim)}
    return frozenset(action for action in left if action in disputed or _base(action) in shims)


def _due(
    left: Sequence[Action], seen: Host, failures: Sequence[Failure], due: Callable[[Part, Hashable], bool]
) -> tuple[Action, ...]:
    failed = {part_of(failure.action) for failure in failures}
    parts = {part for part, attempt in attempts(left, seen).items() if part not in failed and due(part, attempt)}
    return tuple(action for action in left if part_of(action) in parts)


def _apply(kernel: Edge, engine: Edge, actions: tuple[Action, ...]) -> list[Failure]:
    """Do *actions*, the kernel's first: shims never wait for Docker."""
    return [*isolated(kernel, _kernels(actions)), *isolated(engine, _engines(actions))]


def _kernels(actions: Iterable[Action], failures: Sequence[Failure] = ()) -> tuple[Action, ...]:
    """Return the kernel's of *actions*, save of networks whose part in it failed already."""
    failed = {part_of(failure.action) for failure in failures}
    return tuple(it for it in actions if not part_of(it).engine and part_of(it) not in failed)


def _engines(actions: Iterable[Action]) -> tuple[Action, ...]:
    return tuple(action for action in actions if part_of(action).engine)


def isolated(edge: Edge, actions: tuple[Action, ...]) -> Sequence[Failure]:
    """Do *actions* at once; should our own code fail on them, do them network by network, to lose only the one."""
    if not actions:
        return ()
    try:
        return edge.apply(actions)
    except ApplyError as error:
        why = error.condition
        return [Failure(action=it, condition=why.of(it.network), passing=error.passing) for it in actions]
    except Exception as defect:  # noqa: BLE001 - quarantine: a defect that one network meets must not stop the others
        names = [*dict.fromkeys(action.network for action in actions)]
        if len(names) == 1:
            return [Failure(action=actions[0], condition=DEFECT(names[0], defect=repr(defect)))]
        groups = [tuple(action for action in actions if action.network == name) for name in names]
        return [failure for group in groups for failure in isolated(edge, group)]
