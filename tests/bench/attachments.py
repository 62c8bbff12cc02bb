"""One network with many containers: from Docker's event of one more to its route, and a pass with nothing to do."""

from statistics import median
from typing import Any

from tests.bench.docker_api import Api
from tests.bench.idle import WIDE
from tests.bench.inside import run_inside
from tests.bench.recorded import STAND_IN, container_as, record_of, stand_in
from tests.bench.report import Row, Table
from tests.bench.world import declare
from tests.lab import Host, Lab

ROUNDS = 21
COUNTS = (10, 500)
ROUTED = {500: 100.0}  # milliseconds
IDLE = {500: 250.0}


def measure() -> Table:
    """Measure with few attachments and with many."""
    rows: list[Row] = []
    notes: list[str] = []
    with Lab() as lab:
        model, host = lab.host("model"), lab.host("host", "192.168.1.60/24")
        record = _record(model)
        host.ip("address", "add", f"{WIDE[1]}/16", "dev", "eth0")
        declare(host, "wide", "eth0", WIDE)
        for count in COUNTS:
            routed, idle = _measure(host, record, count)
            rows += [
                Row(what=f"{count} attachments: event to route", ours=median(routed), limit=ROUTED.get(count)),
                Row(what="  a pass with nothing to do", ours=idle["whole"], theirs=idle["ip"], limit=IDLE.get(count)),
            ]
            notes.append(f"{count} attachments: {min(routed):.1f} to {max(routed):.1f} ms from an event to the route")
    return Table(
        title=f"attachments: a container starts where there are many, medians of {ROUNDS}",
        theirs="ip -details -json link, address, route and neighbour show",
        rows=tuple(rows),
        notes=("real answers of Docker, multiplied, from a stand-in that spends no time of its own on them", *notes),
    )


def _record(host: Host) -> dict[str, Any]:
    """Return what a Docker answers that has the network with one container."""
    host.dockerd()
    host.ip("address", "add", f"{WIDE[1]}/16", "dev", "eth0")
    declare(host, "wide", "eth0", WIDE)
    run_inside(host, "passes", rounds=1)  # makes it
    host.container("web", "wide")
    return record_of(Api(str(host.docker_socket)))


def _measure(host: Host, record: dict[str, Any], count: int) -> tuple[list[float], dict[str, float]]:
    (wide,), model = record["networks"], record["containers"][0]
    addresses = [WIDE[256 + number] for number in range(count + ROUNDS)]
    containers = [container_as(model, wide, address, number) for number, address in enumerate(addresses)]
    there, coming = containers[:count], containers[count:]
    with stand_in(host, record | {"containers": there}):
        idle: dict[str, float] = run_inside(host, "passes", rounds=ROUNDS, socket=STAND_IN)
    with stand_in(host, record | {"containers": there, "coming": coming}):
        macvland = host.macvland(environment={"DOCKER_HOST": f"unix://{STAND_IN}"})
        macvland.wait_for("wide: ready")
        routed: list[float] = run_inside(
            host, "routed", pid=macvland.pid, socket=STAND_IN, addresses=[str(one) for one in addresses[count:]]
        )
        macvland.stop()
    return routed, idle
