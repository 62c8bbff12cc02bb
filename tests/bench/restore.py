"""Restoring N shims, look and verification included, against one `ip -batch` doing the same netlink work.

Each run in a namespace of its own, emptied before the next begins. ip(8) leaves out what it cannot do: arp_filter and
the two IPv6 settings under /proc/sys.
"""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from statistics import median
from time import perf_counter
from typing import TypeVar

from macvland.kernel import Kernel
from macvland.kernel.requests import ALIAS, GROUP, PROTOCOL
from macvland.model import Host, Neighbour, Route, Shim, ShimAddress, shim_mac, shim_name
from macvland.plan import plan
from tests.bench.report import Row, Table
from tests.lab.netns import add_parent, ip, private_network

RUNS = {1: 15, 10: 15, 100: 9, 1000: 5}  # of each side
RATIO, WORSE = 1.5, 1.2  # of ours to ip -batch at 1000 shims; of that ratio to the one at 100
LOOK = {100: 8.0, 1000: 60.0}  # ms
HOST = ip_address("10.0.0.1")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """Milliseconds: a whole restoration, the look that verifies it, and a look at what has not changed."""

    restore: float
    first_look: float = 0.0
    look: float = 0.0


def measure() -> Table:
    """Measure every number of shims."""
    rows: list[Row] = []
    ratios: dict[int, float] = {}
    for count, runs in RUNS.items():
        ours, theirs = alternate(count, runs)
        row = Row(
            what=f"{count} shims",
            ours=median(sample.restore for sample in ours),
            theirs=median(theirs),
            ratio_limit=RATIO if count == 1000 else None,
        )
        rows.append(row)
        ratios[count] = row.ratio or 0.0
        if count in LOOK:
            rows.extend(looks(count, ours))
    growth = Row(what="ratio at 1000 to that at 100", ours=ratios[1000] / ratios[100], unit="x", limit=WORSE)
    return Table(
        title="Restore N shims: look, apply, look again",
        theirs="one ip -batch, its start included; without arp_filter, accept_ra and autoconf",
        rows=(*rows, growth),
    )


def looks(count: int, samples: Sequence[Sample]) -> tuple[Row, Row]:
    """Return how long looking alone took."""
    return (
        Row(what=f"  look at {count} new shims", ours=median(sample.first_look for sample in samples)),
        Row(what=f"  look at {count} unchanged", ours=median(sample.look for sample in samples), limit=LOOK[count]),
    )


def alternate(count: int, runs: int) -> tuple[list[Sample], list[float]]:
    """Run ours and theirs in turn, so that a busy moment of the machine hits both."""
    host = wanted(count)
    script = batch(host)
    ours: list[Sample] = []
    theirs: list[float] = []
    for _ in range(runs):
        ours.append(alone(lambda: restore(host)))
        theirs.append(alone(lambda: run_batch(script, count)))
    return ours, theirs


def alone(measured: Callable[[], T]) -> T:
    """Measure in a namespace of its own, and empty it: else its removal would go on while the next one is measured."""
    with private_network():
        add_parent("eth0", address=f"{HOST}/8")
        try:
            return measured()
        finally:
            ip("link", "delete", "eth0")


def restore(host: Host) -> Sample:
    """Restore *host* as a pass does."""
    kernel = Kernel()
    began = perf_counter()
    failures = kernel.apply(plan(host, kernel.observe(Host())))
    applied = perf_counter()
    left = plan(host, kernel.observe(Host()))
    verified = perf_counter()
    if failures or left:
        raise RuntimeError(f"not restored: {failures[:1]} {left[:1]}")
    again = [timed_look(kernel) for _ in range(3)]
    return Sample((verified - began) * 1e3, (verified - applied) * 1e3, median(again))


def timed_look(kernel: Kernel) -> float:
    """Look once more; links that were just made settle by themselves, so a first look more is not measured."""
    kernel.observe(Host())
    began = perf_counter()
    kernel.observe(Host())
    return (perf_counter() - began) * 1e3


def run_batch(script: str, count: int) -> float:
    """Let ip(8) do *script*, and see that it made *count* shims."""
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(script)
        file.flush()
        began = perf_counter()
        subprocess.run(("ip", "-batch", file.name), check=True)
        took = perf_counter() - began
    if (made := len(ip("-oneline", "link", "show", "group", str(GROUP)).splitlines())) != count:
        raise RuntimeError(f"ip made {made} shims of {count}")
    return took * 1e3


def wanted(count: int) -> Host:
    """Return *count* shims, each with an address, a neighbour and a route."""
    networks = [f"n{number}" for number in range(count)]
    things = [(number, shim_name(network)) for number, network in enumerate(networks)]
    address, attachment = ip_address("10.1.0.0"), ip_address("10.2.0.0")
    return Host(
        shims=frozenset(
            Shim(name=shim_name(network), network=network, parent="eth0", mac=shim_mac("bench", network), mtu=1500)
            for network in networks
        ),
        addresses=frozenset(ShimAddress(shim=shim, address=address + number) for number, shim in things),
        neighbours=frozenset(
            Neighbour(shim=shim, address=attachment + number, mac="02:42:0a:02:00:00") for number, shim in things
        ),
        routes=frozenset(Route(shim=shim, destination=attachment + number, source=HOST) for number, shim in things),
    )


def batch(host: Host) -> str:
    """Return *host* as a script for ip(8): links first, as in a plan."""
    lines = [
        *(line for shim in host.shims for line in shim_lines(shim)),
        *(f"address add {it.address}/32 dev {it.shim}" for it in host.addresses),
        *(
            f"neigh replace {it.address} lladdr {it.mac} dev {it.shim} nud permanent protocol {PROTOCOL}"
            for it in host.neighbours
        ),
        *(
            f"route add {it.destination} dev {it.shim} protocol {PROTOCOL} scope link src {it.source}"
            for it in host.routes
        ),
    ]
    return "\n".join(lines) + "\n"


def shim_lines(shim: Shim) -> tuple[str, str, str]:
    """Return the three commands that ip(8) needs for a shim, as we need three messages."""
    new = f"link {shim.parent} name {shim.name} address {shim.mac} mtu {shim.mtu} group {GROUP}"
    return (
        f"link add {new} type macvlan mode {shim.mode}",
        f'link set dev {shim.name} alias "{ALIAS}{shim.network}" addrgenmode none',
        f"link set dev {shim.name} up",
    )


if __name__ == "__main__":
    print(measure())
