"""What wakes the daemon, and what does not."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from macvland.action import Delete
from macvland.kernel import Kernel, SettingsWatch, codec, events, watch
from macvland.model import Host
from tests.kernel.samples import ADDRESS, ADDRESS6, NEIGHBOUR, NEIGHBOUR6, ROUTE, ROUTE6, SHIM, converge, do, make, many
from tests.lab.netns import add_bridge, ip, ip_json

DEADLINE = 10  # seconds
SENTINEL = ("route", "add", "203.0.113.9", "dev", "lo")  # makes exactly one notice, worth waking up for

WAKING = {
    "shim deleted": ("link delete mv-lan", codec.RTM_DELLINK),
    "shim set down": ("link set mv-lan down", codec.RTM_NEWLINK),
    "shim renamed": ("link set mv-lan name mv-other", codec.RTM_NEWLINK),
    "shim's mode": ("link set mv-lan type macvlan mode private", codec.RTM_NEWLINK),
    "shim's broadcast queue": ("link set mv-lan type macvlan bcqueuelen 10", codec.RTM_NEWLINK),
    "shim's MTU": ("link set mv-lan mtu 1400", codec.RTM_NEWLINK),
    "shim's alias": ("link set mv-lan alias something", codec.RTM_NEWLINK),
    "shim's group": ("link set mv-lan group 5", codec.RTM_NEWLINK),
    "shim's address deleted": ("address delete 192.168.1.223/32 dev mv-lan", codec.RTM_DELADDR),
    "shim's address added": ("address add 192.168.1.224/32 dev mv-lan", codec.RTM_NEWADDR),
    "shim's address from a router": (
        "address add 2001:db8::7/64 dev mv-lan valid_lft 100 preferred_lft 100",
        codec.RTM_NEWADDR,
    ),
    "shim's route deleted": ("route delete 192.168.1.51 dev mv-lan", codec.RTM_DELROUTE),
    "shim's route replaced": ("route replace 192.168.1.51 dev mv-lan protocol static", codec.RTM_NEWROUTE),
    "shim's neighbour deleted": ("neigh delete 192.168.1.51 dev mv-lan", codec.RTM_DELNEIGH),
    "shim's neighbour with another MAC": (
        "neigh replace 192.168.1.51 lladdr 02:00:00:00:00:88 dev mv-lan",
        codec.RTM_NEWNEIGH,
    ),
    "shim's neighbour not permanent": (
        "neigh replace 192.168.1.51 lladdr 02:42:c0:a8:01:33 dev mv-lan nud stale",
        codec.RTM_NEWNEIGH,
    ),
    "shim's neighbours flushed": ("neigh flush dev mv-lan nud all", codec.RTM_DELNEIGH),
    "shim's IPv6 address deleted": ("address delete 2001:db8::223/128 dev mv-lan", codec.RTM_DELADDR),
    "shim's IPv6 address asked for": ("address add 2001:db8::224/128 dev mv-lan", codec.RTM_NEWADDR),
    "shim's IPv6 route deleted": ("route delete 2001:db8::51 dev mv-lan", codec.RTM_DELROUTE),
    "shim's IPv6 route replaced": ("route replace 2001:db8::51 dev mv-lan protocol static", codec.RTM_NEWROUTE),
    "shim's IPv6 routes flushed": ("-6 route flush dev mv-lan", codec.RTM_DELROUTE),
    "shim's IPv6 neighbour deleted": ("neigh delete 2001:db8::51 dev mv-lan", codec.RTM_DELNEIGH),
    "shim's IPv6 neighbour with another MAC": (
        "neigh replace 2001:db8::51 lladdr 02:00:00:00:00:88 dev mv-lan",
        codec.RTM_NEWNEIGH,
    ),
    "shim without IPv6": ("link set mv-lan mtu 1200", codec.RTM_DELADDR),
    "parent deleted": ("link delete eth0", codec.RTM_DELLINK),
    "parent renamed": ("link set eth0 name lan0", codec.RTM_NEWLINK),
    "parent's MTU": ("link set eth0 mtu 1400", codec.RTM_NEWLINK),
    "parent's altname": ("link property add dev eth0 altname uplink0", codec.RTM_NEWLINK),
    "parent promiscuous": ("link set eth0 promisc on", codec.RTM_NEWLINK),
    "parent's carrier": ("link set eth0-lan down", codec.RTM_NEWLINK),
    "parent a port of a bridge": ("link set eth0-lan master br0", codec.RTM_NEWLINK),
    "parent's address": ("address add 192.168.1.60/24 dev eth0", codec.RTM_NEWADDR),
    "parent's IPv6 address": ("address add 2001:db8::50/64 dev eth0 nodad", codec.RTM_NEWADDR),
    "parent's new IPv6 address from a router": (
        "address add 2001:db8::60/64 dev eth0 nodad valid_lft 900 preferred_lft 900",
        codec.RTM_NEWADDR,
    ),
    "a new link": ("link add eth9 type bridge", codec.RTM_NEWLINK),
    "a default route": ("route add default via 192.168.1.1", codec.RTM_NEWROUTE),
    "an IPv6 default route": ("route add default via 2001:db8::1 dev eth0", codec.RTM_NEWROUTE),
    "a route like ours": ("route add 192.168.1.52 dev eth0", codec.RTM_NEWROUTE),
    "an IPv6 route like ours": ("route add 2001:db8::52 dev eth0", codec.RTM_NEWROUTE),
}
QUIET = {
    "a neighbour on the LAN": "neigh add 192.168.1.9 lladdr 02:00:00:00:00:09 dev eth0 nud reachable",
    "a neighbour on the LAN forgotten": "neigh delete 192.168.1.8 dev eth0",
    "a permanent neighbour on the LAN": "neigh add 192.168.1.9 lladdr 02:00:00:00:00:09 dev eth0",
    "a multicast neighbour of a shim": "neigh add 224.0.0.251 lladdr 01:00:5e:00:00:fb dev mv-lan nud noarp",
    "a network route": "route add 10.0.0.0/8 via 192.168.1.1",
    "an IPv6 route": "route add 2001:db8:1::/64 dev eth0",
    "an IPv6 lifetime": "address change 2001:db8::9/64 dev eth0 valid_lft 200 preferred_lft 100",
}


@pytest.fixture
def settled(kernel: Kernel) -> Kernel:
    """A host with all of ours, on which nothing happens by itself any more."""
    ip("link", "add", "br0", "type", "bridge")
    make(kernel, SHIM, ADDRESS, NEIGHBOUR, ROUTE, ADDRESS6, NEIGHBOUR6, ROUTE6)
    ip("neigh", "add", "192.168.1.8", "lladdr", "02:00:00:00:00:08", "dev", "eth0", "nud", "reachable")
    ip("address", "add", "2001:db8::9/64", "dev", "eth0", "nodad", "valid_lft", "900", "preferred_lft", "900")
    began = time.monotonic()
    deadline = began + DEADLINE
    # An address is new to the kernel for a hundredth of a second.
    while unsettled() or time.monotonic() < began + 0.02:
        assert time.monotonic() < deadline, ip("address")
    # A dump needs no lock: it may show what the holder of it has yet to tell. Whoever gets the lock comes after that.
    ip("link", "set", "lo", "up")
    return kernel


def unsettled() -> bool:
    """Whether a link comes up still, or an address is not yet sure of itself."""
    links = [link for link in ip_json("link", "show", "up") if link["operstate"] not in ("UP", "UNKNOWN")]
    return bool(links or any(link["addr_info"] for link in ip_json("address", "show", "tentative")))


@contextmanager
def watching(settings: SettingsWatch | None = None) -> Iterator[threading.Event]:
    """Watch in a thread; the event is set by each wake, and was by the first, which says that the watch began."""
    woken, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=watch, args=(woken.set, stop, settings or SettingsWatch()))
    thread.start()
    try:
        assert woken.wait(DEADLINE)
        woken.clear()
        yield woken
    finally:
        stop.set()
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(("command", "kind"), WAKING.values(), ids=WAKING)
def test_what_concerns_us_is_told(command: str, kind: int) -> None:
    with events._listener() as listener:
        listener.settimeout(DEADLINE)
        ip(*command.split())
        while kind not in {message.kind for _, message in codec.frames(listener.recv(65536))}:
            pass  # of an IPv6 address the kernel tells a moment later; after DEADLINE it has not told


def test_a_notice_wakes(settled: Kernel) -> None:
    assert settled.observe(Host()).shims == {SHIM}
    with watching() as woken:
        ip("link", "delete", "mv-lan")
        assert woken.wait(DEADLINE)


def hear_out(listener: socket.socket) -> None:
    """Wait until the kernel has told what it is late with: of a link's state that is up to a second (linkwatch)."""
    listener.settimeout(1.2)
    with suppress(TimeoutError):
        while True:
            listener.recv(65536)


def notices(listener: socket.socket) -> list[int]:
    """Return the types of all notices before the sentinel's."""
    listener.settimeout(DEADLINE)
    ip(*SENTINEL)
    kinds: list[int] = []
    while True:
        for _, message in codec.frames(listener.recv(65536)):
            if message.kind == codec.RTM_NEWROUTE and socket.inet_aton("203.0.113.9") in message.body:
                return kinds
            kinds.append(message.kind)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("command", QUIET.values(), ids=QUIET)
def test_what_does_not_concern_us_reaches_nobody(command: str) -> None:
    with events._listener() as listener:
        hear_out(listener)
        ip(*command.split())
        assert notices(listener) == []


@pytest.mark.usefixtures("settled")
def test_the_ports_of_a_bridge_talk_to_others() -> None:
    add_bridge("br1", "eth0-lan")
    with events._listener() as listener:
        ip("link", "set", "dev", "eth0-lan", "type", "bridge_slave", "learning", "off")
        assert notices(listener).count(codec.RTM_NEWLINK) <= 1


def test_what_we_do_on_a_shim_ourselves_wakes_nobody(settled: Kernel) -> None:
    settled.observe(Host())
    with events._listener() as listener:
        do(settled, Delete(ROUTE))
        make(settled, ROUTE, replace(NEIGHBOUR, mac="02:42:c0:a8:01:34"))
        assert notices(listener) == []


def test_an_overrun_wakes_and_the_watch_goes_on(settled: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RECEIVE_BUFFER", 1)
    monkeypatch.setattr("macvland.kernel.channel.SO_RCVBUFFORCE", socket.SO_RCVBUF)
    with watching() as woken:
        converge(settled, many(50))
        assert woken.wait(DEADLINE)
        woken.clear()
        ip("link", "set", "mv-n1", "alias", "again")
        assert woken.wait(DEADLINE)
