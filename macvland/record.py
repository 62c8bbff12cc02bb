"""What has changed between one status and the next, as log records: each fact once, nothing when nothing changed."""

import logging
from collections.abc import Hashable
from itertools import chain

from macvland import journal
from macvland.action import Action, Add, Change, Delete, Disconnect, Prove
from macvland.journal import log
from macvland.model import Dad, Host, Network, Shim, ShimAddress
from macvland.reconcile import Pass
from macvland.status import NetworkStatus, State, Status

LEVEL = {
    State.FAILED: logging.ERROR,
    State.CONFLICT: logging.ERROR,
    State.WAITING: logging.WARNING,
    State.CHECKING: logging.INFO,
    State.LEAVING: logging.INFO,
    State.FOREIGN: logging.INFO,
    State.READY: logging.INFO,
}


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
        level = logging.WARNING if isinstance(action, Disconnect) else logging.INFO  # its user has to know
        log(level, journal.CHANGED, text, **fields, **({"MACVLAND_PARENT": parent} if parent else {}))
    _errors(now, before)
    _failures(now, before)
    _engine(now, before)
    known = {network.name: network for network in before.networks} if before else {}
    for network in now.networks:
        last = known.pop(network.name, None)
        _network(network, last)
        _warnings(network, last)
    for gone in known.values():
        log(logging.INFO, journal.STATE, "gone", MACVLAND_NETWORK=gone.name, MACVLAND_STATE="gone")


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
    old = before.errors if before else ()
    for error in now.errors:
        if error not in old:
            log(logging.ERROR, journal.CONFIG_ERROR, error)
    for error in old:
        if error not in now.errors:
            log(logging.INFO, journal.CONFIG_FIXED, f"no longer so: {error}")


def _failures(now: Status, before: Status | None) -> None:
    """Log what failed of things that belong to no network, and what of it is over."""
    old = before.failures if before else ()
    for failure in now.failures:
        if failure not in old:
            log(logging.ERROR, journal.STATE, failure, MACVLAND_STATE="failed")
    for failure in old:
        if failure not in now.failures:
            log(logging.INFO, journal.STATE, f"no longer so: {failure}", MACVLAND_STATE="ready")


def _engine(now: Status, before: Status | None) -> None:
    if now.engine and not (before and before.engine):
        log(logging.INFO, journal.ENGINE, f"Docker {now.engine} answers")
    elif not now.engine and (before is None or before.engine or before.absence != now.absence) and now.networks:
        log(logging.WARNING, journal.ENGINE, f"no Docker: {now.absence}; shims are kept meanwhile")


def _network(now: NetworkStatus, before: NetworkStatus | None) -> None:
    if before and (before.state, before.reasons) == (now.state, now.reasons):
        return
    text = f"{now.state}: {'; '.join(now.reasons)}" if now.reasons else str(now.state)
    fields = {"MACVLAND_NETWORK": now.name, "MACVLAND_STATE": str(now.state), "MACVLAND_PARENT": now.parent}
    log(LEVEL[now.state], journal.STATE, text, **fields)


def _warnings(now: NetworkStatus, before: NetworkStatus | None) -> None:
    old = before.warnings if before else ()
    fields = {"MACVLAND_NETWORK": now.name, "MACVLAND_PARENT": now.parent}
    for warning in now.warnings:
        if warning not in old:
            log(logging.WARNING, journal.DISPUTED, warning, **fields)
    for warning in old:
        if warning not in now.warnings:
            log(logging.INFO, journal.DISPUTED, f"no longer so: {warning}", **fields)
