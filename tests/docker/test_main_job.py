"""The main job, end to end: what is in /etc/macvlan.d is what a host with a real Docker has."""

import os
from collections.abc import Iterator

import pytest

from macvland.model import shim_mac
from tests.lab import LEAN, Host, wait_until
from tests.scene import (
    BORROWED,
    OWN,
    STARTED,
    Serving,
    add_nic,
    add_strangers,
    declare,
    foreign,
    inspect,
    ipv4_addresses,
    lines,
    lines_up_to,
    namespace_of,
    network_status,
    networks,
    shims,
    unbroken_ping,
    wait_for_lines,
    wait_for_state,
    wait_for_ways,
    ways,
)

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

HOST = "192.168.1.50"
DOCKERD = (*LEAN, "--live-restore")  # its containers outlive it


@pytest.fixture
def unchanged(host: Host) -> Iterator[None]:
    """Strangers on the host, which must be there and the same when the test is over."""
    add_strangers(host)
    before = foreign(host)
    yield
    assert foreign(host) == before


def answers(host: Host) -> str:
    return f"macvland: Docker {host.docker('version', '--format', '{{.Server.Version}}').strip()} answers"


# A file


@pytest.mark.parametrize(
    ("shim", "meets", "spared"),
    [(BORROWED, HOST, [HOST]), (OWN, "192.168.1.223", [HOST, "192.168.1.223"])],
    ids=["borrowed address", "own address"],
)
def test_a_dropped_file_becomes_a_network_and_a_shim(
    host: Host, serve: Serving, shim: str, meets: str, spared: list[str]
) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(shim, extra='labels = { team = "press" }'))
    wait_for_state(daemon, host, "pub_net", "ready")

    made = inspect(host, "pub_net")
    spec = made["Labels"].pop("io.macvland.spec")
    assert spec.startswith("1:")
    assert (made["Driver"], made["Options"], made["Internal"]) == (
        "macvlan",
        {"parent": "eth0", "macvlan_mode": "bridge"},
        False,
    )
    assert made["Labels"] == {"io.macvland.managed": "true", "team": "press"}
    assert made["IPAM"]["Config"] == [
        {
            "Subnet": "192.168.1.0/24",
            "IPRange": "192.168.1.192/27",
            "Gateway": "192.168.1.1",
            "AuxiliaryAddresses": {f"macvland.spared.{address}": address for address in spared},
        }
    ]
    (link,) = host.ip_json("-details", "link", "show", "dev", "mv-pub_net")
    assert (link["link"], link["linkinfo"]["info_data"]["mode"], link["group"]) == ("eth0", "bridge", "28022")
    assert (link["address"], link["ifalias"]) == (shim_mac(host.machine_id, "pub_net"), "macvland: pub_net")
    assert ipv4_addresses(host, "mv-pub_net") == ([] if meets == HOST else [meets])

    web = host.container("web", "pub_net", ip="192.168.1.51")
    mac = web.mac()
    wait_for_ways(host, {"192.168.1.51": meets}, {"192.168.1.51": mac})
    host.ping("192.168.1.51")
    for address in {HOST, meets}:
        web.run("ping", "-c", "1", "-W", "2", address)

    own_address = [
        f"macvland: pub_net: checking: asks the LAN whether {meets}, its shim's address, is free",
        f"macvland: pub_net: add address {meets} on shim 'mv-pub_net'",
    ]
    wait_for_lines(
        daemon,
        STARTED,
        answers(host),
        "macvland: pub_net: add shim 'mv-pub_net' on 'eth0'",
        "macvland: pub_net: add Docker network 'pub_net' on 'eth0' with 192.168.1.0/24",
        *([] if meets == HOST else own_address),
        "macvland: pub_net: ready",
        f"macvland: pub_net: add neighbour 192.168.1.51 at {mac} on shim 'mv-pub_net'",
        f"macvland: pub_net: add route to 192.168.1.51 over shim 'mv-pub_net' from {meets}",
    )


def test_a_shim_comes_and_goes_with_its_table_and_the_network_stays(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    before = networks(host)
    host.drop("pub_net.toml", declare())
    wait_until(lambda: not shims(host))
    host.drop("pub_net.toml", declare(BORROWED))
    wait_until(lambda: shims(host) == ["mv-pub_net"])
    assert networks(host) == before


def test_an_address_in_a_file_that_changes_moves_the_shim_in_place(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": "192.168.1.223"})
    (link,) = host.ip_json("link", "show", "dev", "mv-pub_net")
    for shim, meets in (
        (OWN.replace("223", "222"), "192.168.1.222"),
        (BORROWED, HOST),
        (OWN, "192.168.1.223"),
    ):
        host.drop("pub_net.toml", declare(shim))
        wait_for_ways(host, {"192.168.1.51": meets})
        web.run("ping", "-c", "1", "-W", "2", meets)
    assert host.ip_json("link", "show", "dev", "mv-pub_net")[0]["ifindex"] == link["ifindex"]


def test_several_networks_on_several_parents_serve_at_once(host: Host, serve: Serving) -> None:
    lans = {"eth0": "192.168.1", "eth1": "10.1.1", "eth2": "10.2.2"}
    add_nic(host, "eth1", "10.1.1.50/24")
    add_nic(host, "eth2", "10.2.2.50/24")
    daemon = serve()
    for parent, lan in lans.items():
        host.drop(f"net-{parent}.toml", declare(BORROWED, parent=parent, lan=lan))
    for parent in lans:
        wait_for_state(daemon, host, f"net-{parent}", "ready")
    for parent, lan in lans.items():
        inside = host.container(f"on-{parent}", f"net-{parent}", ip=f"{lan}.51")
        wait_for_ways(host, {f"{lan}.51": f"{lan}.50"}, shim=f"mv-net-{parent}")
        host.ping(f"{lan}.51")
        inside.run("ping", "-c", "1", "-W", "2", f"{lan}.50")
    assert shims(host) == ["mv-net-eth0", "mv-net-eth1", "mv-net-eth2"]


def test_two_networks_on_one_parent_are_a_failure_of_the_second_where_docker_allows_one(
    host: Host, serve: Serving
) -> None:
    daemon = serve()
    host.drop("a.toml", declare(BORROWED))
    wait_for_state(daemon, host, "a", "ready")
    host.drop("b.toml", declare(BORROWED, lan="10.3.3"))
    failed = wait_for_state(daemon, host, "b", "failed")
    assert "allows one macvlan network per parent (27 allows several); network 'a' has it" in failed.reasons[0]
    assert network_status(host, "a") == wait_for_state(daemon, host, "a", "ready")


# A file that changes


def test_a_network_is_replaced_by_an_edit_and_its_container_comes_along(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    before = inspect(host, "pub_net")["Id"]
    logged = lines_up_to(daemon, "add route to 192.168.1.51")
    host.drop("pub_net.toml", declare(BORROWED, gateway="2"))
    change = "gateway of 192.168.1.0/24 192.168.1.1 -> 192.168.1.2"
    lines_up_to(daemon, f"replace Docker network 'pub_net': {change}; reconnect 'web'")
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {"192.168.1.51": HOST})
    made = inspect(host, "pub_net")
    assert (made["IPAM"]["Config"][0]["Gateway"], made["Id"] == before) == ("192.168.1.2", False)
    host.ping("192.168.1.51")
    assert "default via 192.168.1.2" in web.run("ip", "route")
    assert not [line for line in lines(daemon, logged) if "error" in line]
    assert list(host.path("/var/lib/macvland/replace").iterdir()) == []


@pytest.mark.fault("B32")
def test_a_network_that_is_to_wait_for_its_last_container_does(host: Host, serve: Serving) -> None:
    daemon = serve()
    patient = 'replace = "when-unused"'
    host.drop("pub_net.toml", declare(BORROWED, extra=patient))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    before = inspect(host, "pub_net")
    logged = lines_up_to(daemon, "add route to 192.168.1.51")
    with unbroken_ping(host, "192.168.1.51"):
        host.drop("pub_net.toml", declare(BORROWED, gateway="2", extra=patient))
        found = wait_for_state(daemon, host, "pub_net", "waiting")
        assert inspect(host, "pub_net") == before
    (reason,) = found.reasons
    assert reason == (
        "is to be replaced (gateway of 192.168.1.0/24 is 192.168.1.1, the file says 192.168.1.2) once 'web' leaves it"
    )
    wait_for_lines(daemon, f"macvland: warning: pub_net: waiting: {reason}", after=logged)
    host.docker("rm", "--force", "web")
    wait_for_state(daemon, host, "pub_net", "ready")
    assert inspect(host, "pub_net")["IPAM"]["Config"][0]["Gateway"] == "192.168.1.2"


@pytest.mark.fault("B32")
def test_a_file_that_has_no_place_for_a_container_changes_nothing(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    before = inspect(host, "pub_net")
    with unbroken_ping(host, "192.168.1.51"):
        host.drop("pub_net.toml", declare(BORROWED, extra="", gateway="51"))
        found = wait_for_state(daemon, host, "pub_net", "conflict")
        assert inspect(host, "pub_net") == before
    assert "'web' has the fixed address 192.168.1.51, which the file gives away" in found.reasons[0]


# A file that goes


@pytest.mark.usefixtures("unchanged")
def test_an_unused_network_goes_with_its_file(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    logged = lines_up_to(daemon, "pub_net: ready")
    host.remove("pub_net.toml")
    wait_for_state(daemon, host, "pub_net", "gone")
    assert (networks(host), shims(host)) == ({}, [])
    wait_for_lines(
        daemon,
        "macvland: pub_net: leaving: its file is gone; it stays until that is certain",
        "macvland: pub_net: delete shim 'mv-pub_net' on 'eth0'",
        "macvland: pub_net: delete Docker network 'pub_net' on 'eth0' with 192.168.1.0/24",
        "macvland: pub_net: gone",
        after=logged,
    )


@pytest.mark.usefixtures("unchanged")
def test_a_network_in_use_stays_until_its_last_container_leaves(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    one = host.container("one", "pub_net", ip="192.168.1.51")
    two = host.container("two", "pub_net", ip="192.168.1.52")
    wait_until(lambda: len(ways(host)[0]) == 2)
    before = networks(host)
    logged = lines_up_to(daemon, "add route to 192.168.1.52")

    host.remove("pub_net.toml")
    wait_until(lambda: not shims(host))
    wait_for_state(daemon, host, "pub_net", "leaving")
    assert networks(host) == before
    one.run("ping", "-c", "1", "-W", "2", "192.168.1.52")
    one.remove()
    wait_until(lambda: "'two' leaves" in daemon.read_log())
    two.stop()  # a stopped container would find its network gone when it starts
    two.start()
    assert networks(host) == before
    two.remove()
    wait_for_state(daemon, host, "pub_net", "gone")
    assert networks(host) == {}
    wait_for_lines(
        daemon,
        "macvland: pub_net: leaving: its file is gone; it stays until that is certain",
        "macvland: pub_net: delete shim 'mv-pub_net' on 'eth0'",
        "macvland: pub_net: leaving: its file is gone; it goes when 'one', 'two' leave it",
        "macvland: pub_net: leaving: its file is gone; it goes when 'two' leaves it",
        "macvland: pub_net: delete Docker network 'pub_net' on 'eth0' with 192.168.1.0/24",
        "macvland: pub_net: gone",
        after=logged,
    )


def test_a_file_that_comes_back_cancels_the_leaving(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip="192.168.1.51")
    before = networks(host)
    host.remove("pub_net.toml")
    wait_until(lambda: not shims(host))
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.ping("192.168.1.51")
    web.remove()
    wait_for_ways(host, {})
    assert (networks(host), shims(host)) == (before, ["mv-pub_net"])


@pytest.mark.fault("B29")
def test_docker_network_rm_behind_our_back_is_undone(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    before = networks(host)
    host.docker("network", "rm", "pub_net")
    wait_until(lambda: networks(host).keys() == {"pub_net"} and networks(host) != before)
    host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    host.ping("192.168.1.51")
    assert daemon.read_log().count("add Docker network") == 2


# Containers that come and go


def test_route_and_neighbour_follow_a_container(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    first = host.container("first", "pub_net")
    wait_for_ways(host, {"192.168.1.192": HOST}, {"192.168.1.192": first.mac()})
    first.stop()
    wait_for_ways(host, {})
    second = host.container("second", "pub_net")  # it takes the address, so that the first gets another one
    wait_for_ways(host, {"192.168.1.192": HOST}, {"192.168.1.192": second.mac()})
    first.start()
    sources = {"192.168.1.192": HOST, "192.168.1.193": HOST}
    wait_for_ways(host, sources, {"192.168.1.192": second.mac(), "192.168.1.193": first.mac()})
    for address in sources:
        host.ping(address)
    host.docker("restart", "second")
    wait_for_ways(host, sources, {"192.168.1.192": second.mac(), "192.168.1.193": first.mac()})
    host.docker("network", "disconnect", "pub_net", "first")
    wait_for_ways(host, {"192.168.1.192": HOST})
    host.docker("network", "connect", "--ip", "192.168.1.60", "pub_net", "first")
    wait_for_ways(host, {"192.168.1.192": HOST, "192.168.1.60": HOST})
    host.ping("192.168.1.60")


def test_a_container_that_is_back_with_another_mac_is_reached(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    for mac in ("02:00:00:00:00:01", "02:00:00:00:00:02"):
        settings = ("--network", "pub_net", "--ip", "192.168.1.51", "--mac-address", mac)
        host.docker("run", "--detach", "--name", "web", *settings, "lab", "sleep", "1000000")
        wait_for_ways(host, {"192.168.1.51": HOST}, {"192.168.1.51": mac})
        host.ping("192.168.1.51")
        host.docker("rm", "--force", "web")


# What ends, and returns


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("end", ["kill", "stop"])
@pytest.mark.fault("B18", "B26")
def test_docker_that_ends_and_returns_costs_no_packet(host: Host, serve: Serving, end: str) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    before = (networks(host), ways(host))
    logged = lines_up_to(daemon, "add route to 192.168.1.51")
    inside = namespace_of(host, "web")
    with unbroken_ping(host, "192.168.1.51"), unbroken_ping(host, HOST, within=inside):
        getattr(host.engine, end)()
        waiting = wait_for_state(daemon, host, "pub_net", "waiting")
        host.drop("second.toml", declare(BORROWED, lan="10.9.9", parent="mv-bridge"))  # it waits for Docker as well
        wait_until(lambda: "mv-second" in shims(host))
        host.engine.start()
        wait_for_state(daemon, host, "pub_net", "ready", 20)
        wait_for_state(daemon, host, "second", "waiting")
    assert (networks(host)["pub_net"], ways(host)) == (before[0]["pub_net"], before[1])
    assert "second" in networks(host)
    (reason,) = waiting.reasons
    told = [line for line in lines(daemon, logged) if "second" not in line]
    assert told[:2] == [
        f"macvland: warning: no Docker: {reason}; shims are kept meanwhile",
        f"macvland: warning: pub_net: waiting: {reason}",
    ]
    assert told[-2:] == [answers(host), "macvland: pub_net: ready"]
    assert "delete" not in daemon.read_log()


@pytest.mark.fault("B18")
def test_what_happened_while_docker_was_away_is_caught_up(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    web = host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    pid = int(host.docker("inspect", "--format", "{{.State.Pid}}", "web"))
    host.engine.kill()
    wait_for_state(daemon, host, "pub_net", "waiting")
    os.kill(pid, 9)
    host.engine.start()
    wait_for_ways(host, {}, seconds=20)
    web.start()
    wait_for_ways(host, {"192.168.1.51": HOST})


@pytest.mark.usefixtures("unchanged")
def test_a_daemon_killed_and_started_again_changes_nothing(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(OWN))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": "192.168.1.223"})
    before = (networks(host), ways(host), host.ip_json("link", "show", "dev", "mv-pub_net"))
    with unbroken_ping(host, "192.168.1.51"), unbroken_ping(host, HOST, within=namespace_of(host, "web")):
        daemon.kill()
        again = serve()
        wait_for_state(again, host, "pub_net", "ready")
        assert (networks(host), ways(host), host.ip_json("link", "show", "dev", "mv-pub_net")) == before
    wait_for_lines(again, STARTED, answers(host), "macvland: pub_net: ready")


@pytest.mark.usefixtures("unchanged")
def test_what_happened_while_the_daemon_was_dead_is_caught_up(host: Host, serve: Serving) -> None:
    daemon = serve()
    for name, lan, parent in (("pub_net", "192.168.1", "eth0"), ("second", "10.9.9", "mv-bridge")):
        host.drop(f"{name}.toml", declare(OWN.replace("192.168.1", lan), parent=parent, lan=lan))
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_until(lambda: "second" in networks(host))
    stays = host.container("stays", "pub_net", ip="192.168.1.51")
    goes = host.container("goes", "pub_net", ip="192.168.1.52")
    wait_until(lambda: len(ways(host)[0]) == 2)
    daemon.kill()
    goes.stop()
    comes = host.container("comes", "pub_net", ip="192.168.1.53")
    host.remove("second.toml")
    host.ip("route", "delete", "192.168.1.51/32", "dev", "mv-pub_net")
    host.ip("neigh", "delete", "192.168.1.51", "dev", "mv-pub_net")
    host.ip("address", "delete", "192.168.1.223/32", "dev", "mv-pub_net")
    host.ip("link", "set", "mv-pub_net", "down")

    again = serve()
    wait_for_state(again, host, "second", "gone")
    wait_for_state(again, host, "pub_net", "ready")
    meets = "192.168.1.223"
    macs = {"192.168.1.51": stays.mac(), "192.168.1.53": comes.mac()}
    assert ways(host) == ({"192.168.1.51": meets, "192.168.1.53": meets}, macs)
    assert (list(networks(host)), shims(host)) == (["pub_net"], ["mv-pub_net"])
    host.ping("192.168.1.51")
    comes.run("ping", "-c", "1", "-W", "2", meets)


def test_a_daemon_that_is_stopped_leaves_everything_in_place(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.container("web", "pub_net", ip="192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})
    with unbroken_ping(host, "192.168.1.51"):
        assert daemon.stop() == 0
        assert (list(networks(host)), shims(host)) == (["pub_net"], ["mv-pub_net"])
    assert lines(daemon)[-1] == "macvland: stopped; networks and shims stay"


# The host's own address


def test_a_borrowed_address_follows_the_parent(host: Host, serve: Serving) -> None:
    add_nic(host, "eth1", "10.1.1.50/24")
    daemon = serve()
    host.drop("lab.toml", declare(BORROWED, parent="eth1", lan="10.1.1"))
    wait_for_state(daemon, host, "lab", "ready")
    web = host.container("web", "lab", ip="10.1.1.51")
    wait_for_ways(host, {"10.1.1.51": "10.1.1.50"}, shim="mv-lab")

    host.ip("address", "add", "10.1.1.77/24", "dev", "eth1")  # as a DHCP client does on a new lease
    host.ip("address", "delete", "10.1.1.50/24", "dev", "eth1")
    host.ip("address", "replace", "10.1.1.77/24", "dev", "eth1")
    wait_for_ways(host, {"10.1.1.51": "10.1.1.77"}, shim="mv-lab")
    host.ping("10.1.1.51")
    web.run("ping", "-c", "1", "-W", "2", "10.1.1.77")

    host.ip("address", "delete", "10.1.1.77/24", "dev", "eth1")
    found = wait_for_state(daemon, host, "lab", "waiting")
    assert found.reasons == (
        "its shim has no address to use in 10.1.1.0/24: 'eth1' has none there; give it one, or set [shim] address",
    )
    host.ip("address", "add", "10.1.1.78/24", "dev", "eth1")
    wait_for_state(daemon, host, "lab", "ready")
    host.ping("10.1.1.51")
