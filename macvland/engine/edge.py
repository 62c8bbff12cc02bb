"""The edge to Docker: what its networks and containers are, and our networks made and removed."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from macvland.action import Action, Add, Delete, Disconnect, Failure, Finish, Prove, Reconnect, Replace
from macvland.condition import Condition
from macvland.condition.docker import ASLEEP, LOST, NO_ID, NOT_OURS_DELETED, UNABLE, UNREADABLE
from macvland.engine.activation import asleep
from macvland.engine.address import socket_path
from macvland.engine.history import KNOWN, History
from macvland.engine.intent import Intents
from macvland.engine.line import Json, Line
from macvland.engine.lost import is_probe, verdict_on
from macvland.engine.refusal import RefusedError, deletion_refused, no_answer
from macvland.engine.replace import checked, finish, reconnect, replace_network
from macvland.engine.translate import (
    TEXTS,
    attachments_of,
    container_names,
    creation_of,
    engine_of,
    is_ours,
    networks_of,
)
from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Attachment, Host, Loss, Network, Proof, Unfinished


class Docker:
    """The Docker engine behind one unix socket. Nothing is kept of it but the SDK's client, which is slow to make."""

    def __init__(self, path: str = "", intents: Intents | None = None, history: History | None = None) -> None:
        """Talk to the engine at *path*, or where DOCKER_HOST says; ApplyError if that is no unix socket."""
        self._path = path or socket_path()
        self._intents = intents or Intents()
        self._history = history or History(socket=Path(self._path))
        self._line: Line | None = None

    def observe(self, host: Host) -> Host:
        """Return *host* with Docker's part as it is now, or why there is none; always three requests."""
        try:
            line = self._connect()
            rows = [row for row in line.macvlan_networks() if not is_probe(row)]
            containers = line.containers()
            with TEXTS:
                networks = networks_of(rows)
                attachments = attachments_of(containers, networks)
            unfinished = frozenset(Unfinished(network=name) for name in self._intents.begun())
        except ApplyError as error:
            return replace(host, engine=None, absent=_absent(error))
        verdicts = self._history.verdicts()
        found = {network.id: network.name for network in networks if network.id in verdicts}
        return replace(
            host,
            engine=line.engine,
            absent=None,
            networks=networks,
            attachments=self._with_cuts(attachments, networks),
            unfinished=unfinished,
            proofs=frozenset(Proof(network=name, id=identifier) for identifier, name in found.items()),
            losses=frozenset(
                Loss(network=name, id=identifier, condition=lost.of(name), curable=lost.kind is LOST)
                for identifier, name in found.items()
                if (lost := verdicts[identifier]) is not KNOWN
            ),
        )

    def reports(self, names: Sequence[str]) -> list[Json]:
        """Return Docker's reports of the networks called *names*, of any driver; without names, of all macvlan ones.

        Raises ApplyError where Docker does not answer, or has no network of a name.
        """
        line = self._connect()
        if not names:
            return [row for row in line.macvlan_networks() if not is_probe(row)]
        return [_report(line, name) for name in names]

    def containers(self, identifiers: Sequence[str]) -> list[Json]:
        """Return Docker's reports of these containers, without those that are gone; ApplyError without an answer."""
        line = self._connect()
        return [report for one in identifiers if (report := line.inspect_container(one))]

    def _with_cuts(self, attachments: frozenset[Attachment], networks: frozenset[Network]) -> frozenset[Attachment]:
        parents = {network.id: network.parent for network in networks if network.spec and network.parent}
        endpoints = [(one.endpoint, parents.get(one.network_id)) for one in attachments if one.endpoint]
        cut = self._history.cut([(endpoint, parent) for endpoint, parent in endpoints if parent])
        if not cut:
            return attachments
        return frozenset(replace(one, cut=one.endpoint in cut) for one in attachments)

    def remember(self) -> None:
        """Keep for the next macvland what nobody can look at; OSError where the disk does not take it."""
        self._history.save()

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Do *actions* in order and return those that failed; once Docker is silent, the rest fail untried."""
        return self._each(actions, self._do)

    def rehearse(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Return those of *actions* that would be refused, as far as that can be told without doing anything."""
        return self._each(actions, _rehearse)

    def _do(self, line: Line, action: Action) -> None:
        match action:
            case Add(thing=Network() as network):
                self._history.judge(line.create_network(creation_of(network, line.engine)), KNOWN)
            case Delete(thing=Network() as network):
                _delete(line, network)
            case Replace():
                self._history.judge(replace_network(line, action, self._intents), KNOWN)
            case Finish(thing=unfinished):
                finish(line, unfinished.network, self._intents)  # who knows what became of it meanwhile
            case Prove(thing=proof):
                self._history.judge(proof.id, verdict_on(line, proof))
            case Reconnect(thing=attachment):
                reconnect(line, attachment, self._intents)
            case Disconnect(thing=attachment):
                line.disconnect(attachment.network_id, attachment.id)
            case _:
                raise ApplyError(UNABLE(step=action), passing=False)

    def _each(self, actions: Sequence[Action], do: Callable[[Line, Action], None]) -> tuple[Failure, ...]:
        failures: list[Failure] = []
        line: Line | None = None
        absence: EngineAbsentError | None = None
        for action in actions:
            try:
                if absence:
                    raise absence
                line = line or self._connect()
                do(line, action)
            except ApplyError as error:
                absence = error if isinstance(error, EngineAbsentError) else None
                why = error.condition.of(action.network)
                failures.append(Failure(action=action, condition=why, passing=error.passing))
        return tuple(failures)

    def _connect(self) -> Line:
        try:
            Path(self._path).stat()
        except OSError as error:
            raise no_answer(self._path, error) from error
        if asleep():
            raise EngineAbsentError(ASLEEP())
        # A host without Docker does not pay for these two: http.client takes 30 ms and 6 MB,
        # the SDK 300-410 ms and 21-33 MB (Python 3.11, both venv and Debian 12).
        from macvland.engine.connection import ask  # noqa: PLC0415

        # The headers name the engine. GET /version would have Docker run three programs for it (9 ms).
        engine = engine_of(ask(self._path, "GET", "/_ping").headers)
        if self._line is None or self._line.engine != engine:
            from macvland.engine.sdk import client_for  # noqa: PLC0415

            self._line = Line(engine, client_for(self._path, ".".join(map(str, engine.api))))
        return self._line


def _absent(error: ApplyError) -> Condition:
    """Return why there is no engine to speak of: it does not answer, or not with what a look needs."""
    return error.condition if isinstance(error, EngineAbsentError) else UNREADABLE(error=error)


def _report(line: Line, name: str) -> Json:
    try:
        return line.inspect_network(name)
    except RefusedError as refusal:
        if refusal.status == 404:
            raise ApplyError(f"Docker has no network '{name}'; 'docker network ls' lists those it has") from refusal
        raise


def _rehearse(line: Line, action: Action) -> None:
    match action:
        case Add(thing=Network() as network):
            creation_of(network, line.engine)
        case Replace():
            checked(line, action)
        case _:
            return


def _delete(line: Line, network: Network) -> None:
    """Delete *network*, if Docker still says that this very id is ours: a name could be anybody's."""
    if not network.id:
        raise ApplyError(NO_ID(), passing=False)
    try:
        report = line.inspect_network(network.id)
        if report.get("Id") != network.id or not is_ours(report):
            raise ApplyError(NOT_OURS_DELETED(), passing=False)
        line.remove_network(network.id)
    except RefusedError as refusal:
        if refusal.status != 404:
            raise deletion_refused(refusal, container_names(report)) from refusal
