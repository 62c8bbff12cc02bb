"""A container that is always there, and what can be seen of it on a wire."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from tests.lab import Container, Station, wait_until
from tests.scene import api

PARKED = "parked"  # a network without a parent; an emulated processor starts a container in five seconds


def attach(container: Container, network: str, address: str) -> str:
    """Put *container* on *network* at *address* as `docker network connect` does; return the MAC it has there."""
    with api(container.host) as client:
        client.start(container.name)  # a test may have stopped Docker
        client.connect_container_to_network(container.name, network, ipv4_address=address)
        report = client.inspect_container(container.name)["NetworkSettings"]["Networks"][network]
    return str(report["MacAddress"])


def detach(container: Container, network: str) -> None:
    """Take *container* off *network*."""
    with api(container.host) as client:
        client.disconnect_container_from_network(container.name, network)


@contextmanager
def frames(station: Station, interface: str, expression: str) -> Iterator[Callable[[], list[str]]]:
    """Give the lines that tcpdump prints of the frames that pass *interface* meanwhile."""
    with NamedTemporaryFile() as log:
        told = subprocess.STDOUT
        tcpdump = station.popen("tcpdump", "-lnne", "-i", interface, expression, stdout=log, stderr=told)
        try:
            wait_until(lambda: "listening on" in Path(log.name).read_text(), what="tcpdump")
            yield lambda: [line for line in Path(log.name).read_text().splitlines() if " > " in line]
        finally:
            tcpdump.terminate()
            tcpdump.wait()
