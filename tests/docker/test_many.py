"""Many networks and many kinds of containers: routes and neighbours for exactly those that live on ours."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.lab import Host, wait_until
from tests.scene import BORROWED, Serving, add_nic, declare, inspect, status, tidy, wait_for_state, wait_for_ways, ways

pytestmark = [pytest.mark.engine, pytest.mark.libraries]

HOST = "192.168.1.50"
ADDRESS = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
SHARING = 27  # the first Docker that lets networks share a parent (moby#47318)


@pytest.fixture
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with a second parent, for Docker up to 26 allows one macvlan network on each."""
    add_nic(shared_docker_host, "eth2", "10.6.6.50/24")
    yield shared_docker_host
    tidy(shared_docker_host)


def run(host: Host, name: str, *options: str, command: tuple[str, ...] = ("sleep", "1000000")) -> None:
    host.docker("run", "--detach", "--name", name, "--stop-signal", "SIGKILL", *options, "lab", *command)


def test_a_container_on_two_networks_is_reached_on_both(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    host.drop("lab.toml", declare(BORROWED, parent="eth2", lan="10.6.6"))
    for name in ("pub_net", "lab"):
        wait_for_state(daemon, host, name, "ready")
    run(host, "both", "--network", "pub_net", "--ip", "192.168.1.51")
    host.docker("network", "connect", "--ip", "10.6.6.51", "lab", "both")
    wait_for_ways(host, {"192.168.1.51": HOST})
    wait_for_ways(host, {"10.6.6.51": "10.6.6.50"}, shim="mv-lab")
    host.ping("192.168.1.51")
    host.ping("10.6.6.51")
    host.docker("network", "disconnect", "pub_net", "both")
    wait_for_ways(host, {})
    wait_for_ways(host, {"10.6.6.51": "10.6.6.50"}, shim="mv-lab")
    host.ping("10.6.6.51")


def test_networks_share_a_parent_where_docker_lets_them(host: Host, serve: Serving) -> None:
    """From Docker 27 on, that is; before, the second one says which network has the parent."""
    shares = int(host.docker("version", "--format", "{{.Server.Version}}").split(".")[0]) >= SHARING
    daemon = serve()
    host.drop("first.toml", declare(BORROWED))
    wait_for_state(daemon, host, "first", "ready")
    host.drop("second.toml", declare('[shim]\naddress = "10.5.5.223"\n', lan="10.5.5"))
    if not shares:
        (reason,) = wait_for_state(daemon, host, "second", "failed").reasons
        assert reason.endswith("allows one macvlan network per parent (27 allows several); network 'first' has it")
        return
    wait_for_state(daemon, host, "second", "ready")
    for name, address, source in (("first", "192.168.1.51", HOST), ("second", "10.5.5.51", "10.5.5.223")):
        run(host, f"on-{name}", "--network", name, "--ip", address)
        wait_for_ways(host, {address: source}, shim=f"mv-{name}")
        host.ping(address)
    host.remove("first.toml")
    wait_for_state(daemon, host, "first", "leaving")
    host.ping("10.5.5.51")


def test_networks_that_swap_places_in_one_edit_stay_as_they_are_with_their_containers(
    host: Host, serve: Serving
) -> None:
    daemon = serve()
    files = {"first": declare(), "second": declare(parent="eth2", lan="10.6.6")}
    for name, text in files.items():
        host.drop(f"{name}.toml", text)
        wait_for_state(daemon, host, name, "ready")
    run(host, "web", "--network", "first")
    host.drop("first.toml", files["second"])
    host.drop("second.toml", files["first"])
    for name in files:
        (reason,) = wait_for_state(daemon, host, name, "failed").reasons
        assert reason.endswith("; the old network is back, with its containers")
    # Each try takes the containers off for a moment: they become ever rarer.
    wait_until(lambda: pause(host, "first") > 3, 30)
    assert (subnet_of(host, "first"), subnet_of(host, "second")) == ("192.168.1.0/24", "10.6.6.0/24")
    assert host.docker("inspect", "--format", ADDRESS, "web").split() == ["192.168.1.192"]
    host.drop("second.toml", declare(parent="eth2", lan="10.7.7"))
    host.drop("first.toml", files["first"])
    wait_for_state(daemon, host, "second", "ready")
    wait_for_state(daemon, host, "first", "ready")


def pause(host: Host, name: str) -> float:
    """Return how many seconds lie between what the status says and the next try of the network."""
    last = status(host)
    (retry,) = (one.retry for one in last.networks if one.name == name) if last else ("",)
    if not last or not retry:
        return 0.0
    return (datetime.fromisoformat(retry) - datetime.fromisoformat(last.time)).total_seconds()


def subnet_of(host: Host, name: str) -> str:
    return str(inspect(host, name)["IPAM"]["Config"][0]["Subnet"])


def test_a_container_in_somebody_elses_namespace_or_none_has_no_way_of_its_own(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    run(host, "web", "--network", "pub_net", "--ip", "192.168.1.51")
    run(host, "hosts", "--network", "host")
    run(host, "without", "--network", "none")
    run(host, "beside", "--network", "container:web")
    wait_for_ways(host, {"192.168.1.51": HOST})
    found = wait_for_state(daemon, host, "pub_net", "ready")
    assert [one.container for one in found.attachments] == ["web"]
    host.docker("rm", "--force", "beside", "hosts", "without")
    host.ping("192.168.1.51")
    wait_for_ways(host, {"192.168.1.51": HOST})


def test_routes_are_for_what_runs_or_is_paused_and_for_nothing_else(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    on = ("--network", "pub_net", "--ip")
    run(host, "runs", *on, "192.168.1.51")
    run(host, "paused", *on, "192.168.1.52")
    run(host, "stopped", *on, "192.168.1.53")
    host.docker("create", "--name", "created", *on, "192.168.1.54", "lab", "sleep", "1000000")
    host.docker("pause", "paused")
    host.docker("stop", "stopped")
    wait_for_ways(host, {"192.168.1.51": HOST, "192.168.1.52": HOST})

    def told() -> dict[str, int]:  # a moment after what it tells of is done
        found = wait_for_state(daemon, host, "pub_net", "ready")
        return {one.container: len(one.addresses) for one in found.attachments}

    wait_until(lambda: told() == {"runs": 1, "paused": 1, "stopped": 0, "created": 0})
    host.docker("unpause", "paused")
    host.docker("kill", "runs")
    wait_for_ways(host, {"192.168.1.52": HOST})


def test_a_container_that_restarts_again_and_again_ends_without_a_route_left(host: Host, serve: Serving) -> None:
    daemon = serve()
    host.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, host, "pub_net", "ready")
    restless = ("--network", "pub_net", "--ip", "192.168.1.51", "--restart", "on-failure:4")
    run(host, "restless", *restless, command=("false",))
    count = ("inspect", "--format", "{{.RestartCount}} {{.State.Status}}", "restless")
    wait_until(lambda: host.docker(*count).strip() == "4 exited", 20, "the last restart")
    wait_for_ways(host, {})
    run(host, "web", "--network", "pub_net", "--ip", "192.168.1.52")
    wait_for_ways(host, {"192.168.1.52": HOST})
    assert len(ways(host)[0]) == 1
