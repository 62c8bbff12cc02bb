"""A network is exchanged for another: what a container was configured with comes along, nothing that Docker made up."""

import json
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Add, Failure, Finish, Reconnect, Replace
from macvland.engine import Docker
from macvland.engine.endpoint import MAC_KEPT_FROM, MAC_LOST_FROM, endpoint_of, losses
from macvland.engine.intent import Intent, Intents
from macvland.engine.refusal import RefusedError
from macvland.engine.translate import SPEC
from macvland.model import Engine, Host, Mode, Network, Replacing, Subnet, Unfinished
from tests.docker import proxy as faults
from tests.docker.proxy import Proxy, Request
from tests.docker.samples import LAN, PLAIN
from tests.lab import CommandError, wait_until
from tests.lab import Host as LabHost
from tests.scene import add_nic

IPV6 = Subnet(cidr=ip_network("2001:db8::/64"), gateway=ip_address("2001:db8::1"))
OLD = replace(PLAIN, subnets=frozenset({LAN, IPV6}))
NEW = replace(OLD, mode=Mode.PRIVATE, spec="1:new")
MAC = "02:00:00:00:00:99"


@pytest.fixture
def intents(tmp_path: Path) -> Intents:
    return Intents(tmp_path / "replace")


@pytest.fixture
def docker(proxy: Proxy, intents: Intents) -> Iterator[Docker]:
    """A Docker, through a proxy, that has the network OLD."""
    docker = Docker(str(proxy), intents)
    assert docker.apply([Add(OLD)]) == ()
    yield docker
    assert intents.begun() == frozenset()


def run(host: LabHost, name: str, *options: str, verb: str = "run") -> None:
    words = ("--detach",) if verb == "run" else ()
    common = ("--name", name, "--network", "plain", "--stop-signal", "SIGKILL")
    host.docker(verb, *words, *common, *options, "lab", "sleep", "1000")


def act(docker: Docker, network: Network = NEW) -> tuple[Failure, ...]:
    return docker.apply([replacement(docker, network)])


def replacement(docker: Docker, network: Network = NEW) -> Replace:
    (seen,) = (one for one in docker.observe(Host()).networks if one.name == "plain")
    return Replace(network, seen, ())


def settings(client: Any, container: str) -> dict[str, Any]:
    """Return what *container* is configured with on the network, as Docker shows it, and the network it is on."""
    report = client.inspect_container(container)
    shown = report["NetworkSettings"]["Networks"]["plain"]
    aliases = sorted(set(shown.get("Aliases") or []) - {report["Id"][:12]})
    kept = {key: shown.get(key) or None for key in ("IPAMConfig", "Links", "DriverOpts")}
    return kept | {"Aliases": aliases, "MacAddress": report["Config"].get("MacAddress")}


def state(client: Any, container: str) -> str:
    return str(client.inspect_container(container)["State"]["Status"])


def networks(client: Any) -> list[tuple[str, str]]:
    """Return name and mode of the macvlan networks."""
    listed = client.networks(filters={"driver": ["macvlan"]})
    return [(one["Name"], one["Options"]["macvlan_mode"]) for one in listed]


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


def refuse(*words: bytes) -> Any:
    """Refuse a request whose body has one of *words* as Docker would, and pass on all others."""

    def fault(connection: Any, proxy: Proxy, request: Request) -> None:
        if any(word in request.body for word in words):
            faults.say(b'{"message": "not today"}', "500 Internal Server Error")(connection, proxy, request)
        else:
            connection.sendall(proxy.answer(request))

    return fault


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


def test_what_was_interrupted_is_seen_and_finished(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost, client: Any
) -> None:
    run(shared_docker_host, "one", "--ip", "192.168.1.51")
    proxy.faults["POST /networks/create"] = faults.drop
    (failure,) = act(docker)
    assert failure.passing
    seen = docker.observe(Host())
    assert seen.networks == frozenset()
    assert seen.unfinished == {Unfinished(network="plain")}
    (failure,) = docker.apply([Finish(Unfinished(network="plain"))])
    assert failure.passing
    proxy.faults.clear()
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert networks(client) == [("plain", "private")]
    assert [(one.container, bool(one.addresses)) for one in docker.observe(Host()).attachments] == [("one", True)]


def on_it(docker: Docker) -> set[str]:
    """Return the containers that have an address on the network."""
    return {one.container for one in docker.observe(Host()).attachments if one.addresses}


def test_a_container_that_is_refused_is_not_forgotten_for_the_next_one(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost
) -> None:
    names = {"one", "two", "three"}
    for name in names:
        run(shared_docker_host, name)
    attachments = sorted(docker.observe(Host()).attachments, key=str)
    proxy.faults["POST /networks/*/connect"] = refuse(attachments[0].id.encode())
    failures = docker.apply([Reconnect(one) for one in attachments])
    assert failures
    assert all("not today" in failure.reason for failure in failures)
    assert on_it(docker) == names - {attachments[0].container}
    assert docker.observe(Host()).unfinished == {Unfinished(network="plain")}
    proxy.faults.clear()
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert on_it(docker) == names


def test_a_container_that_was_refused_for_want_of_the_parent_is_connected_once_that_is_back(
    docker: Docker, shared_docker_host: LabHost, client: Any
) -> None:
    """Docker goes on to list it on the network, with nothing in it."""
    host = shared_docker_host
    add_nic(host, "eth5", "10.5.5.50/24")
    subnet = Subnet(cidr=ip_network("10.5.5.0/24"), gateway=ip_address("10.5.5.1"))
    docker.apply([Add(Network(name="other", parent="eth5", subnets=frozenset({subnet}), spec="1:other"))])
    host.docker(
        "run", "--detach", "--name", "one", "--network", "other", "--stop-signal", "SIGKILL", "lab", "sleep", "9"
    )
    (attachment,) = docker.observe(Host()).attachments
    host.ip("link", "set", "eth5", "name", "away5")
    (failure,) = docker.apply([Reconnect(attachment)])
    assert "eth5 was not found" in failure.reason
    host.ip("link", "set", "away5", "name", "eth5")
    assert docker.apply([Finish(Unfinished(network="other"))]) == ()
    (again,) = docker.observe(Host()).attachments
    assert (again.container, again.addresses) == (attachment.container, attachment.addresses)
    host.docker("rm", "--force", "one")
    client.remove_network("other")
    host.ip("link", "delete", "eth5")


def test_a_container_that_cannot_come_back_keeps_no_other_one_off(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost, client: Any
) -> None:
    names = {"one", "two", "three"}
    for name in names:
        run(shared_docker_host, name)
    refused = min(docker.observe(Host()).attachments, key=str)  # the first to be connected
    proxy.faults["POST /networks/*/connect"] = refuse(refused.id.encode())
    (failure,) = act(docker)
    assert "not today" in failure.reason
    assert (networks(client), on_it(docker)) == ([("plain", "bridge")], names - {refused.container})
    proxy.faults.clear()
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert (networks(client), on_it(docker)) == ([("plain", "bridge")], names)


def test_a_container_that_is_gone_by_then_is_not_waited_for(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost, client: Any
) -> None:
    run(shared_docker_host, "one")
    run(shared_docker_host, "two")
    proxy.faults["POST /networks/create"] = faults.drop
    act(docker)
    shared_docker_host.docker("rm", "--force", "one")
    proxy.faults.clear()
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert [one.container for one in docker.observe(Host()).attachments] == ["two"]
    assert networks(client) == [("plain", "private")]


def test_what_somebody_else_made_in_the_meantime_is_never_taken_away(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost, client: Any
) -> None:
    host = shared_docker_host
    run(host, "one")
    proxy.faults["POST /networks/create"] = faults.drop
    act(docker)
    proxy.faults.clear()
    host.docker("network", "create", "--driver", "macvlan", "--opt", "parent=eth0", "--subnet", "10.7.7.0/24", "plain")
    run(host, "theirs")
    before = client.inspect_network("plain")
    (failure,) = docker.apply([Finish(Unfinished(network="plain"))])
    assert "'docker network rm plain' lets it go on" in failure.reason
    assert client.inspect_network("plain") == before
    host.docker("rm", "--force", "theirs")
    client.remove_network("plain")
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert (networks(client), on_it(docker)) == ([("plain", "private")], {"one"})


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
    crashing = ("--restart", "always", "--network", "plain", "lab", "false")
    host.docker("run", "--detach", "--name", "looper", *crashing)
    wait_until(lambda: client.inspect_container("looper")["RestartCount"] >= 6, 30)  # 6.4 s to the next one
    wait_until(lambda: client.inspect_container("looper")["State"]["Restarting"])
    before = client.inspect_network("plain")
    (failure,) = act(docker)
    assert failure.passing
    assert "'looper' is about to be restarted" in failure.reason
    assert client.inspect_network("plain") == before
    client.stop("looper", timeout=0)
    assert act(docker) == ()
    assert (networks(client), on_it(docker)) == ([("plain", "private")], {"one"})


def test_a_container_that_waits_for_its_restart_on_the_right_network_is_left_alone(
    docker: Docker, intents: Intents, shared_docker_host: LabHost, client: Any
) -> None:
    shared_docker_host.docker(
        *("run", "--detach", "--name", "looper", "--restart", "always", "--network", "plain", "lab", "false")
    )
    wait_until(lambda: client.inspect_container("looper")["RestartCount"] >= 6, 30)
    wait_until(lambda: client.inspect_container("looper")["State"]["Restarting"])
    report = client.inspect_container("looper")
    endpoint = endpoint_of(report, "plain", Engine(version="", api=(1, 41)))
    assert endpoint
    body = {"Labels": {SPEC: OLD.spec}}
    intents.save(Intent(network="plain", old_id="gone", old=body, new=body, endpoints=(endpoint,)))
    before = client.inspect_network("plain")
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert client.inspect_network("plain") == before
    networks_of_it = client.inspect_container("looper")["NetworkSettings"]["Networks"]
    assert networks_of_it["plain"]["NetworkID"] == before["Id"]


def test_a_container_that_docker_could_not_restart_meanwhile_is_started(
    docker: Docker, intents: Intents, shared_docker_host: LabHost, client: Any
) -> None:
    host = shared_docker_host
    run(host, "one", "--restart", "always")
    report, old = client.inspect_container("one"), client.inspect_network("plain")
    endpoint = endpoint_of(report, "plain", Engine(version="", api=(1, 41)))
    assert endpoint
    client.stop("one", timeout=0)
    client.remove_network("plain")
    with pytest.raises(RefusedError, match="not found"):
        client.start("one")
    assert docker.apply([Add(NEW)]) == ()
    body = {"Labels": {SPEC: NEW.spec}}
    intents.save(Intent(network="plain", old_id=old["Id"], old=body, new=body, endpoints=(endpoint,)))
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert (state(client, "one"), on_it(docker)) == ("running", {"one"})


def test_a_container_is_started_once_whoever_else_is_refused(
    docker: Docker, proxy: Proxy, intents: Intents, shared_docker_host: LabHost, client: Any
) -> None:
    host = shared_docker_host
    run(host, "one", "--restart", "always")
    run(host, "refused")
    client.stop("one", timeout=0)
    network, reports = client.inspect_network("plain"), [client.inspect_container(it) for it in ("one", "refused")]
    engine = Engine(version="", api=(1, 41))
    endpoints = tuple(it for report in reports if (it := endpoint_of(report, "plain", engine)))
    body = {"Labels": {SPEC: OLD.spec}}
    start = (reports[0]["Id"],)
    saved = {"old_id": network["Id"], "old": body, "new": body, "endpoints": endpoints, "start": start, "undo": True}
    intents.save(Intent(network="plain", **saved))
    client.disconnect_container_from_network("refused", "plain")
    proxy.faults["POST /networks/*/connect"] = refuse(reports[1]["Id"].encode())
    for expected in ("running", "exited"):
        (failure,) = docker.apply([Finish(Unfinished(network="plain"))])
        assert "not today" in failure.reason
        assert state(client, "one") == expected
        client.stop("one", timeout=0)
    proxy.faults.clear()
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert (state(client, "one"), on_it(docker)) == ("exited", {"refused"})


def test_a_network_that_was_finished_is_proved_as_any_other(
    docker: Docker, proxy: Proxy, shared_docker_host: LabHost
) -> None:
    """Docker may have started without the parent in between."""
    run(shared_docker_host, "one")
    assert docker.observe(Host()).proofs != frozenset()
    proxy.faults["POST /networks/create"] = faults.drop
    act(docker)
    proxy.faults.clear()
    assert docker.apply([Finish(Unfinished(network="plain"))]) == ()
    assert docker.observe(Host()).proofs == frozenset()


@pytest.mark.parametrize("replacing", [Replacing.ALWAYS, Replacing.WHEN_LOSSLESS])
def test_a_container_with_a_pinned_mac_is_connected_anew_as_the_file_allows(
    docker: Docker, shared_docker_host: LabHost, replacing: Replacing
) -> None:
    run(shared_docker_host, "one", "--mac-address", MAC)
    seen = docker.observe(Host())
    (attachment,) = seen.attachments
    assert seen.engine
    lossy = MAC_LOST_FROM <= seen.engine.api < MAC_KEPT_FROM and replacing is not Replacing.ALWAYS
    failures = docker.apply([Reconnect(replace(attachment, replacing=replacing))])
    assert [MAC in failure.reason for failure in failures] == [True] * lossy
    assert on_it(docker) == {"one"}


def test_a_disk_that_takes_nothing_leaves_everything_as_it_is(proxy: Proxy, client: Any) -> None:
    """Not even root may write there."""
    docker = Docker(str(proxy), Intents(Path("/proc/macvland/replace")))
    docker.apply([Add(OLD)])
    before = [str(request) for request in proxy.requests if request.method != "GET"]
    (failure,) = act(docker)
    assert failure.reason.endswith("without it nothing is begun")
    assert [str(request) for request in proxy.requests if request.method != "GET"] == before
    assert networks(client) == [("plain", "bridge")]


def test_a_file_that_makes_no_sense_is_set_aside(docker: Docker, tmp_path: Path) -> None:
    directory = tmp_path / "replace"
    directory.mkdir()
    for text in ("", "[", '{"version": 99}', '{"version": 1}', "[" * 100000):
        (directory / "plain.json").write_text(text)
        (failure,) = docker.apply([Finish(Unfinished(network="plain"))])
        assert "plain.unreadable" in failure.reason
        assert docker.observe(Host()).unfinished == frozenset()
    (directory / "plain.unreadable").unlink()


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
