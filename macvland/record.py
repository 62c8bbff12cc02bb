"""What has changed between one status and the next, as log records: each fact once, nothing when nothing changed."""

from collections.abc import Hashable, Iterable
from itertools import chain
from logging import ERROR, INFO, WARNING

from macvland import journal
from macvland.action import Action, Add, Change, Delete, Disconnect, Prove
from macvland.condition import Severity
from macvland.journal import log
from macvland.model import Dad, Host, Network, Shim, ShimAddress
from macvland.reconcile import Pass
from macvland.status import ConditionStatus, NetworkStatus, Status

LEVEL = {str(severity): level for severity, level in zip(Severity, (ERROR, WARNING, INFO), strict=True)}


def record(ended: Pass, now: Status, before: Status | None, seen: Host | None = None) -> None:
    """Log the actions done and every transition between *before* and *now*; *seen* is the host as *before* had it."""
    lost = _lost(ended, seen)
    for action in ended.done:
        if _changes_nothing(action):
            continue
        parent = getattr(action.thing, "parent", None)
        fields = {"MACVLAND_NETWORK": action.network, "MACVLAND_ACTION": type(action).__name__.lower()}
        again = isinstance(action, Add) and _what(action.thing) in lost
        text = f"{action}, which was gone" if again else str(action)
        fields |= {"MACVLAND_PARENT": parent} if parent else {}
        level = INFO
        if isinstance(action, Disconnect):  # its user has to know
            level, fields = WARNING, fields | {"MACVLAND_CODE": action.condition.code}
        log(level, journal.CHANGED, text, **fields)
    _errors(now, before)
    _failures(now, before)
    _engine(now, before)
    known = {network.name: network for network in before.networks} if before else {}
    for network in now.networks:
        last = known.pop(network.name, None)
        _network(network, last)
        _warnings(network, last)
    for gone in known.values():
        fields = {"MACVLAND_NETWORK": gone.name, "MACVLAND_STATE": "gone"}
        log(INFO, journal.STATE, "gone", **fields, **_codes(gone.conditions))


def _changes_nothing(action: Action) -> bool:
    match action:
        case Prove() | Change(seen=ShimAddress(dad=Dad.FAILED)):  # to ask Docker, or the LAN again; the answer may
            return True
        case _:
            return False


def _lost(ended: Pass, seen: Host | None) -> frozenset[Hashable]:
    """Return what was there when the pass before ended, save what this one took away, and what rested on that."""
    if seen is None or not ended.done:
        return frozenset()
    things = chain(seen.shims, seen.addresses, seen.routes, seen.neighbours, seen.promiscuous, seen.networks)
    ours = {_what(action.thing) for action in ended.done if isinstance(action, Delete)}
    stayed = (thing for thing in things if (Shim, getattr(thing, "shim", "")) not in ours)
    return frozenset(map(_what, stayed)) - ours


def _what(thing: object) -> Hashable:
    """Return what *thing* is known by when it is made anew: link and network by name, for their numbers are new."""
    return (type(thing), thing.name) if isinstance(thing, Shim | Network) else thing


def _errors(now: Status, before: Status | None) -> None:
    old = before.wrong_files if before else ()
    for error in _new(now.wrong_files, old):
        log(ERROR, journal.CONFIG_ERROR, error.text, MACVLAND_CODE=error.code)
    for error in _new(old, now.wrong_files):
        log(INFO, journal.CONFIG_FIXED, f"no longer so: {error.text}", MACVLAND_CODE=error.code)


def _new(now: Iterable[ConditionStatus], before: Iterable[ConditionStatus]) -> list[ConditionStatus]:
    """Return those of *now* that were not *before*."""
    known = {one.key for one in before}
    return [one for one in now if one.key not in known]


def _failures(now: Status, before: Status | None) -> None:
    """Log what failed of things that belong to no network, and what of it is over."""
    old = before.failures if before else ()
    for failure in _new(now.failures, old):
        log(ERROR, journal.STATE, failure.text, MACVLAND_STATE="failed", MACVLAND_CODE=failure.code)
    for failure in _new(old, now.failures):
        log(INFO, journal.STATE, f"no longer so: {failure.text}", MACVLAND_STATE="ready", MACVLAND_CODE=failure.code)


def _engine(now: Status, before: Status | None) -> None:
    absent, was = now.absent, before.absent if before else None
    if now.engine and not (before and before.engine):
        fields = {"MACVLAND_CODE": was.code} if was else {}
        log(INFO, journal.ENGINE, f"Docker {now.engine} answers", **fields)
    elif absent and (was is None or was.key != absent.key) and now.networks:
        text = f"no Docker: {absent.text}; shims are kept meanwhile"
        log(LEVEL[absent.severity], journal.ENGINE, text, MACVLAND_CODE=absent.code)


def _network(now: NetworkStatus, before: NetworkStatus | None) -> None:
    held = [one for one in now.conditions if one.state]
    over = [one for one in before.conditions if one.state] if before else []
    if before and before.state is now.state and {one.key for one in over} == {one.key for one in held}:
        return
    text = f"{now.state}: {'; '.join(one.text for one in held)}" if held else str(now.state)
    level = max((LEVEL[one.severity] for one in held), default=INFO)
    fields = {"MACVLAND_NETWORK": now.name, "MACVLAND_STATE": str(now.state), "MACVLAND_PARENT": now.parent}
    log(level, journal.STATE, text, **fields, **_codes(held, over))


def _codes(*conditions: Iterable[ConditionStatus]) -> dict[str, tuple[str, ...]]:
    """Return the journal's field for the codes of *conditions*, each once."""
    codes = sorted({one.code for some in conditions for one in some if one.code})
    return {"MACVLAND_CODE": tuple(codes)} if codes else {}


def _warnings(now: NetworkStatus, before: NetworkStatus | None) -> None:
    told = [one for one in now.conditions if not one.state]
    old = [one for one in before.conditions if not one.state] if before else []
    fields = {"MACVLAND_NETWORK": now.name, "MACVLAND_PARENT": now.parent}
    for one in _new(told, old):
        log(LEVEL[one.severity], journal.DISPUTED, one.text, **fields, **_codes([one]))
    for one in _new(old, told):
        log(INFO, journal.DISPUTED, f"no longer so: {one.text}", **fields, **_codes([one]))
