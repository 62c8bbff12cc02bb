"""A network is exchanged for another: what a container was configured with comes along, nothing that Docker made up."""

import json
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Add
from macvland.engine import Docker
from macvland.engine.endpoint import MAC_LOST_FROM, endpoint_of, losses
from macvland.engine.intent import Intents
from macvland.model import Engine, Host, Replacing
from tests.docker import proxy as faults
from tests.docker.exchange import IPV6, MAC, NEW, OLD, act, loop, networks, on_it, refuse, replacement, run, state
from tests.docker.proxy import Proxy
from tests.docker.samples import LAN
from tests.lab import CommandError
from tests.lab import Host as LabHost

pytestmark = [pytest.mark.engine, pytest.mark.libraries]


def settings(client: Any, container: str) -> dict[str, Any]:
    """Return what *container* is configured with on the network, as Docker shows it, and the network it is on."""
    report = client.inspect_container(container)
    shown = report["NetworkSettings"]["Networks"]["plain"]
    aliases = sorted(set(shown.get("Aliases") or []) - {report["Id"][:12]})
    kept = {key: shown.get(key) or None for key in ("IPAMConfig", "Links", "DriverOpts")}
    return kept | {"Aliases": aliases, "MacAddress": report["Config"].get("MacAddress")}


def test_what_a_container_was_configured_with_comes_along(
    docker: Docker, shared_docker_host: LabHost, client: Any
) -> None:
    host = shared_docker_host
    run(host, "dynamic")
    run(host, "fixed", "--ip", "192.168.1.51", "--ip6", "2001:db8::51")
    run(host, "named", "--network-alias", "db", "--network-alias", "licences", "--link", "dynamic:other")
    run(host, "local", "--link-local-ip", "169.254.8.8")
    run(host, "paused")
    host.docker("pause", "paused")
    run(host, "stopped", "--ip", "192.168.1.52")
    host.docker("stop", "stopped")
    run(host, "created", "--ip", "192.168.1.53", verb="create")
    names = ("dynamic", "fixed", "named", "local", "paused", "stopped", "created")
    before = {name: (settings(client, name), state(client, name)) for name in names}
    assert act(docker) == ()
    assert networks(client) == [("plain", "private")]
    assert {name: (settings(client, name), state(client, name)) for name in names} == before
    for name in ("stopped", "created"):
        host.docker("start", name)
    found = {one.container: one.addresses for one in docker.observe(Host()).attachments}
    assert found.keys() == set(names)
    assert {ip_address("192.168.1.51"), ip_address("2001:db8::51")} == found["fixed"]
    assert ip_address("192.168.1.52") in found["stopped"]
    assert ip_address("192.168.1.53") in found["created"]


def test_a_container_keeps_its_other_networks(docker: Docker, shared_docker_host: LabHost, client: Any) -> None:
    host = shared_docker_host
    host.ip("link", "add", "spare", "type", "veth", "peer", "spare-lan")
    host.docker("network", "create", "--driver", "macvlan", "--opt", "parent=spare", "--subnet", "10.8.0.0/24", "other")
    run(host, "both")
    host.docker("network", "connect", "--ip", "10.8.0.9", "other", "both")
    assert act(docker) == ()
    shown = client.inspect_container("both")["NetworkSettings"]["Networks"]
    assert {name: one["IPAddress"] for name, one in shown.items()} == {"plain": "192.168.1.2", "other": "10.8.0.9"}
    host.docker("rm", "--force", "both")
    host.docker("network", "rm", "other")
    host.ip("link", "delete", "spare")


def test_a_fixed_address_is_given_before_docker_hands_out_any(
    docker: Docker, shared_docker_host: LabHost, client: Any
) -> None:
    run(shared_docker_host, "a-dynamic", "--ip", "192.168.1.9")
    client.disconnect_container_from_network("a-dynamic", "plain")
    run(shared_docker_host, "z-fixed", "--ip", "192.168.1.2")
    client.connect_container_to_network("a-dynamic", "plain")
    assert act(docker) == ()
    assert settings(client, "z-fixed")["IPAMConfig"] == {"IPv4Address": "192.168.1.2"}
    assert len(docker.observe(Host()).attachments) == 2


def test_a_pinned_mac_is_kept_or_the_network_is(docker: Docker, shared_docker_host: LabHost, client: Any) -> None:
    run(shared_docker_host, "pinned", "--mac-address", MAC)
    failures = act(docker)
    engine = docker.observe(Host()).engine
    assert engine
    if engine.api < MAC_LOST_FROM:
        assert failures == ()
        assert networks(client) == [("plain", "private")]
    else:
        (failure,) = failures
        assert (f"'pinned' would lose its MAC {MAC}" in failure.reason, failure.passing) == (True, False)
        assert docker.rehearse([failure.action]) == failures
        assert networks(client) == [("plain", "bridge")]
    (pinned,) = docker.observe(Host()).attachments
    assert pinned.mac == MAC
    always = replace(NEW, replacing=Replacing.ALWAYS, spec="1:always")
    assert act(docker, always) == ()
    assert [one.container for one in docker.observe(Host()).attachments] == ["pinned"]


def test_a_container_that_knows_the_network_by_its_id_is_kept_on_it(
    docker: Docker, shared_docker_host: LabHost, client: Any
) -> None:
    """From Docker 25 on it could not be connected again."""
    (seen,) = docker.observe(Host()).networks
    shared_docker_host.docker("run", "--detach", "--name", "by-id", "--network", seen.id, "lab", "sleep", "1000")
    failures = act(docker)
    assert [failure.passing for failure in failures] == ([False] if failures else [])
    mode = "bridge" if failures else "private"
    assert networks(client) == [("plain", mode)]
    assert [one.container for one in docker.observe(Host()).attachments] == ["by-id"]
    assert "by-id" in "".join(failure.reason for failure in failures) or not failures


def test_a_network_that_docker_refuses_leaves_the_old_one_with_all_containers(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost, client: Any
) -> None:
    run(shared_docker_host, "one", "--ip", "192.168.1.51")
    run(shared_docker_host, "two")
    before = (settings(client, "one"), settings(client, "two"))
    proxy.faults["POST /networks/create"] = refuse(b"private")
    (failure,) = act(docker)
    assert failure.reason == "Docker answered 500: not today; the old network is back, with its containers"
    assert networks(client) == [("plain", "bridge")]
    assert (settings(client, "one"), settings(client, "two")) == before
    assert {one.container for one in docker.observe(Host()).attachments if one.addresses} == {"one", "two"}


def test_a_container_that_docker_would_not_connect_brings_the_old_network_back(
    docker: Docker, shared_docker_host: LabHost, client: Any
) -> None:
    """Its address has a place in the new network, and is the gateway's by then."""
    run(shared_docker_host, "one", "--ip", "192.168.1.51")
    run(shared_docker_host, "two")
    taken = replace(LAN, gateway=ip_address("192.168.1.51"))
    (failure,) = act(docker, replace(NEW, subnets=frozenset({taken, IPV6})))
    assert "the old network is back" in failure.reason
    assert networks(client) == [("plain", "bridge")]
    assert settings(client, "one")["IPAMConfig"] == {"IPv4Address": "192.168.1.51"}
    assert {one.container for one in docker.observe(Host()).attachments if one.addresses} == {"one", "two"}


def test_a_container_that_could_not_be_removed_is_in_nobodys_way(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost, client: Any
) -> None:
    for name in ("corpse", "one"):
        run(shared_docker_host, name)
    corpse = client.inspect_container("corpse")["Id"]
    client.kill("corpse")  # Docker lists it as being on the network, whatever else there is of it
    dead = faults.change(lambda answer: answer.replace(b'"Dead":false', b'"Dead":true '))
    proxy.faults[f"GET /containers/{corpse}/json"] = dead
    proxy.faults["POST /networks/*/disconnect"] = refuse(corpse.encode())
    assert act(docker) == ()
    assert (networks(client), on_it(docker)) == ([("plain", "private")], {"one"})


def test_a_network_is_not_replaced_while_a_container_waits_for_its_restart(
    docker: Docker, shared_docker_host: LabHost, client: Any
) -> None:
    host = shared_docker_host
    run(host, "one")
    loop(host, client)
    before = client.inspect_network("plain")
    (failure,) = act(docker)
    assert failure.passing
    assert "'looper' is about to be restarted" in failure.reason
    assert client.inspect_network("plain") == before
    client.stop("looper", timeout=0)
    assert act(docker) == ()
    assert (networks(client), on_it(docker)) == ([("plain", "private")], {"one"})


def test_a_disk_that_takes_nothing_leaves_everything_as_it_is(proxy: Proxy, client: Any) -> None:
    """Not even root may write there."""
    docker = Docker(str(proxy), Intents(Path("/proc/macvland/replace")))
    docker.apply([Add(OLD)])
    before = [str(request) for request in proxy.requests if request.method != "GET"]
    (failure,) = act(docker)
    assert failure.reason.endswith("without it nothing is begun")
    assert [str(request) for request in proxy.requests if request.method != "GET"] == before
    assert networks(client) == [("plain", "bridge")]


def test_docker_puts_no_swarm_service_on_a_network_of_one_host(docker: Docker, shared_docker_host: LabHost) -> None:
    """So a replacement never meets a task; a swarm's own macvlan networks have another scope, and are not ours."""
    host = shared_docker_host
    assert docker.observe(Host()).networks
    host.docker("swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:23777")
    try:
        with pytest.raises(CommandError, match="network"):
            host.docker("service", "create", "--detach", "--network", "plain", "lab", "sleep", "1000")
        host.docker("network", "create", "--driver", "macvlan", "--config-only", "--subnet", "10.66.0.0/24", "parts")
        host.docker("network", "create", "--driver", "macvlan", "--scope", "swarm", "--config-from", "parts", "swarmed")
        assert {(one.name, one.spec) for one in docker.observe(Host()).networks} == {
            ("plain", OLD.spec),
            ("swarmed", ""),
        }
        host.docker("network", "rm", "swarmed", "parts")
    finally:
        host.docker("swarm", "leave", "--force")


def test_a_network_that_is_not_ours_is_never_replaced(docker: Docker, shared_docker_host: LabHost, client: Any) -> None:
    action = replacement(docker)
    client.remove_network("plain")
    shared_docker_host.docker("network", "create", "--driver", "macvlan", "--opt", "parent=eth0", "plain")
    (theirs,) = docker.observe(Host()).networks
    (failure,) = docker.apply([replace(action, seen=theirs)])
    assert failure.reason == "it does not carry macvland's label: never replaced"


REPORT = {
    "Id": "0123456789abcdef",
    "Name": "/web",
    "Config": {"MacAddress": MAC},
    "HostConfig": {"NetworkMode": "plain"},
    "NetworkSettings": {
        "Networks": {
            "plain": {
                "NetworkID": "abc",
                "IPAMConfig": {"IPv4Address": "192.168.1.51"},
                "Links": None,
                "Aliases": ["db", "0123456789ab"],
                "DriverOpts": {"com.docker.network.endpoint.ifname": "lan0"},
                "GwPriority": 7,
                "MacAddress": "02:42:c0:a8:01:33",
                "IPAddress": "192.168.1.51",
                "DNSNames": ["web"],
            }
        }
    },
}
KEPT = {
    "IPAMConfig": {"IPv4Address": "192.168.1.51"},
    "Aliases": ["db"],
    "DriverOpts": {"com.docker.network.endpoint.ifname": "lan0"},
    "GwPriority": 7,
}
ENGINES = {
    "20.10": ((1, 41), KEPT, 0),
    "26.1": ((1, 45), KEPT, 1),
    "29.2": ((1, 53), KEPT, 1),
    "29.3": ((1, 54), KEPT | {"MacAddress": MAC}, 0),
}


@pytest.mark.parametrize(("api", "kept", "lost"), ENGINES.values(), ids=ENGINES)
def test_what_each_engine_can_carry(api: tuple[int, int], kept: dict[str, Any], lost: int) -> None:
    engine = Engine(version="", api=api)
    endpoint = endpoint_of(json.loads(json.dumps(REPORT)), "plain", engine)
    assert endpoint
    assert endpoint.settings == kept
    assert len(list(losses(REPORT, "plain", engine, Replacing.WHEN_LOSSLESS))) == lost
    assert list(losses(REPORT, "plain", engine, Replacing.ALWAYS)) == []
