"""A pass with nothing to do, at 10, 100 and 1000 networks or attachments, against ip(8) listing the same."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

from tests.bench.docker_api import Api
from tests.bench.inside import run_inside
from tests.bench.recorded import STAND_IN, container_as, record_of, stand_in
from tests.bench.report import Row, Table
from tests.bench.world import add_networks, declare
from tests.lab import Host, Lab

ROUNDS = 11
CONTAINERS = 30  # real ones: each takes half a second to start
WIDE = IPv4Network("10.100.0.0/16")  # of the one network with many attachments
LIMITS = {100: 30.0, 1000: 250.0}  # milliseconds
PARTS = ("files", "kernel", "Docker", "wanted", "plan", "tell")


def measure() -> Table:
    """Measure many networks on one host, and many attachments of one network on another."""
    rows: list[Row] = []
    notes: list[str] = [f"{'':38}{''.join(part.rjust(8) for part in PARTS)}  ms"]
    with Lab() as lab:
        many, one = lab.host("many"), lab.host("one", "192.168.1.60/24")
        many.dockerd()
        for title, found, limit in (*_many_networks(many), *_many_attachments(one, many)):
            rows.append(Row(what=title, ours=found["whole"], theirs=found["ip"], limit=limit))
            notes.append(f"{title:38}{''.join(f'{found[part]:8.1f}' for part in PARTS)}")
    return Table(
        title=f"idle: a pass with nothing to do, as the daemon makes it, medians of {ROUNDS}",
        theirs="ip -details -json link, address, route and neighbour show (no files, no Docker, no conclusions)",
        rows=tuple(rows),
        notes=(
            *notes,
            "a network has its own parent and shim; 'recorded': real answers of Docker, multiplied to that many",
            "containers and given by a stand-in, which spends no time of its own on them",
        ),
    )


def _many_networks(host: Host) -> Iterator[tuple[str, Any, float | None]]:
    api = Api(str(host.docker_socket))
    host.ip("address", "add", f"{WIDE[1]}/16", "dev", "eth0")
    declare(host, "wide", "eth0", WIDE)
    there = 0
    for count in (10, 100, 1000):
        add_networks(host, range(there, count))
        run_inside(host, "passes", rounds=1)  # makes them
        for number in range(there, min(count, CONTAINERS)):
            host.container(f"c{number}", f"n{number}")
        found = run_inside(host, "passes", rounds=ROUNDS)
        running = min(count, CONTAINERS)
        yield f"{count} networks, {running} containers", found, LIMITS.get(count)
        there = count
    record = _attached(record_of(api))
    found = _with_stand_in(host, record)
    yield f"1000 networks, {len(record['containers'])} containers, recorded", found, LIMITS[1000]


def _many_attachments(host: Host, recorded_on: Host) -> Iterator[tuple[str, Any, float | None]]:
    """Give a host the network 'wide' alone, and ever more containers on it."""
    record = record_of(Api(str(recorded_on.docker_socket)))
    (wide,) = (network for network in record["networks"] if network["Name"] == "wide")
    model = record["containers"][0]
    host.ip("address", "add", f"{WIDE[1]}/16", "dev", "eth0")
    declare(host, "wide", "eth0", WIDE)
    for count in (10, 100, 1000):
        containers = [container_as(model, wide, WIDE[256 + number], number) for number in range(count)]
        found = _with_stand_in(host, {**record, "networks": [wide], "containers": containers})
        yield f"1 network, {count} containers, recorded", found, LIMITS.get(count)


def _subnet(network: Any) -> IPv4Network:
    return IPv4Network(network["IPAM"]["Config"][0]["Subnet"])


def _attached(record: dict[str, Any]) -> dict[str, Any]:
    """Return *record* with a container on every network that has none yet."""
    # The list of networks names no containers: those that have one are known from the other list.
    used = {"wide", *(name for one in record["containers"] for name in one["NetworkSettings"]["Networks"])}
    spare = [network for network in record["networks"] if network["Name"] not in used]
    model = record["containers"][0]
    more = [container_as(model, network, _subnet(network)[100], number) for number, network in enumerate(spare)]
    return {**record, "containers": record["containers"] + more}


def _with_stand_in(host: Host, record: dict[str, Any]) -> Any:
    """Measure on *host* while the stand-in gives it *record* for an engine."""
    with stand_in(host, record):
        return run_inside(host, "passes", rounds=ROUNDS, socket=STAND_IN)
