"""Real answers of Docker, recorded, multiplied, and given by a stand-in."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from ipaddress import IPv4Address
from typing import Any

from tests.bench.docker_api import Api
from tests.bench.inside import ENVIRONMENT
from tests.lab import Host, wait_until

STAND_IN = "/run/stand-in.sock"
HEADERS = ("Api-Version", "Server")


def record_of(api: Api) -> dict[str, Any]:
    """Return what Docker answers to a look."""
    api.send_off("GET", "/_ping")
    response = api.getresponse()
    response.read()
    head = {name: response.headers[name] for name in HEADERS}
    networks = api.do("GET", "/networks?filters=%7B%22driver%22%3A%5B%22macvlan%22%5D%7D")
    return {"head": head, "networks": networks, "containers": api.do("GET", "/containers/json?all=1")}


def container_as(model: Any, network: Any, address: IPv4Address, number: int) -> Any:
    """Return *model*, as Docker would report it with *address* on *network*."""
    new = deepcopy(model)
    (endpoint,) = new["NetworkSettings"]["Networks"].values()
    endpoint |= {
        "NetworkID": network["Id"],
        "IPAddress": str(address),
        "MacAddress": "02:42:" + ":".join(f"{octet:02x}" for octet in address.packed),
    }
    new["NetworkSettings"]["Networks"] = {network["Name"]: endpoint}
    return new | {"Id": f"{number:064x}", "Names": [f"/r{number}"]}


@contextmanager
def stand_in(host: Host, record: dict[str, Any]) -> Iterator[None]:
    """Let a stand-in on *host* answer *record* for an engine."""
    host.path("/run/record.json").write_text(json.dumps(record))
    command = (sys.executable, "-m", "tests.bench.stand_in", STAND_IN, "/run/record.json")
    child = host.popen(*command, environment=ENVIRONMENT)
    wait_until(lambda: host.path(STAND_IN).exists(), what="the stand-in")
    try:
        yield
    finally:
        child.terminate()
        child.wait()
        host.path(STAND_IN).unlink()
