"""From what somebody does to a shim until it is as asked again, at the running daemon."""

from statistics import median

from tests.bench.inside import run_inside
from tests.bench.report import Row, Table
from tests.bench.world import add_networks
from tests.lab import Host, Lab, wait_until
from tests.scene import status

NETWORKS = 40  # each is hit once by each kind: what is undone again and again is not fought at full speed
MEDIAN, WORST = 50.0, 250.0  # milliseconds


def measure() -> Table:
    """Hit every shim of a host in every way."""
    with Lab() as lab:
        host = lab.host()
        add_networks(host, range(NETWORKS))
        macvland = host.macvland()
        wait_until(lambda: _shims(host) == NETWORKS, 60, "all shims")
        found: dict[str, list[float]] = run_inside(host, "repairs", networks=NETWORKS)
        macvland.stop()
    everything = [took for times in found.values() for took in times]
    rows = [Row(what=kind, ours=median(times)) for kind, times in found.items()]
    return Table(
        title=f"repair: from the start of the command that does it until all is as before, {len(everything)} repairs",
        theirs="nothing else repairs these",
        rows=(
            *rows,
            Row(what="median of all", ours=median(everything), limit=MEDIAN),
            Row(what="worst of all", ours=max(everything), limit=WORST),
        ),
        notes=("of these, 10 ms are the wait for the end of a burst, and some 3 ms the command's own start",),
    )


def _shims(host: Host) -> int:
    now = status(host)
    return sum(1 for network in now.networks if network.shim) if now else 0
