"""What a shim never does: ask the LAN. Its question would tell everybody there its MAC for the host's address."""

import socket
from pathlib import Path

import pytest

from macvland.kernel import Kernel
from tests.kernel.samples import NEIGHBOUR, ROUTE, SHIM, make
from tests.lab.netns import ip, ip_json
from tests.lab.wire import REQUEST, Wire, listening

WEB = str(ROUTE.destination)


def asked() -> list[str]:
    """Send WEB a packet; return the MACs by which the LAN was asked for it."""
    with (
        listening(Path("/proc/thread-self/ns/net"), "eth0-lan") as packets,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        wire = Wire(packets)
        sender.sendto(b"hello", (WEB, 9))
        return [arp.sender_mac for arp in wire.arps() if (arp.operation, arp.target) == (REQUEST, WEB)]


def test_a_shim_asks_nobody_for_a_neighbour_that_is_gone(kernel: Kernel) -> None:
    make(kernel, SHIM, NEIGHBOUR, ROUTE)
    ip("neigh", "flush", "dev", "mv-lan", "nud", "all")
    assert asked() == []
    (entry,) = ip_json("neigh", "show", "dev", "mv-lan", WEB)
    assert entry["state"] == ["FAILED"]


def test_a_shim_does_not_ask_whether_a_neighbour_is_still_there(kernel: Kernel) -> None:
    make(kernel, SHIM, ROUTE)
    mac = NEIGHBOUR.mac
    ip("neigh", "add", WEB, "lladdr", mac, "dev", "mv-lan", "nud", "probe")  # the state in which the kernel asks
    assert asked() == []


@pytest.mark.usefixtures("kernel")
def test_any_other_link_asks() -> None:
    """Without this, a capture that sees nothing would pass the tests above."""
    assert asked() == [ip_json("link", "show", "dev", "eth0")[0]["address"]]
