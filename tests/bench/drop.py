"""From the file to the working network: the daemon against a shell script with `docker network create` and `ip`."""

from statistics import median
from typing import Any

from tests.bench.inside import run_inside
from tests.bench.report import Row, Table
from tests.lab import Host, Lab, engine

ROUNDS = 15
# The script asks nobody whether an address is free.
FILE = """\
[network]
parent = "eth0"
probe = false
[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
range = "192.168.1.192/27"
[shim]
"""
OWN = "192.168.1.223"
KINDS = {"shim borrows the host's address": "", "shim has an address of its own": OWN}


def measure() -> Table:
    """Race both for both kinds of shim."""
    rows: list[Row] = []
    notes: list[str] = []
    with Lab() as lab:
        host = lab.host()
        host.dockerd()
        # A container that runs elsewhere, to be connected: its start is not what is measured.
        host.ip("link", "add", "spare", "type", "veth", "peer", "spare-lan")
        host.docker("network", "create", "--driver", "macvlan", "--opt", "parent=spare", "--internal", "elsewhere")
        host.container("web", "elsewhere")
        for kind, address in KINDS.items():
            rounds = _race(host, address)
            theirs = _median(rounds, "script")
            rows += [
                Row(what=kind, ours=_median(rounds, "both"), theirs=theirs, ratio_limit=1),
                Row(
                    what="  … and the route to a container",
                    ours=median(one["both"] + one["route"] for one in rounds),
                    theirs=theirs,
                    ratio_limit=1,
                ),
            ]
            notes.append(_note(kind, rounds))
    return Table(
        title=f"drop: from the rename into /etc/macvlan.d until Docker network and shim are there, medians of {ROUNDS}",
        theirs="a shell script with docker network create and ip (tests/bench/shim.sh), its range route included",
        rows=tuple(rows),
        notes=("route: added is the time from the end of docker network connect to the route.", *notes),
    )


def _race(host: Host, address: str) -> list[dict[str, float]]:
    macvland = host.macvland()
    macvland.wait_for("answers")
    rounds: list[dict[str, float]] = run_inside(
        host,
        "race",
        pid=macvland.pid,
        rounds=ROUNDS,
        address=address,
        file=FILE + (f'address = "{address}"\n' if address else ""),
        environment=dict(_environment()),
    )
    macvland.stop()
    return rounds


def _environment() -> dict[str, Any]:
    return {**engine.environment(), "LC_ALL": "C.UTF-8"}


def _median(rounds: list[dict[str, float]], key: str) -> float:
    return median(one[key] for one in rounds)


def _note(kind: str, rounds: list[dict[str, float]]) -> str:
    both = sorted(one["both"] for one in rounds)
    script = sorted(one["script"] for one in rounds)
    return (
        f"{kind}: shim after {_median(rounds, 'shim'):.1f} ms, network after {_median(rounds, 'network'):.1f} ms, "
        f"route {_median(rounds, 'route'):.1f} ms after a connect; "
        f"ours {both[0]:.0f} to {both[-1]:.0f} ms, theirs {script[0]:.0f} to {script[-1]:.0f} ms"
    )
