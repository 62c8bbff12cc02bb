"""Exchange a network for another one, its containers included; and finish or undo what was interrupted.

Each step looks first whether it is done, so that the same function begins a replacement and finishes one: what is on
disk says where to, Docker says how far it is. There is no instant in which a container is not on disk or on a network.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from macvland.action import Replace
from macvland.condition import Condition
from macvland.condition.docker import BACK, CONNECTED_LATER, IN_ITS_PLACE, NOT_OURS_REPLACED, RESTARTING, SEVERAL_LOSSES
from macvland.engine.endpoint import endpoint_of, failed_for_want_of, is_going, losses, name_of, order
from macvland.engine.intent import Endpoint, Intent, Intents
from macvland.engine.line import Line
from macvland.engine.refusal import RefusedError
from macvland.engine.translate import SPEC, creation_of, is_ours, recreation_of
from macvland.error import ApplyError
from macvland.model import Attachment

TRIES = 3  # to empty the old network: a container may come while the others are sent away

Json = Mapping[str, Any]


class PostponedError(ApplyError):
    """A container that waits for its restart: from Docker 28 on nothing can be connected to it meanwhile."""


def replace_network(line: Line, action: Replace, intents: Intents) -> str:
    """Exchange the network and return the id of the new one.

    ApplyError leaves the old one with all its containers, or says what is still to be done.
    """
    old, reports = checked(line, action)
    users = [endpoint for report in reports if (endpoint := endpoint_of(report, old["Name"], line.engine))]
    intent = Intent(
        network=action.thing.name,
        old_id=old["Id"],
        old=recreation_of(old),
        new=creation_of(action.thing, line.engine),
        endpoints=tuple(sorted(users, key=order)),
        start=tuple(report["Id"] for report in reports if failed_for_want_of(report, old["Id"])),
    )
    intents.save(intent)
    try:
        return _carry_out(line, intent, intents)
    except RefusedError as refusal:
        _undo(line, intent, intents)
        raise ApplyError(BACK(refusal=refusal), passing=refusal.passing) from None


def checked(line: Line, action: Replace) -> tuple[Json, list[Json]]:
    """Return Docker's reports of the network to replace and of who is on it.

    ApplyError, before anything is touched, if it must not be replaced.
    """
    old = line.inspect_network(action.seen.id)
    if not is_ours(old):
        raise ApplyError(NOT_OURS_REPLACED(), passing=False)
    creation_of(action.thing, line.engine)
    reports = list(_users(line, old))
    trouble = [loss for report in reports for loss in losses(report, old["Name"], line.engine, action.thing.replacing)]
    if trouble:
        raise ApplyError(_all(trouble), passing=False)
    if restarting := [name_of(report) for report in reports if report["State"].get("Restarting")]:
        raise PostponedError(RESTARTING(container=restarting[0]))
    return old, reports


def _all(losses: Sequence[Condition]) -> Condition:
    return losses[0] if len(losses) == 1 else SEVERAL_LOSSES(losses=losses)


def finish(line: Line, network: str, intents: Intents) -> None:
    """Bring to its end what was begun with *network*."""
    intent = intents.load(network)
    try:
        _carry_out(line, intent, intents)
    except RefusedError:
        if intent.undo:
            raise
        _undo(line, intent, intents)


def reconnect(line: Line, attachment: Attachment, intents: Intents) -> None:
    """Take a container off its network and attach it anew, the same way."""
    network, report = line.inspect_network(attachment.network_id), line.inspect_container(attachment.id)
    endpoint = report and endpoint_of(report, attachment.network, line.engine)
    if not report or not endpoint or is_going(report):
        return
    if trouble := list(losses(report, attachment.network, line.engine, attachment.replacing)):
        raise ApplyError(_all(trouble), passing=False)
    # One that was refused just now stays on disk beside this one.
    intent = _joined(_begun(attachment.network, network, intents), [endpoint])
    intents.save(intent)
    line.disconnect(network["Id"], attachment.id)
    _carry_out(line, intent, intents)


def _begun(name: str, network: Json, intents: Intents) -> Intent:
    """Return what was begun with the network called *name*, or a way back to it as it is, with nobody yet."""
    if name in intents.begun():
        return intents.load(name)
    again = recreation_of(network)
    return Intent(network=name, old_id=network["Id"], old=again, new=again, endpoints=(), undo=True)


def _joined(intent: Intent, endpoints: Iterable[Endpoint]) -> Intent:
    """Return *intent* with those of *endpoints* whose containers it does not know yet."""
    known = {one.container for one in intent.endpoints}
    new = [one for one in endpoints if one.container not in known]
    return replace(intent, endpoints=tuple(sorted((*intent.endpoints, *new), key=order)))


def _undo(line: Line, intent: Intent, intents: Intents) -> None:
    intent = replace(intents.load(intent.network), undo=True)
    intents.save(intent)
    _carry_out(line, intent, intents)


def _carry_out(line: Line, intent: Intent, intents: Intents) -> str:
    """Go to where *intent* leads from wherever it is; return the id of the network at the end."""
    there = line.network_named(intent.network)
    if there and not _is_goal(there, intent):
        if not is_ours(there):
            raise ApplyError(IN_ITS_PLACE(name=intent.network))
        intent = _take_down(line, there, intent, intents)
        there = None
    identifier = there["Id"] if there else line.create_network(intent.old if intent.undo else intent.new)
    running = frozenset(line.inspect_network(identifier).get("Containers") or ()) if there else frozenset()
    problems: list[ApplyError] = []
    for endpoint in intent.endpoints:
        try:
            if _connect(line, identifier, intent, endpoint, running):
                intent = replace(intent, start=(*intent.start, endpoint.container))
        except PostponedError as later:
            problems.append(later)
        except RefusedError as refusal:
            if not intent.undo:
                raise  # the old network comes back, for all of them
            problems.append(refusal)  # one that cannot come back keeps no other one off
    for container in intent.start:
        line.start(container)
    if problems:
        intents.save(replace(intent, start=()))  # once: who stops one of them later means it
        raise problems[0]
    intents.drop(intent.network)
    return identifier


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
        found = (endpoint_of(report, there["Name"], line.engine) for report in reports)
        joined = _joined(intent, [endpoint for endpoint in found if endpoint])
        if joined != intent:
            intent = joined
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


def _connect(line: Line, identifier: str, intent: Intent, endpoint: Endpoint, running: Container[str]) -> bool:
    """Attach a container as it was, unless it is attached, or gone; tell whether it is to be started after that.

    The network has those of *running*, which decides for one that runs: of such a one Docker keeps its settings, ids,
    address and all, when it refuses to connect it. Of one that does not run, or is about to be restarted, they decide,
    and the name alone where they have no id yet.
    """
    report = line.inspect_container(endpoint.container)
    if report is None or is_going(report):
        return False
    restarting = bool(report["State"].get("Restarting"))
    settings = report["NetworkSettings"]["Networks"].get(intent.network)
    if settings is not None:
        runs, there = report["State"]["Running"] and not restarting, settings.get("NetworkID") or identifier
        if endpoint.container in running if runs else there == identifier:
            return False
        line.disconnect(identifier, endpoint.container)
    try:
        line.connect(identifier, endpoint.container, endpoint.settings)
    except RefusedError as refusal:
        if restarting:
            raise PostponedError(CONNECTED_LATER(container=endpoint.name, refusal=refusal)) from None
        raise
    # Docker's own restart of it met the moment without a network.
    return bool(intent.old_id) and failed_for_want_of(report, intent.old_id)


def _users(line: Line, network: Json) -> Iterator[Json]:
    """Yield the reports of the containers that are attached to *network*, running or not, but for those that go."""
    for row in line.containers():
        networks = (row.get("NetworkSettings") or {}).get("Networks") or {}
        settings = networks.get(network["Name"])
        if settings is not None and settings.get("NetworkID") in (network["Id"], ""):
            report = line.inspect_container(row["Id"])
            if report is not None and not is_going(report):
                yield report
