"""One network's things as macvland wants them on the host of the fixture, and how to bring them about."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_address

from macvland.action import Action, Add
from macvland.kernel import Kernel
from macvland.model import Dad, Host, KernelThing, Neighbour, Route, Shim, ShimAddress
from macvland.plan import plan
from tests.lab import wait_until

SHIM = Shim(name="mv-lan", network="lan", parent="eth0", mac="02:4d:56:00:00:01", mtu=1500)
ADDRESS = ShimAddress(shim="mv-lan", address=ip_address("192.168.1.223"))
ROUTE = Route(shim="mv-lan", destination=ip_address("192.168.1.51"), source=ip_address("192.168.1.50"))
NEIGHBOUR = Neighbour(shim="mv-lan", address=ip_address("192.168.1.51"), mac="02:42:c0:a8:01:33")
ADDRESS6 = ShimAddress(shim="mv-lan", address=ip_address("2001:db8::223"))
ROUTE6 = Route(shim="mv-lan", destination=ip_address("2001:db8::51"), source=None)
NEIGHBOUR6 = Neighbour(shim="mv-lan", address=ip_address("2001:db8::51"), mac="02:42:c0:a8:01:33")
WANTED = Host(
    shims=frozenset({SHIM}),
    addresses=frozenset({ADDRESS}),
    routes=frozenset({ROUTE}),
    neighbours=frozenset({NEIGHBOUR}),
)


def ours(host: Host) -> Host:
    """Return of *host* what macvland owns in the kernel."""
    return Host(
        vlans=host.vlans,
        shims=host.shims,
        addresses=host.addresses,
        routes=host.routes,
        neighbours=host.neighbours,
        proxies=host.proxies,
        promiscuous=host.promiscuous,
    )


def seen(kernel: Kernel) -> Host:
    """Return what macvland owns in the kernel now."""
    return ours(kernel.observe(Host()))


def do(kernel: Kernel, *actions: Action) -> None:
    """Do *actions*, all of which must succeed."""
    failures = kernel.apply(actions)
    assert not failures, [f"{one.action}: {one.reason}" for one in failures[:3]]


def make(kernel: Kernel, *things: KernelThing) -> None:
    """Add *things*, all of which must succeed."""
    do(kernel, *(Add(thing) for thing in things))


def converge(kernel: Kernel, wanted: Host) -> None:
    """Do what the plan says, once, and see that nothing is left to do."""
    do(kernel, *plan(wanted, seen(kernel)))
    # The kernel is sure of an IPv6 address in its own time, also where it does not ask the LAN.
    wait_until(lambda: all(it.dad is not Dad.TENTATIVE for it in seen(kernel).addresses), what="certain addresses")
    assert plan(wanted, seen(kernel)) == ()


def many(count: int) -> Host:
    """Return *count* shims, each with an address, a route and a neighbour."""
    names = [f"mv-n{number}" for number in range(count)]
    base = ip_address("10.9.0.0")
    return Host(
        shims=frozenset(
            replace(
                SHIM,
                name=name,
                network=name.removeprefix("mv-"),
                mac=f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}",
            )
            for number, name in enumerate(names)
        ),
        addresses=frozenset(ShimAddress(shim=name, address=base + number) for number, name in enumerate(names)),
        routes=_routes(names),
        neighbours=frozenset(
            Neighbour(shim=name, address=base + 65536 + number, mac="02:42:00:00:00:01")
            for number, name in enumerate(names)
        ),
    )


def _routes(names: Iterable[str]) -> frozenset[Route]:
    first, source = ip_address("10.10.0.0"), ip_address("192.168.1.50")
    return frozenset(Route(shim=name, destination=first + number, source=source) for number, name in enumerate(names))
