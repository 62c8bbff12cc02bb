"""A network replaced with its containers on it: how long each is off the network, against a script of docker commands.

Two hosts on one LAN, one with the daemon, one for the script; the router pings every container every 10 ms.
"""

import re
import signal
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.bench.report import Row, Table
from tests.lab import Host, Lab, Station, engine, wait_until
from tests.scene import networks

ROUNDS = 7
CONTAINERS = 10
EVERY = 0.01  # seconds between two pings
LIMIT = 1.5
SCRIPT = Path(__file__).with_name("replace.sh")
REPLY = re.compile(r"^\[([0-9.]+)\] \d+ bytes from", re.MULTILINE)
FIRST = "192.168.1.1"
OTHER = "192.168.1.2"
POOL = ("--subnet", "192.168.1.0/24", "--gateway", FIRST, "--ip-range", "192.168.1.192/27")
FILE = """\
[network]
parent = "eth0"
[[subnet]]
cidr = "192.168.1.0/24"
gateway = "{}"
range = "192.168.1.192/27"
"""

Addresses = Mapping[str, str]  # by container


def measure() -> Table:
    """Let both replace their network in turn."""
    rounds = []
    with Lab() as lab:
        ours, theirs = lab.host("ours"), lab.host("theirs", "192.168.1.70/24")
        for host in (ours, theirs):
            host.dockerd()
        macvland = ours.macvland()
        _edit(ours, FIRST)
        theirs.docker("network", "create", "--driver", "macvlan", "--opt", "parent=eth0", *POOL, "pub_net")
        by_us, by_hand = _containers(ours, 100), _containers(theirs, 120)
        for turn in range(ROUNDS):
            gateway = (OTHER, FIRST)[turn % 2]
            hand = _outages(lab.router, by_hand, partial(_script, theirs, gateway, by_hand))
            us = _outages(lab.router, by_us, partial(_edit, ours, gateway))
            rounds.append((us, hand))
        macvland.stop()
    return Table(
        title=f"replace: how long each of {CONTAINERS} running containers is off the network, medians of {ROUNDS}",
        theirs="a shell script: docker network disconnect, rm, create, connect (tests/bench/replace.sh)",
        rows=(
            _row("half of the containers, at most", median, rounds),
            _row("the one that is off it longest", max, rounds),
        ),
        notes=(f"seen by a ping every {1000 * EVERY:.0f} ms to each container from the router",),
    )


def _row(what: str, of: Callable[[list[float]], float], rounds: list[tuple[list[float], list[float]]]) -> Row:
    us, hand = (median(of(times) for times in side) for side in zip(*rounds, strict=True))
    return Row(what=what, ours=us, theirs=hand, ratio_limit=LIMIT)


def _containers(host: Host, first: int) -> Addresses:
    addresses = {f"c{number}": f"192.168.1.{first + number}" for number in range(CONTAINERS)}
    for name, address in addresses.items():
        host.container(name, "pub_net", address)
    return addresses


def _script(host: Host, gateway: str, addresses: Addresses) -> None:
    pairs = (f"{name}={address}" for name, address in addresses.items())
    host.run(str(SCRIPT), gateway, *pairs, environment=engine.environment())


def _edit(host: Host, gateway: str) -> None:
    """Let the file ask for *gateway*; return when Docker has another network, and nothing is begun any more."""
    before = networks(host)
    host.drop("pub_net.toml", FILE.format(gateway))
    wait_until(lambda: (now := networks(host)) and now != before, 60, "the new network")
    wait_until(lambda: not list(host.path("/var/lib/macvland").glob("replace/*")), 60, "the end")


def _outages(router: Station, addresses: Addresses, act: Callable[[], None]) -> list[float]:
    """Return for each container how many milliseconds it did not answer while *act* was done."""
    with TemporaryDirectory() as directory:
        logs = [Path(directory, address) for address in addresses.values()]
        pings = []
        for log in logs:
            with log.open("wb") as output:
                command = ("stdbuf", "-oL", "ping", "-n", "-D", "-i", str(EVERY), log.name)
                pings.append(router.popen(*command, stdout=output))
        wait_until(lambda: all(map(_answers, logs)), what="an answer from each")
        act()
        told = {log: len(_answers(log)) for log in logs}
        wait_until(lambda: all(len(_answers(log)) > told[log] + 20 for log in logs), 20, "an answer again from each")
        for ping in pings:
            ping.send_signal(signal.SIGINT)
            ping.wait()
        return [max(later - earlier for earlier, later in pairwise(_answers(log))) * 1000 for log in logs]


def _answers(log: Path) -> list[float]:
    return [float(moment) for moment in REPLY.findall(log.read_text())]
