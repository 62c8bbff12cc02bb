"""What the LAN sees: one MAC for each address, whatever happens on the host; and what it says reaches containers."""

import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from macvland.model import shim_mac
from tests.lab import CommandError, Container, Host, Lab, Station, wait_until
from tests.lab.wire import REQUEST, Wire, kind_of, listening
from tests.scene import BORROWED, OWN, Serving, declare, namespace_of, wait_for_state, wait_for_ways

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

HOST, WEB, SHIM = "192.168.1.50", "192.168.1.51", "192.168.1.223"
EXPERIMENT = 0x88B5  # for local experiments (IEEE 802)


@pytest.fixture
def wires(shared_lab: Lab, host: Host) -> Iterator[tuple[Wire, Wire]]:
    """The cable of the host, where all that leaves it and all that reaches it passes; and the router's."""
    with ExitStack() as stack:
        cable, router = (
            Wire(stack.enter_context(listening(Path("/run/netns", namespace), interface)))
            for namespace, interface in (
                (shared_lab.state.namespace("switch"), f"p-{host.name}"),
                (shared_lab.router.namespace, shared_lab.router.nic),
            )
        )
        yield cable, router


def forget(*stations: Station) -> None:
    """Make *stations* forget what they learned, so that they have to ask."""
    for station in stations:
        station.ip("neigh", "flush", "all", "nud", "reachable", "nud", "stale", "nud", "failed", "nud", "delay")


def arping(router: Station, address: str) -> set[str]:
    """Ask for *address* three times, by broadcast; return the MACs of all answers."""
    said = router.run("arping", "-b", "-c", "3", "-w", "4", "-I", router.nic, address)
    return {mac.lower() for mac in re.findall(r"reply from \S+ \[([0-9A-F:]+)\]", said)}


def talk(router: Station, host: Host, web: Container, *meets: str) -> None:
    """Let everybody ask for everybody: router, host and container, at every address that the host has."""
    forget(router, host)
    inside_of = ("nsenter", f"--net={namespace_of(host, web.name)}")
    host.run(*inside_of, "ip", "neigh", "flush", "all")
    host.ping(WEB)
    router.ping(WEB)
    for address in meets:
        host.run(*inside_of, "ping", "-n", "-c", "2", "-i", "0.2", "-W", "2", address)
        router.ping(address)
    host.ping(router.address)
    host.run(*inside_of, "ping", "-n", "-c", "1", "-W", "2", router.address)


@pytest.mark.parametrize(
    ("shim", "meets"), [(BORROWED, (HOST,)), (OWN, (HOST, SHIM))], ids=["borrowed address", "own address"]
)
def test_the_lan_sees_one_mac_for_each_address_whatever_happens(
    shared_lab: Lab, serve: Serving, wires: tuple[Wire, Wire], shim: str, meets: tuple[str, ...]
) -> None:
    router, host = shared_lab.router, serve.host
    daemon = serve()
    host.drop("pub_net.toml", declare(shim))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB)
    mac = web.mac()
    wait_for_ways(host, {WEB: meets[-1]})
    talk(router, host, web, *meets)

    web.stop()
    with suppress(CommandError):  # nobody is there: the host asks the LAN, as it should
        host.ping(WEB, "-W", "0.2")
    wait_for_ways(host, {})
    with suppress(CommandError):
        host.ping(WEB, "-W", "0.2")
    web.start()
    wait_for_ways(host, {WEB: meets[-1]})
    talk(router, host, web, *meets)

    daemon.kill()
    talk(router, host, web, *meets)
    daemon = serve()
    wait_for_state(daemon, host, "pub_net", "ready")
    talk(router, host, web, *meets)
    expected = {HOST: {host.mac}, WEB: {mac}, router.address: {router.mac}}
    if len(meets) > 1:
        expected[SHIM] = {host.mac}
    for address in (*meets, WEB):
        assert arping(router, address) == expected[address]

    host.remove("pub_net.toml")
    wait_until(lambda: "'web' leaves" in daemon.read_log())
    router.ping(WEB)

    for wire in wires:
        assert wire.claims() == {address: macs for address, macs in expected.items() if address in wire.claims()}
        assert {HOST, WEB, router.address} <= wire.claims().keys()
    shims_own = shim_mac(host.machine_id, "pub_net")
    cable, at_router = wires
    assert [arp for arp in (*cable.arps(), *at_router.arps()) if shims_own in {arp.source, arp.sender_mac}] == []
    asked = [
        arp for arp in cable.arps() if arp.operation == REQUEST and arp.target == WEB and arp.sender != router.address
    ]
    assert {arp.sender_mac for arp in asked} <= {host.mac, mac}


def test_the_capture_sees_the_flux_that_a_shim_without_arp_filter_brings(
    shared_lab: Lab, host: Host, wires: tuple[Wire, Wire]
) -> None:
    """Without this, a capture that sees nothing would pass every test above."""
    host.ip("link", "add", "flux", "link", "eth0", "type", "macvlan", "mode", "bridge")
    host.ip("link", "set", "flux", "up")
    host.ip("address", "add", f"{SHIM}/32", "dev", "flux")
    with suppress(CommandError):  # two answers to one question are an error for arping as well
        arping(shared_lab.router, HOST)
    for wire in wires:
        assert len(wire.claims()[HOST]) == 2


@pytest.mark.parametrize("shim", [BORROWED, OWN], ids=["borrowed address", "own address"])
def test_a_layer_2_broadcast_from_the_lan_reaches_the_container(
    shared_lab: Lab, host: Host, serve: Serving, shim: str
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(shim))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip=WEB)
    router = shared_lab.router
    message = (
        b"\xff" * 6 + bytes.fromhex(router.mac.replace(":", "")) + EXPERIMENT.to_bytes(2, "big") + b"who is there?"
    )
    with (
        listening(namespace_of(host, "web"), "eth0") as container,
        listening(Path("/run/netns", router.namespace), router.nic) as sender,
    ):
        container.settimeout(10)
        sender.send(message.ljust(60, b"\0"))
        while kind_of(frame := container.recv(2048)) != EXPERIMENT:
            continue
        assert frame.rstrip(b"\0") == message
