"""IPv6 on a shim: addresses that the LAN is asked for, routers that it does not hear, and what others do to it."""

import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address, ip_interface
from itertools import takewhile
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from macvland.action import Add, Delete
from macvland.condition.lan import ADDRESS_ASKED, TAKEN
from macvland.kernel import Kernel, codec, events, facts
from macvland.kernel.sight import INDEXES
from macvland.model import Address, Dad, Host, Route, ShimAddress
from macvland.plan import plan
from macvland.reconcile import look
from tests.conditions import outcomes
from tests.kernel.lan6 import DEVICE6, HOST6, OWN6, WEB6, Lan, advertise, lan6, link_local
from tests.kernel.samples import SHIM, do, make, seen
from tests.lab import CommandError, run, wait_until
from tests.lab.netns import inside, ip, ip_json
from tests.lab.wire import Wire, listening

OWN = ShimAddress(shim="mv-lan", address=ip_address(OWN6))
ROUTE = Route(shim="mv-lan", destination=ip_address(WEB6), source=ip_address(OWN6))


@pytest.fixture
def lan() -> Iterator[Lan]:
    """A LAN where every address is certain at once."""
    with lan6(dad=False) as lan:
        yield lan


@pytest.fixture
def asking_lan() -> Iterator[Lan]:
    """A LAN where the host asks for its addresses, as it does everywhere."""
    with lan6() as lan:
        yield lan


def own(lan: Lan) -> Dad | None:
    """Return how far the shim's own address is."""
    found = [it.dad for it in look(lan.kernel, lan.docker).addresses if it.address == ip_address(OWN6)]
    return found[0] if found else None


# Addresses


def test_an_address_is_spoken_from_once_the_lan_has_not_objected(asking_lan: Lan) -> None:
    ended = asking_lan.reconcile()
    assert own(asking_lan) is Dad.TENTATIVE
    assert [it.kind for it in ended.goal.obstacles] == [ADDRESS_ASKED]
    assert ROUTE not in ended.seen.routes
    wait_until(lambda: own(asking_lan) is Dad.DONE)
    assert ROUTE in asking_lan.settle().routes


def test_the_lans_silence_wakes(asking_lan: Lan) -> None:
    asking_lan.reconcile()
    with events._listener() as listener:
        listener.settimeout(5)
        while own(asking_lan) is not Dad.DONE:
            told = [it for _, it in codec.frames(listener.recv(1 << 16)) if it.kind == codec.RTM_NEWADDR]
            heard = [facts.address_facts(it.body) for it in told]
        assert [str(it.address) for it in heard if it.ifindex in INDEXES] == [OWN6]


def test_a_shim_that_lost_all_its_ipv6_is_of_use_again_at_once(asking_lan: Lan) -> None:
    asking_lan.settle()
    for loss in ("link set mv-lan down", "-6 address flush dev mv-lan", "link delete mv-lan"):
        ip(*loss.split())
        asking_lan.reconcile()
        run("ping", "-n", "-c", "1", "-W", "1", WEB6)
        with inside(asking_lan.web):
            ip("-6", "neigh", "flush", "all")
            run("ping", "-n", "-c", "1", "-W", "1", HOST6)
        assert own(asking_lan) is Dad.TENTATIVE
        asking_lan.settle()


def test_the_kernel_takes_no_route_that_speaks_from_an_address_it_still_asks_for(asking_lan: Lan) -> None:
    asking_lan.reconcile()
    assert outcomes(*asking_lan.kernel.apply([Add(ROUTE)])) == (
        (Add(ROUTE), f"the host has no address {OWN6} to send from", True),
    )


@pytest.mark.fault("D58")
def test_an_address_that_another_device_has_is_not_taken_until_it_lets_go(asking_lan: Lan) -> None:
    with inside(asking_lan.device):
        ip("address", "add", f"{OWN6}/64", "dev", "eth0-lan", "nodad")
    there = asking_lan.settle(TAKEN)
    assert replace(OWN, dad=Dad.FAILED) in there.addresses
    assert ROUTE not in there.routes
    assert asking_lan.reconcile().done == ()

    assert asking_lan.reconcile(recheck=True).done != ()
    asking_lan.settle(TAKEN)
    with inside(asking_lan.device):
        ip("address", "delete", f"{OWN6}/64", "dev", "eth0-lan")
    asking_lan.reconcile(recheck=True)
    assert ROUTE in asking_lan.settle().routes


def test_an_address_of_ipv6_goes_with_the_links_ipv6_and_its_routes_only_lose_it(lan: Lan) -> None:
    lan.settle()
    do(lan.kernel, Delete(OWN))  # what the kernel does, and no wish of ours: wanted has to know it
    assert replace(ROUTE, source=None) in seen(lan.kernel).routes


def test_an_address_with_a_subnet_is_set_anew(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("address", "add", f"{OWN6}/64", "dev", "mv-lan", "nodad")
    assert seen(kernel).addresses == {replace(OWN, prefix_length=64)}
    wanted = Host(shims=frozenset({SHIM}), addresses=frozenset({OWN}))
    do(kernel, *plan(wanted, seen(kernel)))
    wait_until(lambda: seen(kernel) == wanted)


def test_what_the_host_is_not_known_by_is_no_address_of_its(asking_lan: Lan) -> None:
    with inside(asking_lan.device):
        ip("address", "add", "fd00::70/64", "dev", "eth0-lan", "nodad")
    ip("address", "add", "fd00::70/64", "dev", "eth0")
    ip("address", "add", "fd00::71/64", "dev", "eth0", "nodad")
    Path("/proc/sys/net/ipv6/conf/eth0/use_tempaddr").write_text("2", encoding="ascii")
    with inside(asking_lan.device):
        wait_until(lambda: link_local("eth0-lan"))
        advertise("2001:db8:77::/64", "eth0-lan")

    def flags() -> set[str]:
        return {flag for it in ip_json("-6", "address", "show", "dev", "eth0")[0]["addr_info"] for flag in it}

    wait_until(lambda: {"dadfailed", "temporary"} <= flags(), what="an address of each kind")
    (eth0,) = (link for link in look(asking_lan.kernel, asking_lan.docker).links if link.name == "eth0")
    lasting = {it for it in eth0.addresses if it.version == 6 and it.ip in it.network}
    assert ip_interface("fd00::70/64") not in lasting
    assert {ip_interface(f"{HOST6}/64"), ip_interface("fd00::71/64")} <= lasting
    assert len(lasting) == 3  # and the lasting one of the router's prefix


def test_the_host_never_asks_the_lan_from_the_shim(lan: Lan) -> None:
    """Not even when its permanent neighbours are gone: the question would tell the LAN the shim's MAC."""
    lan.settle()
    with listening(Path(f"/proc/self/fd/{lan.device}"), "eth0-lan") as packets:
        ip("neigh", "delete", WEB6, "dev", "mv-lan")
        with pytest.raises(CommandError):
            run("ping", "-n", "-c", "3", "-i", "0.1", "-W", "0.2", WEB6)
        run("ping", "-n", "-c", "1", DEVICE6)  # whatever came before it has passed as well
        ndps = Wire(packets).ndps()
    (eth0,) = ip_json("link", "show", "dev", "eth0")
    assert {it.target for it in ndps} >= {DEVICE6}
    assert {it.source for it in ndps if not it.answer and it.sender != "::"} == {eth0["address"]}


def test_an_address_that_the_parent_still_asks_for_is_told(asking_lan: Lan) -> None:
    def tentative() -> frozenset[Address]:
        (eth0,) = (link for link in look(asking_lan.kernel, asking_lan.docker).links if link.name == "eth0")
        return eth0.tentative & {ip_address("fd00::72")}

    ip("address", "add", "fd00::72/64", "dev", "eth0")
    assert tentative()
    wait_until(lambda: not tentative())
    assert {str(it.address) for it in asking_lan.settle().proxies} == {HOST6, "fd00::72"}


# Routers


def defaults() -> set[str]:
    """Return the links of all IPv6 default routes."""
    return {route["dev"] for route in ip_json("-6", "route", "show", "default")}


@contextmanager
def advertising(lan: Lan) -> Iterator[None]:
    """Let the device on the LAN advertise itself as a router all the time."""
    done = threading.Event()

    def run() -> None:
        with inside(lan.device):
            wait_until(lambda: link_local("eth0-lan"))
            while not done.wait(0.0005):
                advertise("2001:db8:77::/64", "eth0-lan")

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_router_gives_the_host_one_default_route_and_the_shim_nothing(asking_lan: Lan) -> None:
    """The links beside it show that the advertisement came, and what it does to a link that listens."""
    ip("link", "add", "ears", "link", "eth0", "type", "macvlan", "mode", "bridge")
    ip("link", "set", "ears", "up")
    asking_lan.settle()
    with inside(asking_lan.device):
        wait_until(lambda: link_local("eth0-lan"))
        advertise("2001:db8:77::/64", "eth0-lan")
    wait_until(lambda: {"eth0", "ears"} <= defaults(), what="the router's default routes")
    assert defaults() == {"eth0", "ears"}
    assert {it.address for it in seen(asking_lan.kernel).addresses} == {ip_address("192.168.1.223"), ip_address(OWN6)}


def test_the_host_keeps_its_default_route_when_a_shim_begins_to_answer_for_it(lan: Lan) -> None:
    """The kernel drops those of all links when one link forwards, and the router may not speak for half an hour."""
    with inside(lan.device):
        wait_until(lambda: link_local("eth0-lan"))
        advertise("2001:db8:77::/64", "eth0-lan")
    wait_until(lambda: "eth0" in defaults())
    with Popen(("ip", "-6", "monitor", "route"), stdout=PIPE, text=True) as monitor:
        lan.settle()
        for command in ("forwarding=0", "proxy_ndp=0"):
            run("sysctl", "-qw", f"net.ipv6.conf.mv-lan.{command}")
            lan.settle()
        ip("link", "delete", "mv-lan")
        lan.settle()
        ip("route", "add", "2001:db8:99::/64", "dev", "eth0")
        heard = list(takewhile(lambda line: "2001:db8:99::" not in line, monitor.stdout or ()))
        monitor.terminate()
    assert any("fd00::51" in line for line in heard)
    assert not [line for line in heard if line.startswith("Deleted default")]
    assert defaults() == {"eth0"}
    assert Path("/proc/sys/net/ipv6/conf/eth0/accept_ra").read_text(encoding="ascii") == "1\n"


def test_a_router_is_not_heard_either_while_ipv6_returns_with_the_mtu(lan: Lan) -> None:
    """The kernel gives the link its own settings back, which listen to routers, as soon as there is room for IPv6."""
    there = lan.settle()
    with advertising(lan):
        wait_until(lambda: "eth0" in defaults())
        for _ in range(20):
            ip("link", "set", "mv-lan", "mtu", "1200")
            assert lan.settle() == there
    assert defaults() == {"eth0"}


# What others do

DRIFT = {
    "shim set down": "link set mv-lan down",
    "shim deleted": "link delete mv-lan",
    "IPv6 taken off by the MTU": "link set mv-lan mtu 1200",
    "address deleted": "address delete fd00::223/128 dev mv-lan",
    "address added": "address add fd00::224/128 dev mv-lan",
    "address of a router": "address add 2001:db8::7/64 dev mv-lan valid_lft 100 preferred_lft 100",
    "link-local address": "address add fe80::7/64 dev mv-lan nodad",
    "link-local address of the kernel's": "link set mv-lan addrgenmode eui64",
    "addresses flushed": "-6 address flush dev mv-lan",
    "route deleted": "route delete fd00::51 dev mv-lan",
    "route with another source": "route change fd00::51 dev mv-lan protocol 77 src fd00::50",
    "route too many": "route add fd00::52 dev mv-lan protocol 77",
    "routes flushed": "-6 route flush dev mv-lan",
    "neighbour deleted": "neigh delete fd00::51 dev mv-lan",
    "neighbour with another MAC": "neigh replace fd00::51 lladdr 02:00:00:00:00:88 dev mv-lan protocol 77",
    "neighbour no longer permanent": "neigh replace fd00::51 lladdr 02:42:c0:a8:01:33 dev mv-lan nud stale",
    "neighbour too many": "neigh add fd00::52 lladdr 02:42:c0:a8:01:34 dev mv-lan protocol 77",
    "neighbours flushed": "-6 neigh flush dev mv-lan nud all",
    "proxy deleted": "neigh delete proxy fd00::50 dev mv-lan",
    "proxy too many": "neigh add proxy fd00::52 dev mv-lan protocol 77",
}


@pytest.mark.parametrize("command", DRIFT.values(), ids=DRIFT)
def test_drift_of_ipv6_is_seen_and_put_right(lan: Lan, command: str) -> None:
    there = lan.settle()
    ip(*shlex.split(command))
    assert seen(lan.kernel) != there
    assert lan.settle() == there
    assert ip_json("-6", "address", "show", "dev", "mv-lan", "scope", "link") == []


def test_ipv6_that_somebody_switched_off_is_told_with_its_cure(kernel: Kernel) -> None:
    make(kernel, SHIM)
    Path("/proc/sys/net/ipv6/conf/mv-lan/disable_ipv6").write_text("1", encoding="ascii")
    (failure,) = kernel.apply([Add(OWN)])
    reason = "IPv6 is switched off there: set net.ipv6.conf.mv-lan.disable_ipv6 to 0"
    assert outcomes(failure) == ((Add(OWN), reason, True),)


def test_another_programs_ipv6_route_is_in_the_way_and_stays(kernel: Kernel) -> None:
    make(kernel, SHIM)
    ip("route", "add", WEB6, "dev", "eth0", "protocol", "static")
    mine = replace(ROUTE, source=None)
    assert outcomes(*kernel.apply([Add(mine)])) == (
        (Add(mine), f"another program's route to {WEB6} is in the way", True),
    )
    assert len(ip_json("-6", "route", "show", WEB6)) == 1
