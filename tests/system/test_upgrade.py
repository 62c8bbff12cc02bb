"""The package: upgrades and downgrades under traffic, removal, purge."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab import Lab, run, wait_until
from tests.system.conftest import WEB, add_parent, elsewhere, install, meets, reaches
from tests.system.machine import Machine
from tests.system.test_service import SHIM, age, changes, cursor, settled

SHIMS = 50


@pytest.fixture
def newer(deb: Path, tmp_path: Path) -> Path:
    """The same package as the next version."""
    run("dpkg-deb", "--raw-extract", deb, tmp_path / "tree")
    control = tmp_path / "tree/DEBIAN/control"
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+next", control.read_text(), flags=re.MULTILINE))
    return Path(run("dpkg-deb", "--build", "--root-owner-group", tmp_path / "tree", tmp_path).split("'")[3])


@contextmanager
def containers(machine: Machine) -> Iterator[list[str]]:
    """Give the machine a network with a shim and a container for each parent; yield the containers' addresses."""
    numbers = range(SHIMS)
    try:
        for number in numbers:
            add_parent(machine, number)
            machine.drop(f"n{number}.toml", elsewhere(number))
        wait_until(lambda: settled(machine), 60)
        run_one = "docker run --detach --init --name c$0 --network n$0 --ip 10.0.$0.51 lab sleep 1000000"
        machine.run("sh", "-c", f"seq 0 {SHIMS - 1} | xargs --max-procs=4 --replace sh -c '{run_one}' {{}}")
        yield [f"10.0.{number}.51" for number in numbers]
    finally:
        machine.run("sh", "-c", "docker rm --force $(docker ps --all --quiet --filter name=^c[0-9]) || :")
        machine.run("sh", "-c", "rm /etc/macvlan.d/n[0-9]*.toml")
        wait_until(lambda: settled(machine) and "n0 " not in machine.ctl("status").stdout, 60)
        for number in numbers:
            machine.ip("link", "delete", f"p{number}")


def _inner(program: "subprocess.Popen[str]") -> int:
    """Return the PID of *program* itself: nsenter(1) has forked it into the machine's PID namespace."""
    children = Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()
    return int(children[0]) if children else program.pid


@contextmanager
def pinging(machine: Machine, addresses: list[str]) -> Iterator[None]:
    """Ping *addresses* from the machine meanwhile, over its shims; every packet is answered."""
    command = (*machine.enter(), "ping", "-q", "-n", "-i", "0.2")
    pings = [subprocess.Popen((*command, address), stdout=subprocess.PIPE, text=True) for address in addresses]
    try:
        yield
    finally:
        for ping in pings:
            os.kill(_inner(ping), signal.SIGINT)
        told = [ping.communicate(timeout=20)[0] for ping in pings]
    counts = [re.findall(r"(\d+) packets transmitted, (\d+) received", text)[0] for text in told]
    # The last one may be under way when the ping is told to end.
    lost = [
        f"{to}: {sent} sent, {back} back"
        for to, (sent, back) in zip(addresses, counts, strict=True)
        if int(sent) - int(back) > 1
    ]
    print(f"{sum(int(sent) for sent, _ in counts)} packets over {len(addresses)} shims")
    assert lost == []
    assert min(int(sent) for sent, _ in counts) > 5


def routes_told(machine: Machine) -> int:
    """Return how many routes to the containers the journal has heard of."""
    records = machine.journal("MACVLAND_ACTION=add")
    routes = {record["MESSAGE"].partition("add route to ")[2] for record in records}
    return sum(route.startswith("10.0.") for route in routes)


@pytest.mark.fault("F85")
def test_upgrade_and_downgrade_lose_no_packet_of_fifty_shims(machine: Machine, deb: Path, newer: Path) -> None:
    with containers(machine) as addresses:
        wait_until(lambda: routes_told(machine) == SHIMS, 30)
        before = (cursor(machine), machine.ip("-br", "link", "show", "type", "macvlan"), age(machine))
        with pinging(machine, [*addresses, WEB]):
            install(machine, newer)
            wait_until(lambda: settled(machine), 30)
            assert machine.run("dpkg-query", "--show", "macvland").strip().endswith("+next")
            install(machine, deb, "--allow-downgrades")
            wait_until(lambda: settled(machine), 30)
        assert changes(machine, before[0]) == []
        assert (machine.ip("-br", "link", "show", "type", "macvlan"), age(machine)) == before[1:]


def networks(machine: Machine) -> set[str]:
    return set(machine.docker("network", "ls", "--format", "{{.Name}}").split())


@pytest.mark.fault("F86")
def test_removal_leaves_everything_and_purge_what_is_in_use(machine: Machine, lan: Lab, deb: Path) -> None:
    add_parent(machine, 99)
    machine.drop("unused.toml", elsewhere(99))
    assert machine.ctl("wait", "--timeout=20", "unused").returncode == 0
    before = age(machine)
    told = machine.run("apt-get", "remove", "--yes", "macvland")
    assert "networks stay as they are" in told
    assert reaches(lan.router, WEB)
    assert reaches(machine, WEB)
    install(machine, deb)
    wait_until(lambda: settled(machine), 20)
    assert age(machine) == before
    machine.run("apt-get", "purge", "--yes", "macvland")
    assert {"pub_net"} == networks(machine) & {"pub_net", "unused"}
    assert reaches(lan.router, WEB)
    assert reaches(machine, WEB)
    left = machine.run("sh", "-c", "ls -d /var/lib/macvland /run/macvland /usr/lib/systemd/system/macvl* || :")
    assert left == ""
    assert "pub_net.toml" in machine.run("ls", "/etc/macvlan.d")
    assert SHIM in machine.ip("-br", "link")
    assert "mv-unused" not in machine.ip("-br", "link")
    machine.path("/etc/macvlan.d/unused.toml").unlink()


def test_it_is_installed_again_after_a_purge_and_takes_over(machine: Machine, deb: Path) -> None:
    before = age(machine)
    install(machine, deb)
    wait_until(lambda: settled(machine), 20)
    meets(machine)
    assert age(machine) == before
