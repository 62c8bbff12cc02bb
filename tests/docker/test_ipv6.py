"""Dual stack on a real Docker: host and containers meet over IPv6, and the LAN sees one MAC for each address."""

from collections.abc import Iterator
from contextlib import ExitStack, suppress
from ipaddress import IPv6Network
from pathlib import Path

import pytest

from macvland.model import shim_mac
from macvland.wanted.own import derived
from tests.lab import CommandError, Container, Host, Lab, Station, wait_until
from tests.lab.wire import Wire, listening
from tests.scene import (
    PROTOCOL,
    STARTED,
    Serving,
    inspect,
    lines,
    namespace_of,
    network_status,
    shims,
    unbroken_ping,
    wait_for_lines,
    wait_for_state,
)

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

LAN6 = "fd00:192:168:1::/64"
HOST, HOST6 = "192.168.1.50", "fd00:192:168:1::50"
WEB, WEB6 = "192.168.1.51", "fd00:192:168:1::51"
GIVEN6 = "fd00:192:168:1::223"
SHIM = "mv-pub_net"


def declare(shim: str = "") -> str:
    return f"""
        [network]
        parent = "eth0"
        [[subnet]]
        cidr = "192.168.1.0/24"
        gateway = "192.168.1.1"
        range = "192.168.1.192/27"
        [[subnet]]
        cidr = "{LAN6}"
        gateway = "fd00:192:168:1::1"
        range = "fd00:192:168:1::c0:0/112"
        [shim]
        {shim}
    """


GIVEN = declare(f'address = "{GIVEN6}"')


def own(host: Host) -> str:
    """Return the address that the shim of *host* derives."""
    ranges = frozenset({IPv6Network("fd00:192:168:1::c0:0/112")})
    gateway = frozenset({IPv6Network("fd00:192:168:1::1").network_address})
    return str(derived(host.machine_id, "pub_net", IPv6Network(LAN6), ranges, gateway))


def ways(host: Host) -> tuple[dict[str, str], dict[str, str]]:
    """Return the IPv6 routes (destination to source) and the permanent neighbours (address to MAC) of the shim."""
    try:
        routes = host.ip_json("-6", "route", "show", "dev", SHIM, "proto", PROTOCOL)
        neighbours = host.ip_json("-6", "neigh", "show", "dev", SHIM, "nud", "permanent")
    except CommandError:
        return {}, {}
    return {it["dst"]: it.get("prefsrc", "") for it in routes}, {it["dst"]: it["lladdr"] for it in neighbours}


def wait_for_ways(host: Host, sources: dict[str, str], macs: dict[str, str], seconds: float = 10) -> None:
    with suppress(AssertionError):
        wait_until(lambda: ways(host) == (sources, macs), seconds)
    assert ways(host) == (sources, macs)


def addresses(host: Host) -> set[str]:
    """Return the IPv6 addresses of the shim, each with its prefix length."""
    (shown,) = host.ip_json("-6", "address", "show", "dev", SHIM)
    return {f"{it['local']}/{it['prefixlen']}" for it in shown["addr_info"]}


def talk(host: Host, web: Container, *meets: str) -> None:
    """Let host and container ask for each other, at every address that the host has."""
    host.ping(WEB6)
    inside = ("nsenter", f"--net={namespace_of(host, web.name)}")
    host.run(*inside, "ip", "-6", "neigh", "flush", "all")
    for address in meets:
        host.run(*inside, "ping", "-n", "-c", "1", "-W", "2", address)


def test_a_dual_stack_file_lets_host_and_containers_meet_over_both(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare())
    wait_for_state(daemon, host, "pub_net", "ready")
    mine = own(host)
    assert addresses(host) == {f"{mine}/128"}
    pools = {pool["Subnet"]: pool["AuxiliaryAddresses"] for pool in inspect(host, "pub_net")["IPAM"]["Config"]}
    assert set(pools[LAN6].values()) == {HOST6, mine}
    assert set(pools["192.168.1.0/24"].values()) == {HOST}

    web = host.container("web", "pub_net", ip=WEB, ip6=WEB6)
    mac = web.mac()
    wait_for_ways(host, {WEB6: mine}, {WEB6: mac})
    talk(host, web, mine, HOST6, HOST)
    wait_until(lambda: (it := network_status(host, "pub_net")) and set(it.host) == {HOST, HOST6, mine})
    version = host.docker("version", "--format", "{{.Server.Version}}").strip()
    wait_for_lines(
        daemon,
        STARTED,
        f"macvland: Docker {version} answers",
        f"macvland: pub_net: add shim '{SHIM}' on 'eth0'",
        f"macvland: pub_net: add address {mine} on shim '{SHIM}'",
        f"macvland: pub_net: add Docker network 'pub_net' on 'eth0' with 192.168.1.0/24, {LAN6}",
        f"macvland: pub_net: checking: asks the LAN whether {mine}, its shim's address, is free",
        "macvland: pub_net: ready",
        f"macvland: pub_net: add neighbour {WEB} at {mac} on shim '{SHIM}'",
        f"macvland: pub_net: add neighbour {WEB6} at {mac} on shim '{SHIM}'",
        f"macvland: pub_net: add route to {WEB} over shim '{SHIM}' from {HOST}",
        f"macvland: pub_net: add route to {WEB6} over shim '{SHIM}' from {mine}",
        f"macvland: pub_net: add proxy for {HOST6} on shim '{SHIM}', for 1 container",
    )

    web.stop()
    wait_for_ways(host, {}, {})
    wait_until(lambda: host.ip_json("neigh", "show", "proxy") == [])
    host.remove("pub_net.toml")
    wait_until(lambda: not shims(host))


def test_an_address_in_a_file_that_changes_costs_no_packet(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare())
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB, ip6=WEB6)
    mac = web.mac()
    wait_for_ways(host, {WEB6: own(host)}, {WEB6: mac})
    with unbroken_ping(host, HOST6, within=namespace_of(host, "web")):
        host.drop("pub_net.toml", GIVEN)
        wait_for_ways(host, {WEB6: GIVEN6}, {WEB6: mac})
        wait_until(lambda: addresses(host) == {f"{GIVEN6}/128"})
    talk(host, web, GIVEN6, HOST6)


@pytest.mark.fault("D58")
def test_an_address_that_another_device_has_is_not_taken_until_it_lets_go(
    shared_lab: Lab, host: Host, serve: Serving
) -> None:
    router = shared_lab.router
    router.ip("address", "add", f"{GIVEN6}/64", "dev", router.nic, "nodad")
    daemon = serve()
    host.drop("pub_net.toml", GIVEN)
    found = wait_for_state(daemon, host, "pub_net", "failed")
    (reason,) = found.reasons
    assert reason.startswith(f"another device on the LAN has {GIVEN6}, its shim's address: ")
    web = host.container("web", "pub_net", ip=WEB, ip6=WEB6)
    wait_until(lambda: (it := network_status(host, "pub_net")) and it.host == (HOST, HOST6))
    host.ping(WEB)
    told = len(lines(daemon))
    with listening(Path("/run/netns", router.namespace), router.nic) as packets:
        wire = Wire(packets)
        wait_until(lambda: sum(it.sender == "::" and it.target == GIVEN6 for it in wire.ndps()) >= 2, 20)
    assert [line for line in lines(daemon, told) if GIVEN6 in line] == []

    router.ip("address", "delete", f"{GIVEN6}/64", "dev", router.nic)
    wait_for_state(daemon, host, "pub_net", "ready", 30)
    wait_for_ways(host, {WEB6: GIVEN6}, {WEB6: web.mac()})
    talk(host, web, GIVEN6)


@pytest.mark.fault("D59")
@pytest.mark.parametrize(
    ("address", "whose"),
    [(WEB6, "the address of container 'web'"), (HOST6, "the host's address")],
    ids=["a container's", "the host's"],
)
def test_an_address_that_a_device_has_as_well_is_told_until_it_lets_go(
    shared_lab: Lab, host: Host, serve: Serving, address: str, whose: str
) -> None:
    router = shared_lab.router
    router.ip("address", "add", f"{address}/64", "dev", router.nic, "nodad")
    try:
        daemon = serve()
        host.drop("pub_net.toml", GIVEN)
        wait_for_state(daemon, host, "pub_net", "ready")
        host.container("web", "pub_net", ip=WEB, ip6=WEB6)
        told = f"{router.mac} on the LAN of 'eth0' has {address}, {whose}, as well"
        wait_until(lambda: (it := network_status(host, "pub_net")) and it.warnings == (told,))
    finally:
        router.ip("address", "delete", f"{address}/64", "dev", router.nic)
    wait_until(lambda: (it := network_status(host, "pub_net")) and it.warnings == (), 30)


DRIFT = {
    "set down": ("link", "set", SHIM, "down"),
    "deleted": ("link", "delete", SHIM),
    "without IPv6": ("link", "set", SHIM, "mtu", "1200"),
    "without its address": ("-6", "address", "flush", "dev", SHIM),
}


@pytest.mark.parametrize("command", DRIFT.values(), ids=DRIFT)
def test_a_shim_that_lost_its_ipv6_gets_it_back(host: Host, serve: Serving, command: tuple[str, ...]) -> None:
    daemon = serve()
    host.drop("pub_net.toml", GIVEN)
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB, ip6=WEB6)
    there = ({WEB6: GIVEN6}, {WEB6: web.mac()})
    wait_for_ways(host, *there)
    told = len(lines(daemon))
    host.ip(*command)
    wait_until(lambda: lines(daemon, told)[-1:] == ["macvland: pub_net: ready"])
    wait_for_ways(host, *there)
    talk(host, web, GIVEN6, HOST6, HOST)


def test_a_daemon_killed_and_started_again_costs_no_packet(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", GIVEN)
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB, ip6=WEB6)
    wait_for_ways(host, {WEB6: GIVEN6}, {WEB6: web.mac()})
    inside = namespace_of(host, "web")
    with unbroken_ping(host, WEB6), unbroken_ping(host, HOST6, within=inside), unbroken_ping(host, HOST, within=inside):
        daemon.kill()
        again = serve()
        wait_for_state(again, host, "pub_net", "ready")
    assert [line for line in lines(again) if SHIM in line] == []


# What the LAN sees


@pytest.fixture
def wires(shared_lab: Lab, host: Host) -> Iterator[tuple[Wire, Wire]]:
    """The cable of the host, where all that leaves it and all that reaches it passes; and the router's."""
    router = shared_lab.router
    places = ((shared_lab.state.namespace("switch"), f"p-{host.name}"), (router.namespace, router.nic))
    with ExitStack() as stack:
        cable, far = (Wire(stack.enter_context(listening(Path("/run/netns", it), nic))) for it, nic in places)
        yield cable, far


def ask_around(router: Station, host: Host, web: Container, *meets: str) -> None:
    """Let everybody ask for everybody: router, host and container, at every address that the host has."""
    for station in (router, host):
        station.ip("-6", "neigh", "flush", "all")
    talk(host, web, *meets, router.address6)
    for address in (WEB6, *meets):
        router.ping(address)
    host.ping(router.address6)


@pytest.mark.parametrize("file", [declare(), GIVEN], ids=["derived address", "given address"])
def test_the_lan_sees_one_mac_for_each_ipv6_address_whatever_happens(
    shared_lab: Lab, serve: Serving, wires: tuple[Wire, Wire], file: str
) -> None:
    router, host = shared_lab.router, serve.host
    mine = GIVEN6 if file is GIVEN else own(host)
    shim = shim_mac(host.machine_id, "pub_net")
    daemon = serve()
    host.drop("pub_net.toml", file)
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip=WEB, ip6=WEB6)
    mac = web.mac()
    there = ({WEB6: mine}, {WEB6: mac})
    wait_for_ways(host, *there)
    ask_around(router, host, web, mine, HOST6)

    web.stop()
    with suppress(CommandError):  # nobody is there: the host asks the LAN, as it should
        host.ping(WEB6, "-W", "0.2")
    wait_for_ways(host, {}, {})
    web.start()
    wait_for_ways(host, *there)
    ask_around(router, host, web, mine, HOST6)

    host.ip("link", "set", SHIM, "down")
    wait_for_ways(host, *there)
    ask_around(router, host, web, mine, HOST6)

    daemon.kill()
    ask_around(router, host, web, mine, HOST6)
    daemon = serve()
    wait_for_state(daemon, host, "pub_net", "ready")
    for _ in range(3):
        ask_around(router, host, web, mine, HOST6)

    host.remove("pub_net.toml")
    wait_until(lambda: "'web' leaves" in daemon.read_log())
    router.ping(WEB6)

    expected = {HOST6: {host.mac}, WEB6: {mac}, mine: {shim}, router.address6: {router.mac}}
    for wire in wires:
        assert {address: macs for address, macs in wire.claims6().items() if address in expected} == expected
        assert {len(macs) for macs in wire.claims6().values()} == {1}
        # It answers for its own address and asks whether that is free; it asks for no other, and answers for none.
        assert {it.target for it in wire.ndps() if it.source == shim} == {mine}
        assert {it.sender for it in wire.ndps() if it.source == shim and not it.answer} <= {"::"}
