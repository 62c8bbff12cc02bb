"""The lab itself: it comes up, it goes, and what a killed run left goes with the next."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import CommandError, Host, Lab, engine, run, wait_until
from tests.lab.command import PROJECT
from tests.lab.state import one_at_a_time, sweep_abandoned
from tests.lab.traces import main as list_traces
from tests.lab.traces import traces

OWNER = """
import time
from tests.lab import Lab

with Lab() as lab:
    host = lab.host()
    host.dockerd()
    host.docker("network", "create", "--driver", "macvlan", "--opt", "parent=eth0", "--subnet", "192.168.1.0/24", "net")
    host.container("c1", "net", "192.168.1.51")
    print(lab.state.id, flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def owner() -> subprocess.Popen[str]:
    """Start another run with a lab, Docker and a container of its own, which never ends by itself."""
    # A test run in the background or under nohup ignores some signals, and what it starts inherits that.
    listening = ("env", "--default-signal=INT,TERM,HUP")
    return subprocess.Popen([*listening, sys.executable, "-c", OWNER], cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def identifier_of(owner: subprocess.Popen[str]) -> str:
    assert owner.stdout
    with owner.stdout:
        return owner.stdout.readline().strip()


def test_nothing_stays_behind() -> None:
    with Lab() as lab:
        host = lab.host()
        host.dockerd()
        lab.station("printer", "192.168.1.60/24").popen("sleep", "1000")
        assert traces(lab.state.id) != []
    assert traces(lab.state.id) == []


def test_a_process_that_joins_late_goes_too() -> None:
    joining = 'for n in $(seq 100); do sh -c "echo 0 >$0 && exec sleep 1000" 2>/dev/null & done; wait'
    with Lab() as lab:
        members = lab.router.cgroup / "processes/cgroup.procs"
        crowd = subprocess.Popen(["sh", "-c", joining, members])
        wait_until(members.read_text, what="the first of the crowd")
    assert crowd.wait(30) == 0
    assert traces(lab.state.id) == []


def test_nothing_stays_behind_after_a_failure_inside() -> None:
    lab = Lab()

    def fail() -> None:
        with lab:
            lab.host().dockerd()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert traces(lab.state.id) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_nothing_stays_behind_after_a_signal(owner: subprocess.Popen[str], number: signal.Signals) -> None:
    identifier = identifier_of(owner)
    owner.send_signal(number)
    owner.wait(30)
    assert traces(identifier) == []


def test_the_next_run_sweeps_what_a_killed_one_left(owner: subprocess.Popen[str]) -> None:
    identifier = identifier_of(owner)
    with one_at_a_time():  # else the next run is whichever other worker makes a lab first
        owner.kill()
        owner.wait(30)
        assert len(traces(identifier)) > 10  # dockerd, containerd, the container and its shim live on
        assert list_traces() == 1
    with Lab():
        assert traces(identifier) == []


def test_a_lab_whose_owner_lives_is_left_alone() -> None:
    with Lab() as lab:
        assert lab.state.id not in sweep_abandoned()
        assert lab.router.ping("192.168.1.1")


def test_two_labs_do_not_meet() -> None:
    with Lab() as one, Lab() as other:
        one.station("printer", "192.168.1.60/24")
        with pytest.raises(CommandError):
            other.router.ping("192.168.1.60", "-W", "0.2")
        assert one.router.ping("192.168.1.60")


def test_the_host_has_files_of_its_own(host: Host) -> None:
    host.drop("a.toml", "[network]\n")
    assert host.run("cat", "/etc/macvlan.d/a.toml") == "[network]\n"
    assert host.run("cat", "/etc/machine-id").strip() == host.machine_id
    assert host.run("hostname").strip() == host.name
    host.run("mkdir", "/run/macvland", "/var/lib/macvland")
    assert host.path("/run/macvland").is_dir()
    assert host.path("/var/lib/macvland").is_dir()
    assert not Path("/etc/macvlan.d/a.toml").exists()
    assert not Path("/var/lib/macvland").exists()


def test_the_host_answers_at_both_its_addresses(lab: Lab, host: Host) -> None:
    lab.router.ping(host.address)
    lab.router.ping(host.address6)
    assert lab.router.arp_table() == {host.address: host.mac}


def test_a_container_is_reached_from_the_lan(lab: Lab, docker_host: Host) -> None:
    macvlan = ("--driver", "macvlan", "--opt", "parent=eth0", "--subnet", "192.168.1.0/24")
    docker_host.docker("network", "create", *macvlan, "net")
    container = docker_host.container("c1", "net", ip="192.168.1.51")
    lab.router.ping("192.168.1.51")
    assert lab.router.arp_table() == {"192.168.1.51": container.mac()}


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_docker_comes_back_with_its_networks(docker_host: Host, end: str) -> None:
    macvlan = ("--driver", "macvlan", "--opt", "parent=eth0", "--subnet", "192.168.1.0/24")
    docker_host.docker("network", "create", *macvlan, "net")
    getattr(docker_host.engine, end)()
    with pytest.raises(CommandError, match="Cannot connect"):
        docker_host.docker("ps")
    docker_host.engine.start()
    assert "net" in docker_host.docker("network", "ls", "--format", "{{.Name}}").split()


def test_a_power_cut_leaves_the_data_and_nothing_else(docker_host: Host) -> None:
    macvlan = ("--driver", "macvlan", "--opt", "parent=eth0", "--subnet", "192.168.1.0/24")
    docker_host.docker("network", "create", *macvlan, "net")
    docker_host.drop("a.toml", "[network]\n")
    docker_host.ip("link", "add", "link", "eth0", "name", "mv-a", "type", "macvlan", "mode", "bridge")
    docker_host.path("/run/macvland").mkdir()
    before = docker_host.ip_json("link", "show", "eth0")[0]

    docker_host.replug()
    after = docker_host.ip_json("link", "show", "eth0")[0]
    assert [link["ifname"] for link in docker_host.ip_json("link")] == ["lo", "eth0"]
    assert after["address"] == before["address"]
    assert not docker_host.path("/run/macvland").exists()
    assert docker_host.run("cat", "/etc/macvlan.d/a.toml") == "[network]\n"
    docker_host.engine.start()
    assert "net" in docker_host.docker("network", "ls", "--format", "{{.Name}}").split()


def test_a_nic_that_is_plugged_in_again_has_another_index(host: Host) -> None:
    before = host.ip_json("link", "show", "eth0")[0]
    host.unplug()
    host.plug()
    after = host.ip_json("link", "show", "eth0")[0]
    assert after["address"] == before["address"]
    assert after["ifindex"] != before["ifindex"]


def test_a_pulled_cable_is_a_lost_carrier(lab: Lab, host: Host) -> None:
    host.pull_cable()
    wait_until(lambda: "NO-CARRIER" in host.ip("link", "show", "eth0"), what="the loss of the carrier")
    host.push_cable()
    wait_until(lambda: "NO-CARRIER" not in host.ip("link", "show", "eth0"), what="the carrier")
    lab.router.ping(host.address)


def test_a_hanging_docker_goes_on_when_it_is_resumed(docker_host: Host) -> None:
    docker_host.engine.pause()
    with pytest.raises(CommandError, match="exit status 124"):
        docker_host.run("timeout", "0.5", "docker", "ps", environment=engine.environment())
    docker_host.engine.resume()
    docker_host.docker("ps")


def machine() -> tuple[object, ...]:
    """Return what must be the same outside, before, during and after a lab."""
    listings = (sorted(Path(place).iterdir()) for place in ("/etc", "/var/lib"))
    return (run("ip", "-json", "link"), run("ip", "-json", "route"), *listings)


def test_the_machine_itself_is_not_touched() -> None:
    before = machine()
    with Lab() as lab:
        lab.host().dockerd()
        assert machine() == before
    assert machine() == before
