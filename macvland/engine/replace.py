"""Exchange a network for another one, its containers included; and finish or undo what was interrupted.

Each step looks first whether it is done, so that the same function begins a replacement and finishes one: what is on
disk says where to, Docker says how far it is. There is no instant in which a container is not on disk or on a network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from macvland.action import Replace
from macvland.engine.endpoint import endpoint_of, losses, order
from macvland.engine.intent import Endpoint, Intent, Intents
from macvland.engine.line import Line
from macvland.engine.refusal import RefusedError
from macvland.engine.translate import SPEC, creation_of, is_ours, recreation_of
from macvland.error import ApplyError

TRIES = 3  # to empty the old network: a container may come while the others are sent away

Json = Mapping[str, Any]


def replace_network(line: Line, action: Replace, intents: Intents) -> None:
    """Exchange the network; ApplyError leaves the old one with all its containers, or says what is still to be done."""
    old = checked(line, action)
    users = [endpoint for report in _users(line, old) if (endpoint := endpoint_of(report, old["Name"], line.engine))]
    intent = Intent(
        network=action.thing.name,
        old_id=old["Id"],
        old=recreation_of(old),
        new=creation_of(action.thing, line.engine),
        endpoints=tuple(sorted(users, key=order)),
    )
    intents.save(intent)
    try:
        _carry_out(line, intent, intents)
    except RefusedError as refusal:
        _undo(line, intent, intents)
        raise ApplyError(f"{refusal}; the old network is back, with its containers", passing=refusal.passing) from None


def checked(line: Line, action: Replace) -> Json:
    """Return Docker's report of the network to replace; ApplyError, before anything is touched, if that must not be."""
    old = line.inspect_network(action.seen.id)
    if not is_ours(old):
        raise ApplyError("it does not carry macvland's label: never replaced", passing=False)
    creation_of(action.thing, line.engine)
    trouble = [
        words
        for report in _users(line, old)
        for words in losses(report, old["Name"], line.engine, action.thing.replacing)
    ]
    if trouble:
        raise ApplyError("; ".join(trouble), passing=False)
    return old


def finish(line: Line, network: str, intents: Intents) -> None:
    """Bring to its end what was begun with *network*."""
    intent = intents.load(network)
    try:
        _carry_out(line, intent, intents)
    except RefusedError:
        if intent.undo:
            raise
        _undo(line, intent, intents)


def _undo(line: Line, intent: Intent, intents: Intents) -> None:
    intent = replace(intents.load(intent.network), undo=True)
    intents.save(intent)
    _carry_out(line, intent, intents)


def _carry_out(line: Line, intent: Intent, intents: Intents) -> None:
    """Go to where *intent* leads from wherever it is."""
    there = line.network_named(intent.network)
    if there and not _is_goal(there, intent):
        intent = _take_down(line, there, intent, intents)
        there = None
    identifier = there["Id"] if there else line.create_network(intent.old if intent.undo else intent.new)
    for endpoint in intent.endpoints:
        _connect(line, identifier, intent.network, endpoint)
    intents.drop(intent.network)


def _is_goal(there: Json, intent: Intent) -> bool:
    """Tell whether the network that is there is the one to end with. One that was lost has the spec of the new one."""
    spec = (there.get("Labels") or {}).get(SPEC)
    if intent.undo:
        return bool(there["Id"] == intent.old_id or spec == intent.old["Labels"].get(SPEC))
    return bool(there["Id"] != intent.old_id and spec == intent.new["Labels"].get(SPEC))


def _take_down(line: Line, there: Json, intent: Intent, intents: Intents) -> Intent:
    """Send every container away from the network that is there, and remove it; return *intent* with those that came."""
    for last in (False,) * (TRIES - 1) + (True,):
        reports = list(_users(line, there))
        known = {endpoint.container for endpoint in intent.endpoints}
        found = (endpoint_of(report, there["Name"], line.engine) for report in reports if report["Id"] not in known)
        if new := tuple(endpoint for endpoint in found if endpoint):
            intent = replace(intent, endpoints=tuple(sorted((*intent.endpoints, *new), key=order)))
            intents.save(intent)
        for report in reports:
            line.disconnect(there["Id"], report["Id"])
        try:
            line.remove_network(there["Id"])
            break
        except RefusedError as refusal:
            if last or refusal.status != 403:
                raise
    return intent


def _connect(line: Line, identifier: str, network: str, endpoint: Endpoint) -> None:
    """Attach a container as it was, unless it is attached, or gone."""
    report = line.inspect_container(endpoint.container)
    if report is None or report["State"].get("Dead") or report["State"].get("Status") == "removing":
        return
    settings = report["NetworkSettings"]["Networks"].get(network)
    if settings is not None:
        # One that does not run has no id there until it starts: the name decides then. One that runs without an id was
        # refused, and Docker keeps the settings all the same.
        if settings.get("NetworkID") == identifier or not (settings.get("NetworkID") or report["State"]["Running"]):
            return
        line.disconnect(identifier, endpoint.container)
    line.connect(identifier, endpoint.container, endpoint.settings)


def _users(line: Line, network: Json) -> Iterator[Json]:
    """Yield the reports of the containers that are attached to *network*, running or not."""
    for row in line.containers():
        networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
        settings = networks.get(network["Name"])
        if settings is not None and settings.get("NetworkID") in (network["Id"], ""):
            report = line.inspect_container(row["Id"])
            if report is not None:
                yield report
