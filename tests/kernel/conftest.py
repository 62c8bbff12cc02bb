"""A host to work on: a network namespace with one parent, eth0 at 192.168.1.50/24."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from macvland.kernel import Kernel
from tests.lab.netns import add_parent, private_network


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """The kernel of a host with eth0 at 192.168.1.50/24, up and with carrier; the test's thread is inside."""
    with private_network():
        # Else every new IPv6 address is unsure of itself for two seconds, and then tells so.
        Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0", encoding="ascii")
        add_parent("eth0", address="192.168.1.50/24")
        yield Kernel()
