"""A route that gets another source: the destination can be reached all the time, and nobody else's route is touched.

What the kernel tells of each step shows that, where a ping would have to be lucky to meet the moment.
"""

import socket
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

import pytest

from macvland.action import Change, Delete
from macvland.kernel import Kernel, codec
from macvland.kernel.channel import SOL_NETLINK
from macvland.kernel.events import IPV4_ROUTE, IPV6_ROUTE, NETLINK_ADD_MEMBERSHIP
from macvland.kernel.facts import RouteFacts, route_facts
from macvland.model import Dad, Route
from macvland.plan import plan
from tests.kernel.samples import ADDRESS, ADDRESS6, NEIGHBOUR, NEIGHBOUR6, ROUTE, ROUTE6, SHIM, do, make, seen
from tests.lab import wait_until
from tests.lab.netns import ip, ip_json

HOST6 = ip_address("2001:db8::50")
OWN, LENT = replace(ROUTE, source=ADDRESS.address), ROUTE
OWN6, LENT6 = replace(ROUTE6, source=ADDRESS6.address), replace(ROUTE6, source=HOST6)
TURNS = {
    "IPv4": (LENT, OWN),
    "IPv4, back": (OWN, LENT),
    "IPv6": (LENT6, OWN6),
    "IPv6, back": (OWN6, LENT6),
    "IPv6, from none": (ROUTE6, OWN6),
    "IPv6, to none": (OWN6, ROUTE6),
}

each_turn = pytest.mark.parametrize(("before", "after"), TURNS.values(), ids=TURNS)


@pytest.fixture(autouse=True)
def addressed(kernel: Kernel) -> None:
    """A shim with addresses of both families, on a host that has some as well, and one container's neighbours."""
    ip("address", "add", f"{HOST6}/64", "dev", "eth0", "nodad")
    make(kernel, SHIM, ADDRESS, ADDRESS6, NEIGHBOUR, NEIGHBOUR6)
    # The kernel is sure of an IPv6 address in its own time, also where it does not ask the LAN.
    wait_until(lambda: all(it.dad is Dad.DONE for it in seen(kernel).addresses), what="certain addresses")


@pytest.fixture
def told() -> Iterator[socket.socket]:
    """A socket that hears of every route that comes and goes."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as listener:
        listener.bind((0, 0))
        for group in (IPV4_ROUTE, IPV6_ROUTE):
            listener.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        yield listener


def ways(listener: socket.socket, route: Route) -> list[list[RouteFacts]]:
    """Return after each step which routes there were to the destination of *route*, told since *listener* is there."""
    listener.settimeout(0)
    now: list[RouteFacts] = []
    steps: list[list[RouteFacts]] = []
    while True:
        try:
            data = listener.recv(65536)
        except BlockingIOError:
            return steps
        for _, message in codec.frames(data):
            it = route_facts(message.body)
            if it.destination == route.destination:
                now = [*now, it] if message.kind == codec.RTM_NEWROUTE else [other for other in now if other != it]
                steps.append(now)


@each_turn
def test_there_is_a_way_all_the_time(kernel: Kernel, told: socket.socket, before: Route, after: Route) -> None:
    make(kernel, before)
    do(kernel, Change(after, before))
    steps = ways(told, before)
    assert all(steps)
    assert [it.source for it in steps[0]] == [before.source]
    assert [(it.source, it.priority) for it in steps[-1]] == [(after.source, steps[0][0].priority)]
    assert seen(kernel).routes == {after}


def test_one_that_has_lost_its_source_gets_it_back(kernel: Kernel) -> None:
    """Of IPv4, where no message means a route from no source only: the kernel would delete the new one."""
    lost = replace(ROUTE, source=None)
    make(kernel, lost)
    do(kernel, Change(ROUTE, lost))
    assert seen(kernel).routes == {ROUTE}


@each_turn
def test_another_programs_route_stays(kernel: Kernel, before: Route, after: Route) -> None:
    ip("link", "add", "eth1", "type", "veth", "peer", "eth1-lan")
    ip("link", "set", "eth1", "up")
    make(kernel, before)
    ip(f"-{before.destination.version}", "route", "append", str(before.destination), "dev", "eth1", "proto", "static")
    there = kept(before)
    do(kernel, Change(after, before))
    assert kept(before) == there != []
    assert seen(kernel).routes == {after}


def kept(route: Route) -> list[dict[str, object]]:
    family = f"-{route.destination.version}"
    return [dict(it) for it in ip_json(family, "route", "show", str(route.destination), "dev", "eth1")]


@pytest.mark.parametrize("old", [True, False], ids=["beside the old one", "alone"])
def test_one_that_stood_in_when_we_were_killed_does_no_harm(kernel: Kernel, *, old: bool) -> None:
    if old:
        make(kernel, LENT6)
    stand_in = ("proto", "77", "metric", "1023", "src", str(OWN6.source))
    ip("-6", "route", "add", str(OWN6.destination), "dev", SHIM.name, *stand_in)
    for wanted in (OWN6, LENT6):
        wait_until(partial(is_reached, kernel, wanted))
    (left,) = ip_json("-6", "route", "show", str(OWN6.destination), "dev", SHIM.name)
    assert left["prefsrc"] == str(HOST6)


@pytest.mark.parametrize("ours", [True, False], ids=["beside ours", "in the place of ours"])
@pytest.mark.parametrize("metric", ["5", "2048"])
@pytest.mark.parametrize("route", [LENT, LENT6], ids=["IPv4", "IPv6"])
def test_one_of_another_metric_goes_and_ours_is_there_all_the_time(
    kernel: Kernel, told: socket.socket, route: Route, metric: str, *, ours: bool
) -> None:
    if ours:
        make(kernel, route)
    stray = (str(route.destination), "dev", SHIM.name, "proto", "77", "metric", metric)
    ip(f"-{route.destination.version}", "route", "add", *stray)
    before = replace(route, source=None, metric=int(metric))
    assert seen(kernel).routes == ({route, before} if ours else {before})
    there = seen(kernel)
    actions = plan(replace(there, routes=frozenset({route})), there)
    assert actions == ((Delete(before),) if ours else (Change(route, before),))
    do(kernel, *actions)
    assert all(ways(told, route)) or (route.destination.version == 4 and not ours)
    assert seen(kernel).routes == {route}


def is_reached(kernel: Kernel, route: Route) -> bool:
    """Tell whether nothing is left to do for *route*; do it else, be it refused in part."""
    there = seen(kernel)
    actions = plan(replace(there, routes=frozenset({route})), there)
    kernel.apply(actions)
    return not actions


@pytest.mark.parametrize(("before", "after", "address"), [(OWN, LENT, ADDRESS), (OWN6, LENT6, ADDRESS6)])
def test_a_plan_turns_routes_before_it_deletes_their_address(
    kernel: Kernel, told: socket.socket, before: Route, after: Route, address: object
) -> None:
    """But for the last IPv4 address of a shim, with which the kernel deletes all its routes."""
    spare = replace(ADDRESS, address=ip_address("192.168.1.224"))
    make(kernel, before, spare)
    there = seen(kernel)
    goal = replace(there, addresses=frozenset(it for it in there.addresses if it != address), routes=frozenset({after}))
    actions = plan(goal, there)
    assert [type(action) for action in actions] == [Change, Delete]
    do(kernel, *actions)
    steps = ways(told, before)
    assert len(steps) > 1
    assert all(steps)
    assert seen(kernel) == goal
