"""A1, A2, F84: killed at any moment, the next start completes what was begun, and touches nothing that was complete."""

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from macvland.kernel.requests import GROUP
from tests.docker.proxy import Proxy
from tests.faults.conftest import Start
from tests.faults.daemon import STOPPED, Daemon, attach, begin_stopped, with_code
from tests.faults.declaration import add_parents, file
from tests.faults.invariants import (
    Ctl,
    World,
    content,
    foreign,
    indexes,
    made,
    our_links,
    require,
    seen,
    shim,
    status,
    told,
)
from tests.faults.moments import SHARES, Deadly, moments
from tests.lab import Host, wait_until

FILES = {
    "own.toml": file("eth2", 2, 'address = "192.168.2.223"\n'),
    "lent.toml": file("eth3", 3),
    "still.toml": file("eth4", 4),
}


@dataclass(frozen=True)
class Ground:
    """A host with three networks, two of them with a container, and with things of others beside them."""

    host: Host
    ctl: Ctl
    wanted: World
    foreign: object
    ping: "subprocess.Popen[str]"

    def undo(self) -> None:
        """Take away what the next start is to make: two shims and a network. The network 'still' stays complete."""
        for name in ("mv-own", "mv-lent"):
            self.host.ip("link", "delete", name)
        self.host.docker("network", "rm", "own")
        for name in ("status.json", ".status.json.new"):
            self.host.path(f"/run/macvland/{name}").unlink(missing_ok=True)


@pytest.fixture
def ground(shared_docker_host: Host, ctl: Ctl, start: Start) -> Iterator[Ground]:
    host = shared_docker_host
    add_parents(host, 2, 3, 4, 5)
    host.ip("link", "add", "mv-theirs", "link", "eth0", "type", "macvlan", "mode", "bridge")
    host.ip("link", "set", "mv-theirs", "addrgenmode", "none")
    host.ip("address", "add", "192.168.1.99/32", "dev", "mv-theirs")
    host.ip("link", "set", "mv-theirs", "up")
    host.ip("route", "add", "192.168.1.98", "dev", "mv-theirs")
    host.docker(
        "network", "create", "--driver", "macvlan", "--opt", "parent=eth5", "--subnet", "192.168.5.0/24", "theirs"
    )
    wait_until(lambda: "tentative" not in host.ip("address", "show"))
    before = foreign(host)
    for name, text in FILES.items():
        host.drop(name, text)
    daemon = start()
    told(host, daemon)
    daemon.kill()
    lent, still = (host.container(name, name, f"192.168.{third}.51") for name, third in (("lent", 3), ("still", 4)))
    wanted = World(
        shims=frozenset(
            {
                shim(host, "own", "eth2", own="192.168.2.223"),
                shim(host, "lent", "eth3", source="192.168.3.50", reaches=(("192.168.3.51", lent.mac()),)),
                shim(host, "still", "eth4", source="192.168.4.50", reaches=(("192.168.4.51", still.mac()),)),
            }
        ),
        networks=(
            ("lent", "eth3", "192.168.3.0/24"),
            ("own", "eth2", "192.168.2.0/24"),
            ("still", "eth4", "192.168.4.0/24"),
        ),
    )
    daemon = start()
    told(host, daemon)
    require(host, ctl, wanted)
    daemon.kill()
    ping = host.popen("ping", "-q", "-n", "-i", "0.1", "192.168.4.51", stdout=subprocess.PIPE, text=True)
    yield Ground(host, ctl, wanted, before, ping)
    lent.remove()
    still.remove()
    host.docker("network", "rm", "theirs")
    for link in ("mv-theirs", "eth2", "eth3", "eth4", "eth5"):
        host.ip("link", "delete", link)


class Reserve:
    """Daemons that have come as far as their main and stopped there: the next one is made while this one works."""

    def __init__(self, start: Start, environment: dict[str, str] | None = None) -> None:
        """Begin with one."""
        self._start, self._environment = start, environment
        self._next = self._make()

    def _make(self) -> Daemon:
        return self._start(program=with_code(STOPPED), environment=self._environment)

    def take(self) -> Daemon:
        """Return one that is stopped."""
        daemon, self._next = self._next, self._make()
        return begin_stopped(daemon)


def completes(daemon: Daemon, host: Host) -> bool:
    """Wait for the end of *daemon* or of its work; tell whether it was its work."""
    wait_until(lambda: not daemon.running or ((now := status(host)) and content(now)), 20)
    return daemon.running


def kill_at_every_moment(ground: Ground, share: int, arm: Callable[[Daemon, int], object], reserve: Reserve) -> int:
    """Let daemons begin that *arm* dooms to die at each moment of *share*, until one completes; return its moment.

    After each, a daemon that nobody kills must complete the world, and leave alone what was complete already.
    """
    host = ground.host
    for moment in moments(share):
        ground.undo()
        before = made(host)
        doomed = reserve.take()
        arm(doomed, moment)
        doomed.signal(signal.SIGCONT)
        if completes(doomed, host):
            return moment
        assert doomed.process.wait() == -signal.SIGKILL
        partial = made(host)
        assert before.items() <= partial.items()
        daemon = reserve.take()
        daemon.signal(signal.SIGCONT)
        require(host, ground.ctl, ground.wanted)
        assert partial.items() <= made(host).items()
        daemon.kill()
    raise AssertionError("no daemon completed")


def require_the_rest(ground: Ground) -> None:
    """Require that nothing foreign changed (I3), and that the network not concerned lost no packet (I4)."""
    assert foreign(ground.host) == ground.foreign
    ground.ping.send_signal(signal.SIGINT)
    assert " 0% packet loss" in ground.ping.communicate()[0]


@pytest.mark.parametrize("share", range(1, SHARES + 1))
@pytest.mark.fault("A1")
def test_a_kill_at_any_netlink_send_is_made_good_by_the_next_start(ground: Ground, start: Start, share: int) -> None:
    def arm(daemon: Daemon, moment: int) -> None:
        attach(ground.host, daemon, "-e", "trace=sendto", "-e", f"inject=sendto:signal=SIGKILL:when={moment}")

    assert kill_at_every_moment(ground, share, arm, Reserve(start)) > 16
    require_the_rest(ground)


@pytest.mark.parametrize("share", range(1, SHARES + 1))
@pytest.mark.fault("A1")
def test_a_kill_at_any_docker_request_is_made_good_by_the_next_start(ground: Ground, start: Start, share: int) -> None:
    deadly = Deadly()
    with Proxy(ground.host.path("/run/deadly.sock"), ground.host.docker_socket) as proxy:
        proxy.faults = deadly
        reserve = Reserve(start, {"DOCKER_HOST": "unix:///run/deadly.sock"})
        assert kill_at_every_moment(ground, share, lambda daemon, moment: deadly.kill(daemon.pid, moment), reserve) > 9
    require_the_rest(ground)


@pytest.mark.fault("A2")
def test_a_shim_without_its_alias_yet_is_recognised_and_completed(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1))
    # Some sends ask what is there, one makes the shim, and the next gives it its alias: that one kills.
    for moment in range(7, 20):
        doomed = begin_stopped(start(program=with_code(STOPPED)))
        attach(host, doomed, "-e", "trace=sendto", "-e", f"inject=sendto:signal=SIGKILL:when={moment}")
        doomed.signal(signal.SIGCONT)
        assert doomed.process.wait(20) == -signal.SIGKILL
        if our_links(host):
            break
    assert [(link["ifname"], "ifalias" in link) for link in our_links(host)] == [("mv-lan", False)]
    before = indexes(host)
    told(host, start())
    assert indexes(host) == before
    assert seen(host).shims == {shim(host, "lan", "eth0")}


@pytest.mark.fault("A2")
def test_a_shim_without_its_alias_yet_goes_with_its_file(shared_docker_host: Host, start: Start) -> None:
    host = shared_docker_host
    host.ip("link", "add", "mv-lan", "link", "eth0", "group", str(GROUP), "type", "macvlan", "mode", "bridge")
    start()
    wait_until(lambda: our_links(host) == [])


@pytest.mark.fault("F84")
def test_a_kill_between_write_and_rename_leaves_the_old_status_and_no_rubbish(
    shared_docker_host: Host, start: Start
) -> None:
    host = shared_docker_host
    host.drop("lan.toml", file("eth0", 1, None))
    first = start()
    told(host, first)
    assert first.stop() == 0
    old = host.path("/run/macvland/status.json").read_text()
    doomed = begin_stopped(start(program=with_code(STOPPED)))
    attach(host, doomed, "-e", "trace=/^rename", "-e", "inject=/^rename:signal=SIGKILL:when=1")
    doomed.signal(signal.SIGCONT)
    assert doomed.process.wait(20) == -signal.SIGKILL
    assert json.loads(host.path("/run/macvland/.status.json.new").read_text())["pid"] == doomed.pid
    assert host.path("/run/macvland/status.json").read_text() == old
    last = start()
    told(host, last)
    kept = ["docker.json", "lock", "status.json"]
    wait_until(lambda: sorted(path.name for path in host.path("/run/macvland").iterdir()) == kept)
