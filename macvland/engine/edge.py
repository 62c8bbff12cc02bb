"""The edge to Docker: what its networks and containers are, and our networks made and removed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from macvland.action import Action, Add, Delete, Failure
from macvland.engine.activation import asleep
from macvland.engine.address import socket_path
from macvland.engine.refusal import RefusedError, creation_refused, deletion_refused, no_answer
from macvland.engine.translate import attachments_of, container_names, creation_of, engine_of, is_ours, networks_of
from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Engine, Host, Network

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class _Line:
    """An engine that answered just now, and the SDK's client that speaks its API version."""

    engine: Engine
    client: Any  # docker.APIClient


class Docker:
    """The Docker engine behind one unix socket. Nothing is kept of it but the SDK's client, which is slow to make."""

    def __init__(self, path: str = "") -> None:
        """Talk to the engine at *path*, or where DOCKER_HOST says; ApplyError if that is no unix socket."""
        self._path = path or socket_path()
        self._line: _Line | None = None

    def observe(self, host: Host) -> Host:
        """Return *host* with Docker's part as it is now, or why there is none; always three requests."""
        try:
            line = self._connect()
            networks = networks_of(_asked(list, line.client.networks, filters={"driver": ["macvlan"]}))
            attachments = attachments_of(_asked(list, line.client.containers, all=True), networks)
        except ApplyError as error:
            return replace(host, engine=None, absence=str(error))
        return replace(host, engine=line.engine, absence="", networks=networks, attachments=attachments)

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Do *actions* in order and return those that failed; once Docker is silent, the rest fail untried."""
        failures: list[Failure] = []
        line: _Line | None = None
        absence: EngineAbsentError | None = None
        for action in actions:
            try:
                if absence:
                    raise absence
                line = line or self._connect()
                _do(line, action)
            except ApplyError as error:
                absence = error if isinstance(error, EngineAbsentError) else None
                failures.append(Failure(action=action, reason=str(error), passing=error.passing))
        return tuple(failures)

    def _connect(self) -> _Line:
        try:
            Path(self._path).stat()
        except OSError as error:
            raise no_answer(self._path, error) from error
        if asleep():
            raise EngineAbsentError("Docker is stopped; its socket would start it, which is not for macvland to do")
        # A host without Docker does not pay for these two: http.client takes 30 ms and 6 MB,
        # the SDK 300-410 ms and 21-33 MB (Python 3.11, both venv and Debian 12).
        from macvland.engine.connection import ask  # noqa: PLC0415

        # The headers name the engine. GET /version would have Docker run three programs for it (9 ms).
        engine = engine_of(ask(self._path, "GET", "/_ping").headers)
        if self._line is None or self._line.engine != engine:
            from macvland.engine.sdk import client_for  # noqa: PLC0415

            self._line = _Line(engine, client_for(self._path, ".".join(map(str, engine.api))))
        return self._line


def _do(line: _Line, action: Action) -> None:
    match action:
        case Add(thing=Network() as network):
            _create(line, network)
        case Delete(thing=Network() as network):
            _delete(line, network)
        case _:
            raise ApplyError(f"Docker cannot {action}", passing=False)


def _create(line: _Line, network: Network) -> None:
    body = creation_of(network, line.engine)
    url = f"{line.client.base_url}/v{line.client.api_version}/networks/create"
    try:
        _asked(object, line.client.post, url, json=body)  # the SDK's create_network (7.1) knows no EnableIPv4
    except RefusedError as refusal:
        raise creation_refused(network, line.engine, refusal, lambda start: _name_of(line, start)) from refusal


def _delete(line: _Line, network: Network) -> None:
    """Delete *network*, if Docker still says that this very id is ours: a name could be anybody's."""
    if not network.id:
        raise ApplyError("it has no id yet: nothing is deleted by its name", passing=False)
    try:
        report = _asked(dict, line.client.inspect_network, network.id)
        if report.get("Id") != network.id or not is_ours(report):
            raise ApplyError("it does not carry macvland's label: never deleted", passing=False)
        _asked(object, line.client.remove_network, network.id)
    except RefusedError as refusal:
        if refusal.status != 404:
            raise deletion_refused(refusal, container_names(report)) from refusal


def _name_of(line: _Line, start: str) -> str:
    try:
        return str(_asked(dict, line.client.inspect_network, start).get("Name"))
    except ApplyError:
        return start


def _asked(kind: type[Shape], call: Callable[..., Any], *arguments: Any, **options: Any) -> Shape:
    """Call the SDK; an answer that is no JSON, or none of this *kind*, counts as no answer."""
    try:
        answer = call(*arguments, **options)
    except (ValueError, RecursionError, OSError) as error:  # OSError: requests' own, say for a redirect
        raise EngineAbsentError(f"Docker's answer makes no sense: {error}") from error
    if not isinstance(answer, kind):
        raise EngineAbsentError(f"Docker's answer makes no sense: no {kind.__name__}")
    return answer
