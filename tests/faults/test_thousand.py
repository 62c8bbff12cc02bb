"""C56: a thousand shims on one parent: made, deleted behind macvland's back, gone with their files."""

from collections.abc import Iterator

import pytest

from tests.faults.daemon import Daemon
from tests.faults.invariants import idle, our_links
from tests.lab import Host, wait_until
from tests.scene import lines, status

COUNT = 1000
PATIENCE = 60.0  # seconds, on a machine with more to do


@pytest.fixture
def daemon(shared_host: Host) -> Iterator[Daemon]:
    """A daemon that finds a thousand files."""
    for number in range(COUNT):
        lan = f"10.{number >> 8}.{number & 255}"
        shared_host.path(f"/etc/macvlan.d/n{number}.toml").write_text(
            f'[network]\nparent = "eth0"\nprobe = false\n\n[[subnet]]\ncidr = "{lan}.0/24"\ngateway = "{lan}.1"\n\n'
            f'[shim]\naddress = "{lan}.223"\n'
        )
    daemon = Daemon(shared_host)
    yield daemon
    daemon.kill()


def complete(host: Host) -> bool:
    """Tell whether every shim is there, up, and has its address."""
    links = our_links(host)
    addresses = {one["local"] for link in links for one in link["addr_info"]}
    return len(links) == len(addresses) == COUNT and all("UP" in link["flags"] for link in links)


def told(daemon: Daemon, after: int) -> list[str]:
    """Return what was logged, but for the count of what was lost: two thousand lines at once are more than it holds."""
    return [line for line in lines(daemon, after) if "log records lost" not in line]


@pytest.mark.fault("C56")
def test_a_thousand_shims_are_made_and_brought_back(shared_host: Host, daemon: Daemon) -> None:
    host = shared_host
    wait_until(lambda: complete(host), PATIENCE)
    descriptors = idle(daemon, seconds=PATIENCE)
    host.ip("link", "delete", "group", "28022")
    wait_until(lambda: complete(host), PATIENCE)
    assert idle(daemon, seconds=PATIENCE) == descriptors
    logged = len(lines(daemon))
    host.ip("link", "delete", "mv-n500")
    wait_until(lambda: complete(host), PATIENCE)
    wait_until(lambda: len(told(daemon, logged)) == 2)
    assert told(daemon, logged) == [
        "macvland: n500: add shim 'mv-n500' on 'eth0', which was gone",
        "macvland: n500: add address 10.1.244.223 on shim 'mv-n500', which was gone",
    ]
    for number in range(COUNT):
        host.remove(f"n{number}.toml")
    wait_until(lambda: our_links(host) == [], PATIENCE)
    wait_until(lambda: (now := status(host)) and now.networks == (), PATIENCE)
    assert idle(daemon, seconds=PATIENCE) == descriptors
    assert [line for line in lines(daemon) if "error" in line] == []
