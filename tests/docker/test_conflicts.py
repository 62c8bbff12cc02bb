"""Who else on the LAN has an address: asked before it is used, and heard of when it happens later."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import SIGHUP

import pytest

from macvland.condition.wording import MOST_DEVICES
from tests.docker.shout import program
from tests.lab import CommandError, Host, Lab, Station, wait_until
from tests.lab.wire import Wire, listening
from tests.scene import (
    BORROWED,
    IMPATIENT,
    OWN,
    Serving,
    declare,
    inspect,
    ipv4_addresses,
    lines,
    lines_up_to,
    network_status,
    networks,
    status,
    wait_for_state,
    wait_for_ways,
)

OWN_ADDRESS, WEB, HOST, GATEWAY = "192.168.1.223", "192.168.1.195", "192.168.1.50", "192.168.1.1"
SHIM = "mv-pub_net"


@pytest.fixture
def serve(host: Host) -> Iterator[Serving]:
    """Starts daemons on the host that ask the LAN again sooner than others, and stops them after the test."""
    serving = Serving(host, IMPATIENT)
    yield serving
    serving.stop()


@pytest.fixture(scope="module")
def camera(shared_lab: Lab) -> Station:
    """A device that takes what is not its own."""
    return shared_lab.station("camera", "192.168.1.60/24")


def announce(station: Station, address: str) -> None:
    """Let *station* tell the LAN that it has *address*, as a device does that takes one."""
    with suppress(CommandError):  # nobody answers, which arping takes for a failure
        station.run("arping", "-U", "-c", "1", "-w", "1", "-I", station.nic, "-s", address, address)


@contextmanager
def having(station: Station, address: str) -> Iterator[None]:
    """Give *station* an *address* besides its own, and have it tell the LAN."""
    station.ip("address", "add", f"{address}/24", "dev", station.nic)
    announce(station, address)
    try:
        yield
    finally:
        station.ip("address", "delete", f"{address}/24", "dev", station.nic)


def warnings(host: Host) -> tuple[str, ...]:
    """Return what the LAN has against the network."""
    found = network_status(host, "pub_net")
    return found.warnings if found else ()


def wait_for_warnings(host: Host, *expected: str, seconds: float = 10) -> None:
    """Wait until the LAN has *expected* against the network, and nothing else."""
    try:
        wait_until(lambda: warnings(host) == expected, seconds)
    finally:
        assert warnings(host) == expected


def taken(address: str, whose: str, station: Station) -> str:
    """Return what is said when *station* has an *address* that is in use here."""
    return f"{station.mac} on the LAN of 'eth0' has {address}, {whose}, as well"


@pytest.mark.fault("D58")
def test_a_shims_address_that_another_device_has_is_not_taken_until_it_is_free(
    shared_lab: Lab, host: Host, serve: Serving, camera: Station
) -> None:
    router = shared_lab.router
    with having(camera, OWN_ADDRESS):
        daemon = serve()
        with listening(Path("/run/netns", router.namespace), router.nic) as packets:
            host.drop("pub_net.toml", declare(OWN))
            found = wait_for_state(daemon, host, "pub_net", "failed")
            web = host.container("web", "pub_net", ip=WEB)
            wait_for_ways(host, {WEB: HOST}, {WEB: web.mac()})
            assert Wire(packets).claims().get(OWN_ADDRESS, {camera.mac}) == {camera.mac}
        who = f"another device on the LAN has {OWN_ADDRESS}, its shim's address: {camera.mac}"
        assert found.reasons == (f"{who}: change that device, or write another [shim] address",)
        host.ping(WEB)
        assert ipv4_addresses(host, SHIM) == []
        assert host.ctl("plan").stdout == "nothing to do\n"
        codes = [one["code"] for one in json.loads(host.ctl("doctor", "--json").stdout)["findings"]]
        assert codes == ["MV504"]
    wait_for_state(daemon, host, "pub_net", "ready", 20)
    wait_for_ways(host, {WEB: OWN_ADDRESS}, {WEB: web.mac()})
    told = [line for line in lines(daemon) if "failed" in line]
    assert len(told) == 1, "asked again, later and later, and told once"


def test_a_free_address_is_asked_for_before_it_is_taken(shared_lab: Lab, host: Host, serve: Serving) -> None:
    router = shared_lab.router
    daemon = serve()
    with listening(Path("/run/netns", router.namespace), router.nic) as packets:
        host.drop("pub_net.toml", declare(OWN))
        wait_for_state(daemon, host, "pub_net", "ready")
        asked = [arp for arp in Wire(packets).arps() if arp.target == OWN_ADDRESS]
    assert [(arp.sender, arp.source) for arp in asked[:3]] == [("0.0.0.0", host.mac)] * 3
    assert warnings(host) == ()


def test_a_restart_with_everything_in_place_changes_nothing(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    serve.stop()
    again = serve()
    wait_for_state(again, host, "pub_net", "ready")
    assert not [line for line in lines(again) if "address" in line or "checking" in line]


@pytest.mark.fault("D59")
def test_an_address_of_the_shims_that_is_taken_later_is_kept_and_told(
    host: Host, serve: Serving, camera: Station
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    expected = taken(OWN_ADDRESS, "the host's address", camera)
    with having(camera, OWN_ADDRESS):
        wait_for_warnings(host, expected)
        announce(camera, OWN_ADDRESS)  # takes a second, in which the LAN is asked again
        announce(camera, OWN_ADDRESS)
        assert warnings(host) == (expected,)
        assert ipv4_addresses(host, SHIM) == [OWN_ADDRESS]
        wait_for_state(daemon, host, "pub_net", "ready")
        assert f"warning: {expected}" in " ".join(host.ctl("status").stdout.split())
    wait_for_warnings(host, seconds=30)
    assert [line for line in lines(daemon) if expected in line] == [
        f"macvland: warning: pub_net: {expected}",
        f"macvland: pub_net: no longer so: {expected}",
    ]


@pytest.mark.fault("D59")
def test_a_containers_address_that_is_taken_is_told_until_it_is_over(
    host: Host, serve: Serving, camera: Station
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    expected = taken(WEB, "the address of container 'web'", camera)
    with having(camera, WEB):
        host.container("web", "pub_net", ip=WEB)
        wait_for_warnings(host, expected)
    wait_for_warnings(host, seconds=30)
    with having(camera, WEB):
        wait_for_warnings(host, expected)
    assert host.docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", "web").startswith('{"pub_net"')


@pytest.mark.fault("D59")
def test_a_container_in_conflict_is_taken_off_where_the_file_says_so(
    host: Host, serve: Serving, camera: Station
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED, extra='on_conflict = "disconnect"'))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("other", "pub_net", ip="192.168.1.196")
    host.container("web", "pub_net", ip=WEB)
    with having(camera, WEB):
        daemon.wait_for(
            "warning: pub_net: disconnect container 'web' on Docker network 'pub_net': "
            + taken(WEB, "its address", camera)
        )
        wait_until(lambda: "pub_net" not in host.docker("inspect", "--format", "{{json .NetworkSettings}}", "web"))
    wait_for_ways(host, {"192.168.1.196": HOST})
    wait_for_warnings(host)
    host.docker("network", "connect", "--ip", WEB, "pub_net", "web")
    wait_for_ways(host, {WEB: HOST, "192.168.1.196": HOST})
    wait_for_warnings(host)


@pytest.mark.fault("D60")
def test_without_a_carrier_the_question_is_put_off_and_told(host: Host, serve: Serving, camera: Station) -> None:
    daemon = serve()
    host.pull_cable()
    try:
        host.drop("pub_net.toml", declare(OWN))
        found = wait_for_state(daemon, host, "pub_net", "waiting")
        put_off = f"asks the LAN whether {OWN_ADDRESS}, its shim's address, is free once 'eth0' has a carrier"
        assert put_off in found.reasons
        assert ipv4_addresses(host, SHIM) == []
        with having(camera, OWN_ADDRESS):
            host.push_cable()
            wait_for_state(daemon, host, "pub_net", "failed")
    finally:
        host.push_cable()
    wait_for_state(daemon, host, "pub_net", "ready", 20)
    assert ipv4_addresses(host, SHIM) == [OWN_ADDRESS]


def test_with_probe_off_nobody_is_asked(shared_lab: Lab, host: Host, serve: Serving, camera: Station) -> None:
    router = shared_lab.router
    daemon = serve()
    with having(camera, OWN_ADDRESS), listening(Path("/run/netns", router.namespace), router.nic) as packets:
        host.drop("pub_net.toml", declare(OWN, extra="probe = false"))
        wait_for_state(daemon, host, "pub_net", "ready")
        assert ipv4_addresses(host, SHIM) == [OWN_ADDRESS]
        assert [arp for arp in Wire(packets).arps() if arp.sender == "0.0.0.0"] == []


def test_a_gateway_that_does_not_answer_is_told_until_it_does(host: Host, serve: Serving, camera: Station) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN, gateway="77"))
    wait_for_state(daemon, host, "pub_net", "ready", 45)
    silent = "its gateway 192.168.1.77 does not answer on the LAN of 'eth0'"
    wait_for_warnings(host, silent)
    with having(camera, "192.168.1.77"):
        wait_for_warnings(host, seconds=20)
    assert [line for line in lines(daemon) if silent in line] == [
        f"macvland: warning: pub_net: {silent}",
        f"macvland: pub_net: no longer so: {silent}",
    ]


def test_the_failover_of_a_gateway_is_no_conflict(shared_lab: Lab, host: Host, serve: Serving, camera: Station) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip=WEB)
    wait_for_ways(host, {WEB: OWN_ADDRESS})
    logged = lines_up_to(daemon, f"add route to {WEB}")
    with having(camera, GATEWAY):
        announce(camera, GATEWAY)
    announce(shared_lab.router, GATEWAY)
    assert lines(daemon, logged) == []
    assert warnings(host) == ()


def test_who_answers_for_everything_is_told_once_and_is_no_conflict(
    host: Host, serve: Serving, camera: Station
) -> None:
    daemon = serve()
    expected = f"{camera.mac} answers for every address on the LAN of 'eth0' (proxy ARP): its answers do not count"
    with program(camera, "everything"):
        host.drop("pub_net.toml", declare(OWN, extra='on_conflict = "disconnect"'))
        wait_for_state(daemon, host, "pub_net", "ready")
        assert ipv4_addresses(host, SHIM) == [OWN_ADDRESS]
        for number in range(196, 199):
            host.container(f"c{number}", "pub_net", ip=f"192.168.1.{number}")
        wait_for_ways(host, {f"192.168.1.{number}": OWN_ADDRESS for number in range(196, 199)})
        wait_for_warnings(host, expected)
        daemon.signal(SIGHUP)  # all is asked anew
        codes = [one["code"] for one in json.loads(host.ctl("doctor", "--json").stdout)["findings"]]
        assert codes == ["MV504"]
    wait_for_warnings(host, seconds=40)
    assert [line for line in lines(daemon) if camera.mac in line] == [
        f"macvland: warning: pub_net: {expected}",
        f"macvland: pub_net: no longer so: {expected}",
    ], "nor is it one once it stops"
    wait_for_ways(host, {f"192.168.1.{number}": OWN_ADDRESS for number in range(196, 199)})


@pytest.mark.fault("D59")
def test_somebody_who_sends_with_a_mac_of_ours_is_told(host: Host, serve: Serving, camera: Station) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    mac = host.container("web", "pub_net", ip=WEB).mac()
    wait_for_ways(host, {WEB: HOST})
    expected = (
        f"somebody on the LAN of 'eth0' sends with {mac}, the MAC of container 'web', and the address 192.168.1.99"
    )
    with program(camera, "claim", mac, "192.168.1.99", "0.1"):
        wait_for_warnings(host, expected)
    wait_for_warnings(host, seconds=30)


@pytest.mark.fault("D59")
def test_a_machine_with_a_mac_of_ours_and_nothing_but_ipv6_is_told(host: Host, serve: Serving, camera: Station) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    mac = host.container("web", "pub_net", ip=WEB).mac()
    wait_for_ways(host, {WEB: HOST})
    with a_clone(camera, mac) as address:
        wait_for_warnings(
            host,
            f"somebody on the LAN of 'eth0' sends with {mac}, the MAC of container 'web', and the address {address}",
        )
    wait_for_warnings(host, seconds=30)


@contextmanager
def a_clone(station: Station, mac: str) -> Iterator[str]:
    """Give *station* a second machine, a copy that kept *mac*; yield the address that IPv6 makes of that."""
    station.ip("link", "add", "clone", "link", station.nic, "address", mac, "type", "macvlan", "mode", "bridge")
    station.ip("link", "set", "clone", "arp", "on", "up")
    try:
        (shown,) = wait_until(lambda: station.ip_json("-6", "address", "show", "dev", "clone", "scope", "link"))
        yield shown["addr_info"][0]["local"]
    finally:
        station.ip("link", "delete", "clone")


@pytest.mark.fault("D59")
def test_a_device_that_shouts_and_changes_its_mac_is_told_in_few_lines(
    host: Host, serve: Serving, camera: Station
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    logged = len(lines(daemon))
    strangers = ("02:00:00:00:77:01", "02:00:00:00:77:02")
    both = f"{' and '.join(strangers)} on the LAN of 'eth0' have {OWN_ADDRESS}, the host's address, as well"
    with (
        program(camera, "claim", strangers[0], OWN_ADDRESS, "0.0005"),
        program(camera, "claim", strangers[1], OWN_ADDRESS, "0.0005"),
    ):
        wait_until(lambda: both in warnings(host), 20)
    wait_for_warnings(host, seconds=40)
    assert len(lines(daemon, logged)) <= 6


@pytest.mark.fault("D59")
def test_a_device_that_claims_with_ever_other_macs_is_one_conflict_and_told_in_one_line(
    shared_lab: Lab, host: Host, serve: Serving, camera: Station
) -> None:
    router = shared_lab.router
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    logged = len(lines(daemon))
    with program(camera, "crowd", OWN_ADDRESS, "0.002"):
        (told,) = wait_until(lambda: warnings(host))
        with listening(Path("/run/netns", router.namespace), router.nic) as packets:
            wire = Wire(packets)
            asked = 3 * 3  # three rounds
            wait_until(lambda: len([arp for arp in wire.arps() if arp.target == OWN_ADDRESS]) > asked, 30)
        assert warnings(host) == (told,)
        seen = status(host)
        assert seen
        (dispute,) = (it for it in seen.disputes if it.address == OWN_ADDRESS)
        assert len(dispute.macs) <= MOST_DEVICES
    wait_for_warnings(host, seconds=40)
    assert lines(daemon, logged) == [
        f"macvland: warning: pub_net: {told}",
        f"macvland: pub_net: no longer so: {told}",
    ]


def test_the_same_addresses_in_another_vlan_of_the_trunk_are_no_conflict(
    host: Host, serve: Serving, camera: Station
) -> None:
    daemon = serve()
    other = "192.168.1.196"
    with program(camera, "claim", camera.mac, OWN_ADDRESS, "0.01", "20"):
        host.drop("pub_net.toml", declare(OWN, extra='on_conflict = "disconnect"'))
        wait_for_state(daemon, host, "pub_net", "ready")
        assert ipv4_addresses(host, SHIM) == [OWN_ADDRESS]
        with program(camera, "claim", camera.mac, WEB, "0.01", "20"):
            mac = host.container("web", "pub_net", ip=WEB).mac()
            host.container("other", "pub_net", ip=other)
            with program(camera, "claim", mac, "192.168.1.99", "0.01", "20"):
                wait_for_ways(host, {WEB: OWN_ADDRESS, other: OWN_ADDRESS})
                with program(camera, "claim", camera.mac, other, "0.1", "0"):
                    daemon.wait_for(f"disconnect container 'other' on Docker network 'pub_net': {camera.mac}")
                wait_for_ways(host, {WEB: OWN_ADDRESS})
                wait_for_warnings(host)
    assert [line for line in lines(daemon) if "disconnect" in line and "'web'" in line] == []
    assert [line for line in lines(daemon) if "as well" in line and other not in line] == []


def test_what_the_lan_has_in_use_is_never_handed_out(host: Host, serve: Serving, camera: Station) -> None:
    daemon = serve()
    first, later = "192.168.1.193", "192.168.1.194"  # those that Docker would hand out first
    with having(camera, first):
        host.drop("pub_net.toml", declare(BORROWED, extra="avoid_used = true"))
        wait_for_state(daemon, host, "pub_net", "ready")
        (pool,) = inspect(host, "pub_net")["IPAM"]["Config"]
        assert first in pool["AuxiliaryAddresses"].values()
        with having(camera, later):
            told = f"the LAN has in use what Docker may give to a container: {later} ({camera.mac}); "
            wait_for_warnings(host, f"{told}write it into `reserved`")
        host.docker("run", "--detach", "--name", "web", "--network", "pub_net", "lab", "sleep", "1000000")
        (web,) = wait_until(lambda: (it := network_status(host, "pub_net")) and it.attachments) or ()
        assert first not in web.addresses
    daemon.signal(SIGHUP)
    wait_for_warnings(host, seconds=20)
    host.docker("rm", "--force", "web")
    camera.ip("address", "add", "192.168.1.196/24", "dev", camera.nic)  # and says nothing
    try:
        host.docker("network", "rm", "pub_net")
        wait_until(lambda: networks(host).keys() == {"pub_net"})
        (pool,) = inspect(host, "pub_net")["IPAM"]["Config"]
        assert "192.168.1.196" in pool["AuxiliaryAddresses"].values(), "the range is asked for anew"
    finally:
        camera.ip("address", "delete", "192.168.1.196/24", "dev", camera.nic)
