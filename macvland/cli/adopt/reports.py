"""Reports of networks as Docker gives them, out of JSON that others wrote. Pure.

Every ValueError says what to give instead.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

Report = Mapping[str, Any]

COMPOSE = "give what 'docker compose config --format json' prints"
INSPECT = "give what 'docker network inspect NETWORK' prints"
POOL = {"subnet": "Subnet", "gateway": "Gateway", "ip_range": "IPRange", "aux_addresses": "AuxiliaryAddresses"}


def of_inspect(text: str) -> list[Report]:
    """Return the reports in the JSON of `docker network inspect`."""
    data = _loaded(text, INSPECT)
    rows = data if isinstance(data, list) else [data]
    if not all(isinstance(row, dict) and isinstance(row.get("Name"), str) for row in rows):
        raise ValueError(f"holds something else than networks; {INSPECT}")
    return rows


def of_compose(text: str) -> list[Report]:
    """Return the networks of a Compose file, in the JSON that Compose makes of it, as Docker would report them."""
    data = _loaded(text, COMPOSE)
    networks = _mapping(_mapping(data).get("networks"))
    if not networks:
        raise ValueError(f"has no `networks`; {COMPOSE}")
    project = data.get("name")
    return list(_composed(networks, f"{project}_" if isinstance(project, str) and project else ""))


def _loaded(text: str, right: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"is no JSON (YAML is not read); {right}") from None


def _composed(networks: Mapping[str, Any], prefix: str) -> Iterator[Report]:
    for key, value in networks.items():
        said = value if isinstance(value, dict) else {}  # null stands for all the defaults
        ipam = _mapping(said.get("ipam"))
        pools = ipam.get("config")
        yield {
            "Name": str(said.get("name") or f"{prefix}{key}"),
            "Driver": said.get("driver") or "bridge",
            "Options": {name: str(it) for name, it in _mapping(said.get("driver_opts")).items()},
            "Internal": said.get("internal") is True,
            "Attachable": said.get("attachable") is True,
            "External": bool(said.get("external")),
            "Labels": _labels(said.get("labels")),
            "IPAM": {
                "Driver": ipam.get("driver"),
                "Options": ipam.get("options"),
                "Config": [
                    _pool(pool) for pool in (pools if isinstance(pools, list) else []) if isinstance(pool, dict)
                ],
            },
        }


def _pool(said: Mapping[str, Any]) -> Report:
    return {POOL[key]: value for key, value in said.items() if key in POOL}


def _labels(said: Any) -> dict[str, str]:
    """Return labels, which a Compose file may also write as a list of "name=value"."""
    if isinstance(said, list):
        return {name: value for name, _, value in (str(one).partition("=") for one in said)}
    return {name: str(value) for name, value in _mapping(said).items()}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
