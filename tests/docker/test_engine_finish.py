"""What was begun with a network is brought to its end, whoever is refused, restarts, is gone, or came in between."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Add, Finish, Reconnect
from macvland.engine import Docker
from macvland.engine.endpoint import MAC_KEPT_FROM, MAC_LOST_FROM, endpoint_of
from macvland.engine.intent import Intent, Intents
from macvland.engine.refusal import RefusedError
from macvland.engine.translate import SPEC
from macvland.model import Engine, Host, Network, Replacing, Subnet, Unfinished
from tests.docker import proxy as faults
from tests.docker.exchange import MAC, NEW, OLD, act, loop, networks, on_it, refuse, run, state
from tests.docker.proxy import Proxy
from tests.lab import Host as LabHost
from tests.scene import add_nic

pytestmark = [pytest.mark.engine, pytest.mark.libraries]


def begun(reports: list[Any], network: Network, old_id: str = "gone", **more: Any) -> Intent:
    """Return what was begun with *network*, at its end but for the containers of *reports*."""
    body = {"Labels": {SPEC: network.spec}}
    endpoints = tuple(it for one in reports if (it := endpoint_of(one, "plain", Engine(version="", api=(1, 41)))))
    return Intent(network="plain", old_id=old_id, old=body, new=body, endpoints=endpoints, **more)


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
    docker: Docker, proxy: Proxy, intents: Intents, shared_docker_host: LabHost, client: Any
) -> None:
    names = {"one", "two", "three"}
    for name in names:
        run(shared_docker_host, name)
    refused = min(docker.observe(Host()).attachments, key=str)  # the first to be connected
    proxy.faults["POST /networks/*/connect"] = refuse(refused.id.encode())
    (failure,) = act(docker)
    assert "not today" in failure.reason
    assert (networks(client), on_it(docker)) == ([("plain", "bridge")], names - {refused.container})
    assert sorted(endpoint.name for endpoint in intents.load("plain").endpoints) == sorted(names)
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


def test_a_container_that_waits_for_its_restart_on_the_right_network_is_left_alone(
    docker: Docker, intents: Intents, shared_docker_host: LabHost, client: Any
) -> None:
    loop(shared_docker_host, client)
    intents.save(begun([client.inspect_container("looper")], OLD))
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
    client.stop("one", timeout=0)
    client.remove_network("plain")
    with pytest.raises(RefusedError, match="not found"):
        client.start("one")
    assert docker.apply([Add(NEW)]) == ()
    intents.save(begun([report], NEW, old["Id"]))
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
    intents.save(begun(reports, OLD, network["Id"], start=(reports[0]["Id"],), undo=True))
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


def test_a_file_that_makes_no_sense_is_set_aside(docker: Docker, tmp_path: Path) -> None:
    directory = tmp_path / "replace"
    directory.mkdir()
    for text in ("", "[", '{"version": 99}', '{"version": 1}', "[" * 100000):
        (directory / "plain.json").write_text(text)
        (failure,) = docker.apply([Finish(Unfinished(network="plain"))])
        assert "plain.unreadable" in failure.reason
        assert docker.observe(Host()).unfinished == frozenset()
    (directory / "plain.unreadable").unlink()
