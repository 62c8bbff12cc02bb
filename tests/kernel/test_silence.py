"""What a shim never does: ask the LAN. Its question would tell everybody there its MAC for the host's address."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from macvland.kernel import Kernel
from tests.kernel.samples import NEIGHBOUR, ROUTE, SHIM, make
from tests.lab import wait_until
from tests.lab.netns import ip, ip_json
from tests.lab.wire import REQUEST, Wire, listening

WEB = str(ROUTE.destination)


@contextmanager
def asked() -> Iterator[list[str]]:
    """Send WEB a packet; give a list that has, when the context ends, the MACs by which the LAN was asked for it."""
    macs: list[str] = []
    with (
        listening(Path("/proc/thread-self/ns/net"), "eth0-lan") as packets,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        wire = Wire(packets)
        sender.sendto(b"hello", (WEB, 9))
        yield macs
        macs += [arp.sender_mac for arp in wire.arps() if (arp.operation, arp.target) == (REQUEST, WEB)]


def failed() -> bool:
    return [entry["state"] for entry in ip_json("neigh", "show", "dev", "mv-lan", WEB)] == [["FAILED"]]


def test_a_shim_asks_nobody_for_a_neighbour_that_is_gone(kernel: Kernel) -> None:
    make(kernel, SHIM, NEIGHBOUR, ROUTE)
    ip("neigh", "flush", "dev", "mv-lan", "nud", "all")
    with asked() as macs:
        wait_until(failed)
    assert macs == []


def test_a_shim_does_not_ask_whether_a_neighbour_is_still_there(kernel: Kernel) -> None:
    make(kernel, SHIM, ROUTE)
    ip("neigh", "add", WEB, "lladdr", NEIGHBOUR.mac, "dev", "mv-lan", "nud", "probe")  # in which the kernel asks
    with asked() as macs:
        wait_until(failed)
    assert macs == []


@pytest.mark.usefixtures("kernel")
def test_any_other_link_asks() -> None:
    """Without this, a capture that sees nothing would pass the tests above."""
    with asked() as macs:
        pass
    assert macs == [ip_json("link", "show", "dev", "eth0")[0]["address"]]
