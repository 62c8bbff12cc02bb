"""B19, B32: macvland or Docker killed at any step of a replacement: it ends whole, with every container on it."""

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.docker.proxy import Proxy
from tests.faults.conftest import Start
from tests.faults.daemon import STOPPED, Daemon, begin_stopped, with_code
from tests.faults.invariants import content, docker_networks, status
from tests.faults.moments import SHARES, Deadly, moments
from tests.lab import LEAN, Host, wait_until

pytestmark = pytest.mark.engine

DOCKERD = (*LEAN, "--live-restore")  # its containers outlive it: so they run at every moment
SOCKET = "/run/deadly.sock"
BEGUN = "/var/lib/macvland/replace"
GATEWAYS = ("192.168.1.1", "192.168.1.2")
# What they were run with. Two run, one does not.
CONTAINERS = {
    "fixed": ("--ip", "192.168.1.51"),
    "named": ("--network-alias", "db"),
    "stopped": ("--ip", "192.168.1.52"),
}


@dataclass
class Ground:
    """A host with a network of three containers, and daemons that reach Docker through a proxy."""

    host: Host
    deadly: Deadly
    start: Start
    turn: int = 0

    def edit(self) -> str:
        """Let the file ask for the other gateway; return it."""
        self.turn += 1
        gateway = GATEWAYS[self.turn % 2]
        self.host.drop("lan.toml", file(gateway))
        return gateway

    def doomed(self) -> Daemon:
        """Return a daemon that is stopped before it does anything."""
        return begin_stopped(self.start(program=with_code(STOPPED), environment={"DOCKER_HOST": f"unix://{SOCKET}"}))

    def settled(self) -> bool:
        """Tell whether the status says that all is done."""
        now = status(self.host)
        return bool(now and content(now))

    def containers(self) -> dict[str, Any]:
        """Return how each container is attached to the network that is there; None where it is not."""
        (network,) = [one for one in docker_networks(self.host) if one["Name"] == "lan"]
        found: dict[str, Any] = {}
        for name in CONTAINERS:
            (report,) = json.loads(self.host.docker("inspect", name))
            settings = report["NetworkSettings"]["Networks"].get("lan")
            alone = settings and settings["NetworkID"] in (network["Id"], "")
            aliases = sorted(set((settings or {}).get("Aliases") or []) - {report["Id"][:12]})
            found[name] = ((settings["IPAMConfig"] or {}).get("IPv4Address"), aliases) if alone else None
        return found

    def require(self, gateway: str) -> None:
        """Require the network with this gateway, every container on it as it was run, and nothing left to do."""
        (network,) = [one for one in docker_networks(self.host) if one["Name"] == "lan"]
        assert network["IPAM"]["Config"][0]["Gateway"] == gateway
        assert self.containers() == {
            "fixed": ("192.168.1.51", []),
            "named": (None, ["db"]),
            "stopped": ("192.168.1.52", []),
        }
        assert begun(self) == []


def file(gateway: str) -> str:
    subnet = f'cidr = "192.168.1.0/24"\ngateway = "{gateway}"\nrange = "192.168.1.192/27"\n'
    return f'[network]\nparent = "eth0"\nprobe = false\n[[subnet]]\n{subnet}[shim]\n'


@pytest.fixture
def ground(shared_docker_host: Host, start: Start, request: pytest.FixtureRequest) -> Iterator[Ground]:
    host = shared_docker_host
    deadly = Deadly(spares=getattr(request, "param", ""))
    with Proxy(host.path(SOCKET), host.docker_socket) as proxy:
        proxy.faults = deadly
        ground = Ground(host, deadly, start)
        gateway = ground.edit()
        daemon = start(environment={"DOCKER_HOST": f"unix://{SOCKET}"})
        wait_until(ground.settled)
        for name, options in CONTAINERS.items():
            quick = ("--stop-signal", "SIGKILL")
            host.docker("run", "-d", "--name", name, "--network", "lan", *quick, *options, "lab", "sleep", "100000")
        host.docker("stop", "stopped")
        wait_until(ground.settled)
        ground.require(gateway)
        daemon.kill()
        yield ground
    host.docker("rm", "--force", *CONTAINERS)


def at_every_moment(ground: Ground, share: int, strike: Callable[[Daemon, int, str], bool]) -> int:
    """Let *strike* hit a replacement at each moment of *share* until it no longer does; return when it did not."""
    for moment in moments(share):
        gateway = ground.edit()
        daemon = ground.doomed()
        hit = strike(daemon, moment, gateway)
        if daemon.running:
            daemon.kill()
        if not hit:
            return moment
    raise AssertionError("it never came through")


@pytest.mark.parametrize("share", range(1, SHARES + 1))
@pytest.mark.fault("B32")
def test_macvland_killed_at_any_step_of_a_replacement_finishes_it(ground: Ground, share: int) -> None:
    def strike(daemon: Daemon, moment: int, gateway: str) -> bool:
        ground.deadly.kill(daemon.pid, moment)
        daemon.signal(signal.SIGCONT)
        wait_until(lambda: not daemon.running or (fresh(ground, daemon) and ground.settled()), 20)
        hit = not daemon.running
        ground.deadly.kill(0, 0)
        if hit:
            daemon = ground.doomed()
            daemon.signal(signal.SIGCONT)
            wait_until(lambda: fresh(ground, daemon) and ground.settled(), 20)
            daemon.kill()
        ground.require(gateway)
        return hit

    assert at_every_moment(ground, share, strike) > 20


@pytest.mark.parametrize("share", range(1, SHARES + 1))
@pytest.mark.parametrize("ground", ["GET"], indirect=True, ids=["changes"])
@pytest.mark.fault("B19")
@pytest.mark.fault("B32")
def test_docker_killed_at_any_step_of_a_replacement_has_it_finished(ground: Ground, share: int) -> None:
    def strike(daemon: Daemon, moment: int, gateway: str) -> bool:
        engine = ground.host.engine.pid
        ground.deadly.kill(engine, moment)  # only at what it is to change: that is what it may have half done
        daemon.signal(signal.SIGCONT)
        wait_until(lambda: is_over(engine) or (fresh(ground, daemon) and ground.settled()), 20)
        hit = is_over(engine)
        ground.deadly.kill(0, 0)
        if hit:
            ground.host.engine.kill()  # it is dead; now it is buried, too
            ground.host.engine.start()
            wait_until(lambda: fresh(ground, daemon) and ground.settled() and begun(ground) == [], 30)
        ground.require(gateway)
        return hit

    # Before and after each of: three containers sent away, one network removed, one made, three containers connected.
    assert at_every_moment(ground, share, strike) == 2 * 8 + share


def fresh(ground: Ground, daemon: Daemon) -> bool:
    """Tell whether the status is of *daemon*."""
    now = status(ground.host)
    return bool(now and now["pid"] == daemon.pid)


def begun(ground: Ground) -> list[Path]:
    return list(ground.host.path(BEGUN).glob("*"))


def is_over(pid: int) -> bool:
    """Tell whether the process has ended, though nobody may have asked it how."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
