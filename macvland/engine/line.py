"""Every request that macvland makes of an engine that answered, over the SDK's client. Decides nothing."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from macvland.condition.docker import NO_SENSE
from macvland.engine.refusal import RefusedError, creation_refused
from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Engine

Shape = TypeVar("Shape")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """An engine that answered just now, and the SDK's client that speaks its API version."""

    engine: Engine
    client: Any  # docker.APIClient

    def macvlan_networks(self) -> list[Json]:
        """Return the macvlan networks as Docker lists them."""
        return _asked(list, self.client.networks, filters={"driver": ["macvlan"]})

    def network_named(self, name: str) -> Json | None:
        """Return the macvlan network of this very name as Docker lists it; None if there is none."""
        return next((row for row in self.macvlan_networks() if row.get("Name") == name), None)

    def inspect_network(self, identifier: str) -> Json:
        """Return Docker's report of the network."""
        return _asked(dict, self.client.inspect_network, identifier)

    def name_of(self, start: str) -> str:
        """Return the name of the network whose id begins with *start*; that itself where Docker does not know."""
        with suppress(ApplyError):
            return str(self.inspect_network(start).get("Name"))
        return start

    def create_network(self, body: Json) -> str:
        """Create a network; return its id."""
        try:
            return self.try_network(body)
        except RefusedError as refusal:
            raise creation_refused(body, self.engine, refusal, self.name_of) from refusal

    def try_network(self, body: Json) -> str:
        """Create a network; return its id. A refusal has Docker's own words, and costs no request more."""
        # The SDK's create_network (7.1) knows no EnableIPv4.
        answer = _asked(object, self.client.post, self._url("/networks/create"), json=body)
        return str(answer.json()["Id"])  # type: ignore[attr-defined]  # a Response of requests

    def remove_network(self, identifier: str) -> None:
        """Remove a network; one that is gone already is no error."""
        try:
            _asked(object, self.client.remove_network, identifier)
        except RefusedError as refusal:
            if refusal.status != 404:
                raise

    def containers(self) -> list[Json]:
        """Return all containers as Docker lists them, those that do not run included."""
        return _asked(list, self.client.containers, all=True)

    def inspect_container(self, identifier: str) -> Json | None:
        """Return Docker's report of the container; None if it is gone."""
        try:
            return _asked(dict, self.client.inspect_container, identifier)
        except RefusedError as refusal:
            if refusal.status == 404:
                return None
            raise

    def connect(self, network: str, container: str, settings: Json) -> None:
        """Attach the container with *settings*, an EndpointConfig; one that is gone meanwhile is no error."""
        # The SDK's connect_container_to_network (7.1) knows no GwPriority.
        body = {"Container": container, "EndpointConfig": settings}
        try:
            _asked(object, self.client.post, self._url(f"/networks/{network}/connect"), json=body)
        except RefusedError as refusal:
            if "No such container" not in refusal.message:
                raise

    def disconnect(self, network: str, container: str) -> None:
        """Take the container off the network; one that is off it already is no error."""
        body = {"Container": container}
        try:
            _asked(object, self.client.post, self._url(f"/networks/{network}/disconnect"), json=body)
        except RefusedError as refusal:
            if refusal.status != 404 and "is not connected" not in refusal.message:
                raise

    def start(self, container: str) -> None:
        """Start the container; whether it can is its own business."""
        with suppress(RefusedError):
            _asked(object, self.client.post, self._url(f"/containers/{container}/start"))

    def _url(self, path: str) -> str:
        return f"{self.client.base_url}/v{self.client.api_version}{path}"


def _asked(kind: type[Shape], call: Callable[..., Any], *arguments: Any, **options: Any) -> Shape:
    """Call the SDK; an answer that is no JSON, or none of this *kind*, counts as no answer."""
    try:
        answer = call(*arguments, **options)
    except (ValueError, RecursionError, OSError) as error:  # OSError: requests' own, say for a redirect
        raise EngineAbsentError(NO_SENSE(error=error)) from error
    if not isinstance(answer, kind):
        raise EngineAbsentError(NO_SENSE(error=f"no {kind.__name__}"))
    return answer
