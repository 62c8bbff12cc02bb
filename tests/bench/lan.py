"""What it costs to ask the LAN and to listen to it: CPU and wake-ups on a busy LAN, and the time of a boot."""

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.bench.inside import ENVIRONMENT, run_inside
from tests.bench.report import Row, Table
from tests.lab import Host, Lab, Macvland, Station
from tests.scene import OWN, declare, wait_for_state

SECONDS = 10
RATE = 10_000  # ARP packets in a second
NETWORKS = 10
ROUNDS = 7
TICKS = 100  # in a second, USER_HZ
ADDED = 500.0  # milliseconds of a boot


def measure() -> Table:
    """Flood a host with ARP that is not its own, then with claims of its own address; then boot it."""
    with Lab() as lab:
        host, station = lab.host(), lab.station("busy", "192.168.1.60/24")
        host.dockerd()
        daemon = host.macvland()
        host.drop("pub_net.toml", declare(OWN))
        wait_for_state(daemon, host, "pub_net", "ready")
        host.container("web", "pub_net", "192.168.1.195")
        time.sleep(3)  # its own questions are asked
        others, claims = _flood(daemon, station, "others"), _flood(daemon, station, "192.168.1.223")
        daemon.stop()
        plain = lab.host("plain", "192.168.1.70/24")
        rows = [
            Row(what="CPU: ARP of others", ours=others[0], limit=50),
            Row(what="wake-ups: ARP of others", ours=others[1], unit="", limit=5),
            Row(what="CPU: claims of the shim's address", ours=claims[0], limit=1000),
            Row(what="wake-ups: claims of the shim's address", ours=claims[1], unit="", limit=RATE),
            *_boots(lab, plain),
        ]
    return Table(
        title=f"lan: {RATE} ARP packets a second for {SECONDS} s; and boots with {NETWORKS} shims, medians of {ROUNDS}",
        theirs="the same boot with probe = false",
        rows=tuple(rows),
        notes=("CPU is the daemon's own; the kernel drops the frames of others in its filter",),
    )


def _flood(daemon: Macvland, station: Station, sender: str) -> tuple[float, int]:
    """Return the milliseconds of CPU and the wake-ups that a flood costs."""
    before = _cost(daemon.pid)
    arguments = ("arp", str(RATE), str(SECONDS), sender)
    station.run(sys.executable, "-m", "tests.bench.storms", *arguments, environment=ENVIRONMENT)
    after = _cost(daemon.pid)
    return (after[0] - before[0]) * 1000 / TICKS, after[1] - before[1]


def _cost(pid: int) -> tuple[int, int]:
    """Return the ticks of CPU that the daemon has had, and the voluntary context switches of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tasks = Path(f"/proc/{pid}/task").iterdir()
    told = "".join((task / "status").read_text() for task in tasks)
    switches = sum(map(int, re.findall(r"^voluntary_ctxt_switches:\s+(\d+)", told, re.MULTILINE)))
    return int(fields[11]) + int(fields[12]), switches


def _boots(lab: Lab, host: Host) -> Iterator[Row]:
    """Boot *host* with and without probes; its gateways answer."""
    addresses = [f"10.77.{number}.9" for number in range(NETWORKS)]
    for number in range(NETWORKS):
        lab.router.ip("address", "add", f"10.77.{number}.1/24", "dev", lab.router.nic)
    times = {}
    for probe in ("true", "false"):
        for number in range(NETWORKS):
            host.drop(f"n{number}.toml", _file(number, probe))
        times[probe] = run_inside(host, "boots", rounds=ROUNDS, addresses=addresses)
    for key, what in (("ready", "READY=1"), ("whole", "all shims have their addresses")):
        ours, theirs = (median(one[key] for one in times[probe]) for probe in ("true", "false"))
        yield Row(what=what, ours=ours, theirs=theirs)
        yield Row(what=f"added: {what}", ours=ours - theirs, limit=ADDED)


def _file(number: int, probe: str) -> str:
    lan = f"10.77.{number}"
    return (
        f'[network]\nparent = "eth0"\nprobe = {probe}\n[[subnet]]\ncidr = "{lan}.0/24"\ngateway = "{lan}.1"\n'
        f'range = "{lan}.192/27"\n[shim]\naddress = "{lan}.9"\n'
    )
