"""Two hosts on one LAN, each with a Docker of its own, that share one set of files."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from tests.lab import Host, Lab, wait_until
from tests.scene import (
    BORROWED,
    OWN,
    Serving,
    declare,
    inspect,
    ipv4_addresses,
    network_status,
    networks,
    shims,
    status,
    tidy,
    wait_for_state,
    wait_for_ways,
)

RANGES = {"node1": "192.168.1.128/28", "node2": "192.168.1.144/28"}
ADDRESSES = {"node1": "192.168.1.126", "node2": "192.168.1.127"}
TABLES = "".join(f'[host.{name}]\nrange = "{RANGES[name]}"\naddress = "{ADDRESSES[name]}"\n\n' for name in RANGES)
PUB_NET = f'[match]\nhost = ["node1", "node2"]\n\n{declare(BORROWED)}\n{TABLES}'


@pytest.fixture(scope="module")
def nodes(shared_lab: Lab) -> tuple[Host, ...]:
    made = tuple(shared_lab.host(name, f"192.168.1.{last}/24") for name, last in (("node1", 61), ("node2", 62)))
    for node in made:
        node.dockerd()
    return made


@pytest.fixture
def serving(nodes: tuple[Host, ...]) -> Iterator[tuple[Serving, ...]]:
    """Starts daemons on the two, and leaves nothing on them."""
    each = tuple(Serving(node) for node in nodes)
    yield each
    for one in each:
        one.stop()
        tidy(one.host)
        one.host.rename(one.host.name)


def told_elsewhere(host: Host) -> bool:
    last = status(host)
    return bool(last and last.elsewhere == ("pub_net",))


def test_two_hosts_that_share_a_file_hand_out_addresses_of_their_own_and_reach_each_other(
    nodes: tuple[Host, ...], serving: tuple[Serving, ...], tmp_path: Path
) -> None:
    (tmp_path / "pub_net.toml").write_text(PUB_NET)
    proof = nodes[0].ctl("check", "--fleet", str(tmp_path))
    assert (proof.returncode, proof.stderr) == (0, "")
    webs = {}
    for node, serve in zip(nodes, serving, strict=True):
        daemon = serve()
        node.drop("pub_net.toml", PUB_NET)
        wait_for_state(daemon, node, "pub_net", "ready")
        node.container("web", "pub_net")
        webs[node.name] = inspect_address(node)
        wait_for_ways(node, {webs[node.name]: ADDRESSES[node.name]})
    assert [ip_address(webs[name]) in ip_network(RANGES[name]) for name in RANGES] == [True, True]
    for node, other in (nodes, nodes[::-1]):
        inside = ("docker", "exec", "web", "ping", "-c", "1", "-W", "2")
        node.docker(*inside[1:], webs[other.name])
        node.docker(*inside[1:], other.address)
        node.docker(*inside[1:], ADDRESSES[node.name])
        node.ping(webs[other.name])
        assert node.ctl("arp", "--probe").returncode == 0, "nobody has two MACs"


def test_of_two_hosts_that_are_about_to_take_one_address_one_gets_it(
    nodes: tuple[Host, ...], serving: tuple[Serving, ...]
) -> None:
    for serve in serving:
        serve()
    for node in nodes:
        node.drop("pub_net.toml", declare(OWN))
    wait_until(lambda: sorted(states(nodes)) == ["failed", "ready"], 60)
    (loser,) = (node for node, state in zip(nodes, states(nodes), strict=True) if state == "failed")
    (winner,) = (node for node in nodes if node is not loser)
    found = network_status(loser, "pub_net")
    assert found
    assert winner.mac in found.reasons[0]
    assert ipv4_addresses(loser, "mv-pub_net") == []


def states(nodes: tuple[Host, ...]) -> list[str]:
    return [str(found.state) if (found := network_status(node, "pub_net")) else "" for node in nodes]


def inspect_address(host: Host) -> str:
    """Return the address that the container 'web' got."""
    said = host.docker("inspect", "--format", "{{.NetworkSettings.Networks.pub_net.IPAddress}}", "web")
    return said.strip()


def test_a_file_that_is_not_for_a_host_any_more_leaves_it_as_one_that_was_removed(
    nodes: tuple[Host, ...], serving: tuple[Serving, ...]
) -> None:
    node, serve = nodes[0], serving[0]
    daemon = serve()
    node.drop("pub_net.toml", PUB_NET)
    wait_for_state(daemon, node, "pub_net", "ready")
    web = node.container("web", "pub_net")
    node.drop("pub_net.toml", PUB_NET.replace('"node1", "node2"', '"node2"').partition("[host.")[0])
    daemon.wait_for("leaving: its file is not for this host; it goes when 'web' leaves it")
    assert shims(node) == []
    web.remove()
    wait_for_state(daemon, node, "pub_net", "gone")
    assert networks(node) == {}
    told = "the file of 'pub_net' is not for this host; 'macvlanctl check' says what this host is called\n"
    assert node.ctl("status", "pub_net").stderr == f"macvlanctl: {told}"
    assert node.ctl("doctor", "pub_net").stderr == f"macvlanctl: {told}"
    assert node.ctl("wait", "--timeout", "0", "pub_net").stderr == told


def test_a_host_that_is_renamed_reads_its_files_anew(nodes: tuple[Host, ...], serving: tuple[Serving, ...]) -> None:
    node, serve = nodes[0], serving[0]
    daemon = serve()
    node.drop("pub_net.toml", PUB_NET)
    wait_for_state(daemon, node, "pub_net", "ready")
    node.rename("other")
    wait_for_state(daemon, node, "pub_net", "gone")
    assert told_elsewhere(node)
    assert "not for this host: pub_net" in node.ctl("status").stdout
    assert node.ctl("check").stdout == "not for 'other': pub_net\n0 network(s), no problems\n"
    node.rename("node2")
    wait_for_state(daemon, node, "pub_net", "ready")
    assert [pool["IPRange"] for pool in inspect(node, "pub_net")["IPAM"]["Config"]] == [RANGES["node2"]]
