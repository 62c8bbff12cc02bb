"""What Docker loses is noticed and brought back: networks its driver forgot, links that vanished, ids of the past."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from macvland.action import Add, Prove
from macvland.condition.docker import LOST
from macvland.engine import Docker
from macvland.engine.history import History
from macvland.engine.lost import NOWHERE, PROBE
from macvland.model import Host as Seen
from macvland.model import Proof
from tests.docker import proxy as faults
from tests.docker.proxy import Proxy
from tests.docker.samples import PLAIN
from tests.lab import LEAN, Host, Lab, wait_until
from tests.lab.command import PROJECT
from tests.scene import (
    BORROWED,
    Serving,
    declare,
    inspect,
    lines,
    lines_up_to,
    wait_for_state,
    wait_for_ways,
)

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

HOST, WEB = "192.168.1.50", "192.168.1.51"


@pytest.fixture
def serve(docker_host: Host) -> Iterator[Serving]:
    serving = Serving(docker_host)
    yield serving
    serving.stop()


def run(host: Host, name: str = "web", ip: str = WEB, restart: str = "always") -> None:
    quick = ("--stop-signal", "SIGKILL")
    options = ("--network", "pub_net", "--ip", ip, "--restart", restart)
    host.docker("run", "--detach", "--name", name, *options, *quick, "lab", "sleep", "1000000")


def state(host: Host, name: str = "web") -> str:
    return host.docker("inspect", "--format", "{{.State.Status}}", name).strip()


def answers(host: Host, address: str = WEB) -> bool:
    """Tell whether a ping gets through, before anybody has to give up on it."""
    command = ("ping", "-n", "-c", "1", "-W", "1", address)
    return host.popen(*command, stdout=-3, stderr=-3).wait() == 0


@pytest.mark.fault("B27")
def test_a_network_that_docker_lost_at_its_start_is_brought_back_with_its_containers(
    docker_host: Host, serve: Serving
) -> None:
    host = docker_host
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    run(host)
    run(host, "stays-down", "192.168.1.52", "no")
    wait_for_ways(host, {WEB: HOST, "192.168.1.52": HOST})
    before = inspect(host, "pub_net")["Id"]

    host.engine.stop()
    host.unplug()
    host.engine.start()
    waiting = wait_for_state(daemon, host, "pub_net", "waiting")
    assert "its parent 'eth0'" in waiting.reasons[0]
    assert state(host) == "exited"
    host.plug()

    lines_up_to(daemon, "replace Docker network 'pub_net': Docker's driver has forgotten it; reconnect 'stays-down'")
    wait_for_ways(host, {WEB: HOST}, seconds=20)
    wait_until(lambda: answers(host), what="an answer of the container")
    assert (state(host), state(host, "stays-down")) == ("running", "exited")
    assert inspect(host, "pub_net")["Id"] != before
    host.docker("start", "stays-down")
    wait_for_ways(host, {WEB: HOST, "192.168.1.52": HOST})


@pytest.mark.fault("B27")
def test_a_start_of_docker_is_noticed_wherever_its_pid_file_is(lab: Lab) -> None:
    """Docker of a snap has it in a directory of its own, and anybody's daemon.json may say another one."""
    host = lab.host()
    host.dockerd(*LEAN, "--pidfile=/run/elsewhere.pid")
    serving = Serving(host)
    daemon = serving()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    host.engine.stop()
    host.unplug()
    host.engine.start()
    wait_for_state(daemon, host, "pub_net", "waiting")
    assert host.path("/run/elsewhere.pid").exists()
    assert not host.path("/run/docker.pid").exists()
    host.plug()
    lines_up_to(daemon, "replace Docker network 'pub_net': Docker's driver has forgotten it")
    wait_for_state(daemon, host, "pub_net", "ready")
    serving.stop()


def test_a_restart_of_macvland_proves_nothing_again_and_one_of_docker_everything(
    docker_host: Host, serve: Serving
) -> None:
    host = docker_host
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    known = host.path("/run/macvland/docker.json")
    identifier = inspect(host, "pub_net")["Id"]
    wait_until(lambda: identifier in known.read_text())
    daemon.stop()
    assert proved(host) == [identifier], "the next one has nothing to prove"
    host.engine.stop()
    host.engine.start()
    assert proved(host) == [], "Docker was restarted while no macvland looked"


def proved(host: Host) -> list[str]:
    """Return the networks of which the next macvland on *host* knows already whether Docker's driver knows them."""
    code = "from macvland.engine.history import History; print(*History().verdicts())"
    return host.run(sys.executable, "-c", code, environment={"PYTHONPATH": str(PROJECT)}).split()


def test_a_network_that_docker_still_knows_after_a_restart_is_left_alone_without_a_word(
    docker_host: Host, serve: Serving
) -> None:
    host = docker_host
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    before = inspect(host, "pub_net")["Id"]
    logged = lines_up_to(daemon, "pub_net: ready")
    known = host.path("/run/macvland/docker.json")
    wait_until(lambda: before in known.read_text())
    run_before = json.loads(known.read_text())["run"]

    host.engine.stop()
    host.engine.start()
    wait_until(lambda: (now := json.loads(known.read_text()))["run"] != run_before and before in now["verdicts"])
    assert inspect(host, "pub_net")["Id"] == before
    wait_for_state(daemon, host, "pub_net", "ready")
    told = [line for line in lines(daemon, logged) if "no Docker" not in line and "waiting" not in line]
    assert [line.partition(": ")[2] for line in told if "Docker 2" not in line] == ["pub_net: ready"]
    assert [one["Name"] for one in json.loads(host.docker("network", "inspect", "pub_net"))] == ["pub_net"]


def test_a_container_whose_link_vanished_with_the_parent_gets_a_new_one(docker_host: Host, serve: Serving) -> None:
    host = docker_host
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    run(host)
    wait_for_ways(host, {WEB: HOST})
    host.unplug()
    assert state(host) == "running"
    host.plug()
    lines_up_to(daemon, "reconnect container 'web' on Docker network 'pub_net'")
    wait_until(lambda: answers(host), what="an answer of the container")
    wait_for_state(daemon, host, "pub_net", "ready")
    host.ping(WEB)
    assert lines(daemon)[-1].startswith("macvland: pub_net:")
    assert sum("reconnect" in line for line in lines(daemon)) == 1


def test_a_stopped_container_can_start_on_a_network_that_was_removed_and_is_back(
    docker_host: Host, serve: Serving
) -> None:
    """It holds the id of the old one (docker/compose#8539)."""
    host = docker_host
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    run(host)
    host.docker("stop", "web")
    before = inspect(host, "pub_net")["Id"]
    host.docker("network", "rm", "pub_net")
    lines_up_to(daemon, "reconnect container 'web' on Docker network 'pub_net'")
    wait_for_state(daemon, host, "pub_net", "ready")
    assert inspect(host, "pub_net")["Id"] != before
    host.docker("start", "web")
    wait_for_ways(host, {WEB: HOST})
    host.ping(WEB)


# The proof itself


@pytest.fixture
def docker(proxy: Proxy, tmp_path: Any) -> Docker:
    """A Docker, through a proxy, that has a network and no history."""
    path = str(proxy)
    assert Docker(path, history=History(tmp_path / "first.json")).apply([Add(PLAIN)]) == ()
    return Docker(path, history=History(tmp_path / "docker.json"))


def prove(docker: Docker) -> tuple[str, ...]:
    """Prove the one network; return the reasons why it is lost."""
    (network,) = docker.observe(Seen()).networks
    assert docker.observe(Seen()).proofs == frozenset()
    assert docker.apply([Prove(Proof(network="plain", id=network.id, parent=network.parent))]) == ()
    seen = docker.observe(Seen())
    assert seen.proofs == {Proof(network="plain", id=network.id)}
    assert seen.networks == {network}
    return tuple(loss.reason for loss in seen.losses)


def test_a_network_that_the_driver_knows_is_proved_by_one_request_without_a_trace(
    docker: Docker, client: Any, proxy: Proxy
) -> None:
    assert prove(docker) == ()
    # One made the network, one is the proof; for the rest there were three looks.
    assert [str(one) for one in proxy.requests].count("POST /networks/create") == 2
    assert [str(one) for one in proxy.requests].count("GET /networks") == 3
    assert [one["Name"] for one in client.networks(filters={"driver": ["macvlan"]})] == ["plain"]


def test_a_network_in_whose_place_the_driver_takes_another_is_lost(docker: Docker, proxy: Proxy) -> None:
    """As far as it can be had without a restart of Docker: it says yes to what it would refuse."""
    proxy.faults["POST /networks/create"] = faults.say(b'{"Id": "0123456789abcdef"}', "201 Created")
    assert prove(docker) == (str(LOST()),)
    (loss,) = docker.observe(Seen()).losses
    assert loss.curable


@pytest.mark.fault("B28")
def test_a_key_that_the_driver_kept_of_a_removed_network_is_explained(docker: Docker, proxy: Proxy) -> None:
    words = b'{"message": "network dm-0123456789ab is already using parent interface eth0"}'
    proxy.faults["POST /networks/create"] = faults.say(words, "500 Internal Server Error")
    engine = docker.observe(Seen()).engine
    assert engine
    reasons = prove(docker)
    if engine.api >= (1, 46):
        assert reasons == ()
        return
    (reason,) = reasons
    assert reason == (
        "Docker's driver keeps 'eth0' for a network 0123456789ab that is no more (Docker up to 26): "
        "restart Docker while 'eth0' is there"
    )
    assert not any(loss.curable for loss in docker.observe(Seen()).losses)


def test_a_probe_that_a_kill_left_is_no_network_of_ours_and_goes_with_the_next(
    docker: Docker, client: Any, parents: tuple[str, ...]
) -> None:
    client.create_network(
        "macvland-probe-left",
        "macvlan",
        options={"parent": parents[0], "macvlan_mode": "passthru"},
        ipam={"Config": [{"Subnet": NOWHERE[0]}]},
        labels={"io.macvland.managed": "true", PROBE: "x"},
    )
    assert {network.name for network in docker.observe(Seen()).networks} == {"plain"}
    assert prove(docker) == ()
    assert [one["Name"] for one in client.networks(filters={"driver": ["macvlan"]})] == ["plain"]


def test_a_history_that_makes_no_sense_is_none(tmp_path: Any) -> None:
    for text in ("", "[", "[]", '{"run": 1, "verdicts": [], "links": {}}', "[" * 100000):
        file = tmp_path / "docker.json"
        file.write_text(text)
        assert History(file).verdicts() == {}
