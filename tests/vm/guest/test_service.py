"""The unit as it is shipped, under systemd, with everything it forbids itself; Docker starts after it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import wait_until
from tests.lab.command import PROJECT
from tests.scene import BORROWED, OWN, declare, network_status, networks, shims, wait_for_ways
from tests.vm.guest.machine import Lan, Machine

WEB, SHIM = "192.168.1.51", "192.168.1.223"
PROGRAM = "#!/usr/bin/python3\nimport sys\nfrom macvland.daemon import main\nsys.exit(main())\n"


@pytest.fixture
def service(machine: Machine) -> Iterator[None]:
    """macvland, installed as a package does it."""
    library = shutil.copytree(PROJECT / "macvland", "/usr/lib/python3/dist-packages/macvland")
    files = [
        Path(shutil.copy(PROJECT / "systemd" / source, f"/usr/lib/{target}"))
        for source, target in (
            ("macvland.service", "systemd/system/macvland.service"),
            ("macvland.sysusers", "sysusers.d/macvland.conf"),
            ("macvland.tmpfiles", "tmpfiles.d/macvland.conf"),
        )
    ]
    program = Path("/usr/bin/macvland")
    program.write_text(PROGRAM)
    program.chmod(0o755)
    machine.run("systemd-sysusers", "macvland.conf")
    machine.run("systemd-tmpfiles", "--create", "macvland.conf")
    machine.run("systemctl", "daemon-reload")
    yield
    machine.run("systemctl", "stop", "macvland")
    for file in (program, *files):
        file.unlink()
    shutil.rmtree(library)
    machine.run("systemctl", "daemon-reload")


@pytest.mark.usefixtures("service")
def test_started_together_with_docker_it_serves_and_its_stop_takes_nothing_along(machine: Machine, lan: Lan) -> None:
    machine.drop("pub_net.toml", declare(BORROWED, parent=machine.nic))
    machine.run("systemctl", "stop", "docker.service", "docker.socket")
    machine.run("systemctl", "start", "macvland", "docker")
    wait_until(lambda: state(machine) == "ready", what="ready")
    web = machine.container("web", "pub_net", ip=WEB)
    wait_for_ways(machine, {WEB: machine.address})
    machine.run("systemctl", "stop", "macvland")
    assert "pub_net" in networks(machine)
    assert shims(machine) == ["mv-pub_net"]
    machine.ping(WEB)
    web.run("ping", "-c", "1", "-W", "2", machine.address)
    lan.ping(WEB)


@pytest.mark.usefixtures("service")
def test_at_boot_the_vlan_link_is_there_before_docker_looks_for_it(machine: Machine) -> None:
    """Docker forgets a network whose parent is missing when it starts: it would have another id afterwards."""
    machine.drop("pub_net.toml", declare(OWN, parent=machine.nic, extra="vlan = 50\n"))
    machine.run("systemctl", "start", "macvland")
    wait_until(lambda: state(machine) == "ready", what="ready")
    before = networks(machine)
    web = machine.container("web", "pub_net", ip=WEB)
    machine.run("systemctl", "stop", "macvland", "docker.service", "docker.socket")
    machine.ip("link", "delete", f"{machine.nic}.50")  # what a reboot leaves
    Path("/run/macvland/status.json").unlink()
    machine.run("systemctl", "start", "docker", "macvland")
    assert networks(machine) == before
    web.start()
    wait_for_ways(machine, {WEB: SHIM})
    machine.ping(WEB)


def state(machine: Machine) -> str:
    found = network_status(machine, "pub_net")
    return str(found.state) if found else ""
