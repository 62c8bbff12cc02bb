"""Discovery by broadcast in a storm: what a container misses, with the kernel's queue and with a longer one."""

import signal
import subprocess
import sys

from tests.bench.inside import ENVIRONMENT
from tests.bench.report import Row, Table
from tests.lab import Host, Lab, Station, wait_until
from tests.scene import namespace_of, wait_for_state

PACKETS = 50_000
QUEUE = 100_000
DEFAULT = 1000  # the kernel's, MACVLAN_DEFAULT_BC_QUEUE_LEN
FILE = """\
[network]
parent = "eth0"
[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
[shim]
"""


def measure() -> Table:
    """Storm a container three times each way, in turn."""
    with Lab() as lab:
        host, station = lab.host(), lab.station("storm", "192.168.1.60/24")
        host.dockerd()
        macvland = host.macvland()
        host.drop("pub_net.toml", FILE)
        wait_for_state(macvland, host, "pub_net", "ready")
        host.container("web", "pub_net", "192.168.1.51")
        lost: dict[int, list[int]] = {0: [], QUEUE: []}
        for _ in range(3):
            for length, missed in lost.items():
                host.drop("pub_net.toml", FILE + (f"bcqueuelen = {length}\n" if length else ""))
                wait_until(lambda length=length: _queue(host) == (length or DEFAULT), what="the queue")  # type: ignore[misc]
                missed.append(_storm(host, station))
        macvland.stop()
    percent = {length: 100 * sum(missed) / (3 * PACKETS) for length, missed in lost.items()}
    return Table(
        title=f"storm: of {PACKETS} broadcasts as fast as a station can send them, those that a container misses",
        theirs="without [shim] bcqueuelen, the kernel's queue of 1000",
        rows=(Row(what=f"bcqueuelen = {QUEUE}", ours=percent[QUEUE], theirs=percent[0], unit="%", limit=1),),
        notes=("the kernel hands broadcasts to a queue of the parent, which a worker empties",),
    )


def _queue(host: Host) -> int:
    """Return the length of the queue that the shim asks for."""
    (link,) = host.ip_json("-details", "link", "show", "dev", "mv-pub_net")
    return int(link["linkinfo"]["info_data"]["bcqueuelen"])


def _storm(host: Host, station: Station) -> int:
    """Return how many of the station's broadcasts the container did not hear."""
    inside = ("nsenter", f"--net={namespace_of(host, 'web')}")
    counter = host.popen(
        *inside, sys.executable, "-m", "tests.bench.storms", "hear", environment=ENVIRONMENT, stdout=subprocess.PIPE
    )
    assert counter.stdout
    assert counter.stdout.readline() == b"listening\n"
    station.run(sys.executable, "-m", "tests.bench.storms", "send", str(PACKETS), environment=ENVIRONMENT)
    counter.send_signal(signal.SIGINT)
    heard = int(counter.stdout.readline())
    counter.wait()
    return PACKETS - heard
