"""From the start of the process to READY=1."""

from statistics import median

from tests.bench.inside import run_inside
from tests.bench.report import Row, Table
from tests.bench.world import add_networks
from tests.lab import Host, Lab

ROUNDS = 11
LIMIT, LIMIT_IN_PLACE = 500.0, 1000.0  # milliseconds
NETWORKS = 10


def measure() -> Table:
    """Measure without Docker, with it, and with networks that are in place already."""
    with Lab() as lab:
        plain, docker = lab.host("plain"), lab.host("docker", "192.168.1.60/24")
        docker.dockerd()
        rows = [
            _row("no networks, no Docker", plain, LIMIT),
            _row("no networks, Docker", docker, LIMIT),
        ]
        add_networks(docker, range(NETWORKS))
        run_inside(docker, "passes", rounds=1)  # makes them
        rows.append(_row(f"{NETWORKS} networks in place, Docker", docker, LIMIT_IN_PLACE))
    return Table(
        title=f"start: from exec to READY=1 on NOTIFY_SOCKET, medians of {ROUNDS}",
        theirs="a bare Python: python -c pass",
        rows=tuple(rows),
    )


def _row(what: str, host: Host, limit: float) -> Row:
    rounds = run_inside(host, "starts", rounds=ROUNDS)
    ours, theirs = (median(one[key] for one in rounds) for key in ("ready", "bare"))
    return Row(what=what, ours=ours, theirs=theirs, limit=limit)
