"""How a container is attached, from Docker's report to what connects it again the same way. Pure.

Nothing operational is carried over: a MAC or an address that Docker made up, kept as if somebody had asked for it, is
how duplicates are born (moby#48595).
"""

from collections.abc import Iterator, Mapping
from typing import Any

from macvland.condition import Condition
from macvland.condition.docker import MAC_LOST, STARTED_BY_ID
from macvland.engine.intent import Endpoint
from macvland.model import Engine, Replacing

# Between these, a connect ignores MacAddress (moby, API v1.44 to v1.54); before, the container itself has it.
MAC_LOST_FROM, MAC_KEPT_FROM = (1, 44), (1, 54)

GOING = frozenset({"dead", "removing"})  # a container's state
CARRIED = ("IPAMConfig", "Links", "Aliases", "DriverOpts", "GwPriority")

Json = Mapping[str, Any]


def endpoint_of(report: Json, network: str, engine: Engine) -> Endpoint | None:
    """Return how the container of *report* is attached to *network*; None if it is not."""
    settings = report["NetworkSettings"]["Networks"].get(network)
    if settings is None:
        return None
    kept = {key: settings[key] for key in CARRIED if settings.get(key)}
    # Docker adds the start of the container's id to the aliases by itself.
    aliases = [alias for alias in kept.pop("Aliases", []) if alias != report["Id"][:12]]
    mac = {"MacAddress": pinned_mac(report, network)} if engine.api >= MAC_KEPT_FROM else {}
    extra = {"Aliases": aliases, **mac}
    return Endpoint(
        container=report["Id"],
        name=name_of(report),
        settings=kept | {key: value for key, value in extra.items() if value},
    )


def pinned_mac(report: Json, network: str) -> str:
    """Return the MAC that was asked for (docker run --mac-address), which counts on the container's first network."""
    first = report["HostConfig"].get("NetworkMode")
    settings = report["NetworkSettings"]["Networks"].get(network) or {}
    return str(report["Config"].get("MacAddress") or "") if first in (network, settings.get("NetworkID")) else ""


def losses(report: Json, network: str, engine: Engine, replacing: Replacing) -> Iterator[Condition]:
    """Yield why the container of *report* would not be the same after a replacement of *network*."""
    name = name_of(report)
    first = report["HostConfig"].get("NetworkMode")
    if engine.api < MAC_LOST_FROM:
        return
    if first != network and first == report["NetworkSettings"]["Networks"][network].get("NetworkID"):
        # "could not find a network matching network mode <id>", 26.1
        yield STARTED_BY_ID(network, container=name)
    lossy = MAC_LOST_FROM <= engine.api < MAC_KEPT_FROM and replacing is not Replacing.ALWAYS
    if lossy and (mac := pinned_mac(report, network)):
        yield MAC_LOST(network, container=name, mac=mac, version=engine.version)


def name_of(report: Json) -> str:
    """Return what the container of *report* is called."""
    return str(report["Name"]).removeprefix("/")


def is_going(report: Json) -> bool:
    """Tell whether the container of *report* is being removed, or could not be: it is as good as gone."""
    return bool(report["State"].get("Dead")) or report["State"].get("Status") in GOING


def failed_for_want_of(report: Json, network: str) -> bool:
    """Tell whether the container of *report* would run if Docker had not lost the network with the id *network*."""
    state, policy = report["State"], report["HostConfig"].get("RestartPolicy") or {}
    words = str(state.get("Error"))
    wants_to_run = policy.get("Name") in {"always", "unless-stopped", "on-failure"}
    return bool(not state["Running"] and network in words and "not found" in words and wants_to_run)


def order(endpoint: Endpoint) -> tuple[bool, str]:
    """Sort fixed addresses first: else Docker might hand them out to others."""
    return not endpoint.settings.get("IPAMConfig"), endpoint.name
