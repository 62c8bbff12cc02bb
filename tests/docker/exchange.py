"""A network that is exchanged for another one: both, who is on them, and what the tests of that do and look at."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from typing import Any

from macvland.action import Failure, Replace
from macvland.engine import Docker
from macvland.model import Host, Mode, Network, Subnet
from tests.docker import proxy as faults
from tests.docker.proxy import Proxy, Request
from tests.docker.samples import LAN, PLAIN
from tests.lab import Host as LabHost
from tests.lab import wait_until

IPV6 = Subnet(cidr=ip_network("2001:db8::/64"), gateway=ip_address("2001:db8::1"))
OLD = replace(PLAIN, subnets=frozenset({LAN, IPV6}))
NEW = replace(OLD, mode=Mode.PRIVATE, spec="1:new")
MAC = "02:00:00:00:00:99"


def run(host: LabHost, name: str, *options: str, verb: str = "run") -> None:
    words = ("--detach",) if verb == "run" else ()
    common = ("--name", name, "--network", "plain", "--stop-signal", "SIGKILL")
    host.docker(verb, *words, *common, *options, "lab", "sleep", "1000")


def loop(host: LabHost, client: Any) -> None:
    """Run a container that fails again and again, and return while it waits for its restart, 3.2 s before it."""
    host.docker("run", "--detach", "--name", "looper", "--restart", "always", "--network", "plain", "lab", "false")
    wait_until(lambda: client.inspect_container("looper")["RestartCount"] >= 5, 30)
    wait_until(lambda: client.inspect_container("looper")["State"]["Restarting"])


def act(docker: Docker, network: Network = NEW) -> tuple[Failure, ...]:
    return docker.apply([replacement(docker, network)])


def replacement(docker: Docker, network: Network = NEW) -> Replace:
    (seen,) = (one for one in docker.observe(Host()).networks if one.name == "plain")
    return Replace(network, seen, ())


def state(client: Any, container: str) -> str:
    return str(client.inspect_container(container)["State"]["Status"])


def networks(client: Any) -> list[tuple[str, str]]:
    """Return name and mode of the macvlan networks."""
    listed = client.networks(filters={"driver": ["macvlan"]})
    return [(one["Name"], one["Options"]["macvlan_mode"]) for one in listed]


def on_it(docker: Docker) -> set[str]:
    """Return the containers that have an address on the network."""
    return {one.container for one in docker.observe(Host()).attachments if one.addresses}


def refuse(*words: bytes) -> Any:
    """Refuse a request whose body has one of *words* as Docker would, and pass on all others."""

    def fault(connection: Any, proxy: Proxy, request: Request) -> None:
        if any(word in request.body for word in words):
            faults.say(b'{"message": "not today"}', "500 Internal Server Error")(connection, proxy, request)
        else:
            connection.sendall(proxy.answer(request))

    return fault
