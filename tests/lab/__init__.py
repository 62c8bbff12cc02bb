"""The lab: a LAN of network namespaces with a router, stations, and hosts that run a real Docker and macvland.

The tests, the demo and the benchmarks stand on it alike. Nothing outside its namespaces changes, and nothing stays
behind: see tests/lab/state.py for what a lab leaves on the machine and how it goes away.
"""

from tests.lab.command import CommandError, TimeIsUpError, run, wait_until
from tests.lab.dockerd import LEAN, NAT, Dockerd
from tests.lab.host import Container, Host
from tests.lab.lan import Lab
from tests.lab.macvland import Macvland
from tests.lab.station import Station

__all__ = [
    "LEAN",
    "NAT",
    "CommandError",
    "Container",
    "Dockerd",
    "Host",
    "Lab",
    "Macvland",
    "Station",
    "TimeIsUpError",
    "run",
    "wait_until",
]
