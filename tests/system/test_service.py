"""macvland as a service of a whole Debian, from its package: files, the daemons around it, its sandbox."""

import json
import re
from collections.abc import Callable

import pytest

from tests.lab import Lab, Station, wait_until
from tests.lab.command import PROJECT
from tests.system.conftest import WEB, add_parent, elsewhere, meets, pub_net, reaches
from tests.system.machine import Machine

SHIM = "mv-pub_net"


def age(machine: Machine, link: str = SHIM) -> str:
    """Return what is new with a link that was made anew."""
    return machine.run("stat", "--format=%i %Z", f"/sys/class/net/{link}")


def settled(machine: Machine) -> bool:
    return machine.ctl("plan").returncode == 0 and machine.ctl("status").returncode == 0


def changes(machine: Machine, since: str) -> list[str]:
    """Return what macvland has changed since the journal's *since*."""
    records = machine.journal("MESSAGE_ID=e828b1c0f32744fb87076903ef18732e", f"--after-cursor={since}")
    return [record["MESSAGE"] for record in records]


def cursor(machine: Machine) -> str:
    return str(machine.journal("--lines=1")[-1]["__CURSOR"])


def test_the_package_starts_the_service_as_a_user_of_its_own(installed: Machine) -> None:
    state = installed.properties("macvland", "ActiveState", "UnitFileState", "NRestarts", "User", "MainPID")
    pid = state.pop("MainPID")
    assert state == {"ActiveState": "active", "UnitFileState": "enabled", "NRestarts": "0", "User": "macvland"}
    status = dict(
        line.split(":\t") for line in installed.run("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line
    )
    capabilities = f"{1 << 12 | 1 << 13:016x}"  # CAP_NET_ADMIN, CAP_NET_RAW
    assert {status[f"Cap{name}"] for name in ("Prm", "Eff", "Bnd", "Amb")} == {capabilities}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_the_sandbox_is_stricter_than_networkds(installed: Machine) -> None:
    def exposure(unit: str) -> float:
        told = installed.run("systemd-analyze", "security", "--no-pager", unit)
        return float(re.findall(r"exposure level for \S+: ([\d.]+)", told)[0])

    assert exposure("macvland.service") < exposure("systemd-networkd.service")


def test_a_dropped_file_is_a_container_that_another_host_reaches(machine: Machine, printer: Station) -> None:
    assert reaches(printer, WEB)
    assert reaches(machine, WEB)
    machine.docker("exec", "web", "ping", "-c", "1", "-W", "2", machine.address)
    assert settled(machine)
    assert "pub_net  ready" in machine.ctl("status").stdout


def test_the_shim_listens_to_no_router(machine: Machine) -> None:
    settings = [machine.run("cat", f"/proc/sys/net/ipv6/conf/{SHIM}/{name}") for name in ("accept_ra", "autoconf")]
    assert settings == ["0\n", "0\n"]
    machine.run("sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{SHIM}/accept_ra")
    wait_until(lambda: machine.run("cat", f"/proc/sys/net/ipv6/conf/{SHIM}/accept_ra") == "0\n", 5)


def test_the_journal_tells_the_story_of_a_network_and_explains_it(machine: Machine) -> None:
    story = [record["MESSAGE"] for record in machine.journal("MACVLAND_NETWORK=pub_net")]
    assert "pub_net: ready" in story
    explained = machine.run("journalctl", "--catalog", "--boot", "--no-pager", "MACVLAND_NETWORK=pub_net")
    assert "Network pub_net is ready now" in explained
    assert "Network pub_net was changed" in explained


def test_a_file_that_only_root_may_read_says_what_to_do(machine: Machine) -> None:
    machine.drop("secret.toml", pub_net())
    machine.path("/etc/macvlan.d/secret.toml").chmod(0o600)
    try:
        wait_until(lambda: "let everybody read it: chmod a+rX" in machine.ctl("status").stdout)
    finally:
        machine.path("/etc/macvlan.d/secret.toml").unlink()
    wait_until(lambda: settled(machine))


def test_a_file_of_somebody_else_is_refused(machine: Machine) -> None:
    machine.drop("theirs.toml", pub_net())
    machine.run("chown", "nobody", "/etc/macvlan.d/theirs.toml")
    try:
        wait_until(lambda: "make it root's: chown root" in machine.ctl("status").stdout)
    finally:
        machine.path("/etc/macvlan.d/theirs.toml").unlink()
    wait_until(lambda: settled(machine))


def test_a_reload_looks_again_and_changes_nothing(machine: Machine) -> None:
    before = (cursor(machine), age(machine), machine.properties("macvland", "MainPID"))
    machine.systemctl("reload", "macvland")
    assert changes(machine, before[0]) == []
    assert (age(machine), machine.properties("macvland", "MainPID")) == before[1:]


@pytest.mark.fault("A3")
def test_a_stop_leaves_everything_and_a_start_writes_nothing(machine: Machine, printer: Station) -> None:
    before = (cursor(machine), age(machine))
    machine.systemctl("stop", "macvland")
    assert reaches(printer, WEB)
    assert reaches(machine, WEB)
    machine.systemctl("start", "macvland")
    wait_until(lambda: settled(machine))
    assert (changes(machine, before[0]), age(machine)) == ([], before[1])


def test_a_restart_of_docker_brings_the_container_back(machine: Machine, printer: Station) -> None:
    before = age(machine)
    machine.restart_docker()
    wait_until(lambda: reaches(printer, WEB), 20)
    meets(machine)
    wait_until(lambda: settled(machine))
    assert age(machine) == before


def test_a_restart_of_docker_whose_socket_is_systemds_is_noticed(machine: Machine) -> None:
    """The socket stays; all that macvland knew of its networks holds for the run before."""
    socket, known = machine.path("/run/docker.sock"), machine.path("/run/macvland/docker.json")
    inode, before = socket.stat().st_ino, json.loads(known.read_text())
    assert before["verdicts"]
    machine.restart_docker()
    wait_until(lambda: (now := json.loads(known.read_text()))["run"] != before["run"] and now["verdicts"], 20)
    assert socket.stat().st_ino == inode
    meets(machine)
    wait_until(lambda: settled(machine))


EVERYTHING = """\
[Match]
Name=*

[Network]
DHCP=ipv4
Address=192.0.2.7/24
"""


def test_a_restart_of_networkd_costs_no_shim_nor_does_it_take_one(machine: Machine, printer: Station) -> None:
    before = age(machine)
    everything = machine.path("/etc/systemd/network/50-everything.network")
    everything.write_text(EVERYTHING)
    try:
        machine.systemctl("restart", "systemd-networkd")
        wait_until(lambda: "routable" in machine.run("networkctl", "status", "--no-pager", "eth0"), 10)
        meets(machine)
        assert reaches(printer, WEB)
        wait_until(lambda: settled(machine))
        assert age(machine) == before
        assert "unmanaged" in machine.run("networkctl", "list", "--no-legend", "--no-pager", SHIM)
        assert "192.0.2.7" not in machine.ip("address", "show", "dev", SHIM)
    finally:
        everything.unlink()
        machine.systemctl("restart", "systemd-networkd")


def test_ip_calls_our_routes_by_name(machine: Machine) -> None:
    assert WEB in machine.run("ip", "route", "show", "proto", "macvland")


def test_a_stopped_docker_is_not_started(machine: Machine) -> None:
    machine.systemctl("stop", "macvland")
    machine.systemctl("stop", "docker.service")
    machine.systemctl("start", "macvland")
    wait_until(lambda: "Docker is stopped" in machine.ctl("status").stdout, 10)
    machine.systemctl("reload", "macvland")
    assert machine.properties("docker.service", "ActiveState") == {"ActiveState": "inactive"}
    machine.systemctl("reset-failed", "docker.service")
    machine.systemctl("start", "docker.service")
    meets(machine)
    wait_until(lambda: settled(machine))


def with_drop_in(machine: Machine, text: str, do: Callable[[], None]) -> None:
    """Do something while the service has *text* in its section [Service]; it is restarted before and after."""
    directory = machine.path("/run/systemd/system/macvland.service.d")
    directory.mkdir(parents=True)
    (directory / "test.conf").write_text(f"[Service]\n{text}\n")
    try:
        machine.systemctl("daemon-reload")
        machine.systemctl("restart", "macvland")
        do()
    finally:
        (directory / "test.conf").unlink()
        directory.rmdir()
        machine.systemctl("daemon-reload")
        machine.systemctl("restart", "macvland")


def pid(machine: Machine) -> str:
    return machine.properties("macvland", "MainPID")["MainPID"]


@pytest.mark.fault("A5")
def test_a_daemon_that_hangs_is_started_again(machine: Machine) -> None:
    def hang() -> None:
        before = (age(machine), pid(machine))
        machine.run("sh", "-c", f"kill -STOP {before[1]}")
        machine.ip("link", "set", SHIM, "down")
        wait_until(lambda: pid(machine) not in {before[1], "0"}, 15)
        meets(machine)
        wait_until(lambda: settled(machine))
        assert age(machine) == before[0]

    # On 252 a stopped process is killed at once; the signal is the same.
    with_drop_in(machine, "WatchdogSec=2\nTimeoutAbortSec=2", hang)


@pytest.mark.fault("A6")
def test_a_daemon_that_runs_out_of_memory_is_started_again(machine: Machine) -> None:
    before = (age(machine), pid(machine))
    # What the kernel's OOM killer does, and what it leaves: cgroups have no limits on every machine that tests.
    machine.run("sh", "-c", f"kill -KILL {before[1]}")
    machine.ip("link", "set", SHIM, "down")
    wait_until(lambda: pid(machine) not in {before[1], "0"}, 15)
    meets(machine)
    wait_until(lambda: settled(machine))
    assert age(machine) == before[0]


@pytest.mark.fault("A14")
def test_a_journald_that_is_restarted_hears_what_follows(machine: Machine) -> None:
    before = pid(machine)
    machine.systemctl("stop", "systemd-journald.socket", "systemd-journald-dev-log.socket", "systemd-journald.service")
    machine.ip("link", "set", SHIM, "down")
    meets(machine)
    machine.systemctl("start", "systemd-journald.service")
    since = cursor(machine)
    machine.ip("link", "set", SHIM, "down")
    meets(machine)
    wait_until(lambda: changes(machine, since), 10)
    assert pid(machine) == before


def test_wait_online_is_started_by_who_needs_it_and_waits(machine: Machine) -> None:
    needs = [f"--property={word}=macvland-wait-online.service" for word in ("Wants", "After")]
    machine.run("systemd-run", "--quiet", "--wait", "--collect", "--property=Type=oneshot", *needs, "true")
    state = machine.properties("macvland-wait-online", "ActiveState", "Result")
    assert state == {"ActiveState": "active", "Result": "success"}
    machine.systemctl("stop", "macvland-wait-online")


@pytest.mark.parametrize("name", ["files", "service"])
def test_the_packages_own_tests_pass(machine: Machine, name: str) -> None:
    """Those that autopkgtest(1) runs in Debian, on such a machine."""
    script = machine.path(f"/root/{name}")
    script.write_text((PROJECT / "packaging/debian/tests" / name).read_text())
    machine.run("env", "AUTOPKGTEST_TMP=/root", "sh", f"/root/{name}")
    wait_until(lambda: settled(machine))


def test_the_file_goes_and_with_it_what_it_declared(machine: Machine, lan: Lab) -> None:
    add_parent(machine, 98)
    machine.drop("other.toml", elsewhere(98))
    assert machine.ctl("wait", "--timeout=20", "other").returncode == 0
    machine.path("/etc/macvlan.d/other.toml").unlink()
    wait_until(lambda: "other" not in machine.docker("network", "ls", "--format", "{{.Name}}").split(), 10)
    wait_until(lambda: "mv-other" not in machine.ip("-br", "link"))
    wait_until(lambda: settled(machine))
    assert reaches(lan.router, WEB)
