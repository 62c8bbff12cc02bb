"""C50, C57: what a shim needs and somebody else has: its name, its MAC on the parent."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from macvland.model import shim_mac
from tests.faults.daemon import Daemon
from tests.faults.invariants import idle
from tests.faults.test_drift import ours
from tests.lab import Host, wait_until
from tests.scene import (
    BORROWED,
    Serving,
    declare,
    foreign,
    lines,
    namespace_of,
    shims,
    tidy,
    wait_for_state,
    wait_for_ways,
)

WEB, HOST = "192.168.1.51", "192.168.1.50"


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with a network and a container on it."""
    it = shared_docker_host
    serving = Serving(it)
    daemon = serving()
    it.drop("pub_net.toml", declare(BORROWED))
    wait_for_state(daemon, it, "pub_net", "ready")
    it.container("web", "pub_net", WEB)
    wait_for_ways(it, {WEB: HOST})
    serving.stop()
    yield it
    tidy(it)


@pytest.fixture
def daemon(host: Host) -> Iterator[Daemon]:
    serving = Serving(host)
    daemon = serving()
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: HOST})
    yield daemon
    serving.stop()


@contextmanager
def asleep(daemon: Daemon) -> Iterator[None]:
    """Let *daemon* sleep while several things happen, so that it sees them as one."""
    daemon.signal(signal.SIGSTOP)
    yield
    daemon.signal(signal.SIGCONT)


IN_THE_PLACE = "a link 'mv-pub_net' that macvland did not make is in the place of its shim: rename or delete it"
THIEVES = {
    "a bridge": (("link add mv-pub_net type bridge",), "mv-pub_net", IN_THE_PLACE),
    "a veth": (("link add mv-pub_net type veth peer other",), "mv-pub_net", IN_THE_PLACE),
    "a macvlan": (("link add mv-pub_net link eth0 type macvlan mode bridge",), "mv-pub_net", IN_THE_PLACE),
    "one in the wrong group": (
        ("link add mv-pub_net link eth0 group 5 type macvlan mode bridge", "link set mv-pub_net up"),
        "mv-pub_net",
        IN_THE_PLACE,
    ),
    "an altname": (
        ("link add thief type bridge", "link property add dev thief altname mv-pub_net"),
        "thief",
        "the link 'thief' has the name of its shim, 'mv-pub_net', as an altname: take it away",
    ),
}


@pytest.mark.fault("C50")
@pytest.mark.parametrize("theft", THIEVES.values(), ids=THIEVES)
@pytest.mark.parametrize("gone", ["link delete mv-pub_net", "link set mv-pub_net name away"])
def test_somebody_elses_link_of_the_shims_name_is_told_and_never_touched(
    host: Host, daemon: Daemon, gone: str, theft: tuple[tuple[str, ...], str, str]
) -> None:
    steal, thief, reason = theft
    descriptors = idle(daemon)
    before, logged = ours(host), len(lines(daemon))
    with asleep(daemon):
        for command in (gone, *steal):
            host.ip(*command.split())
        strangers = foreign(host)
    conflict = wait_for_state(daemon, host, "pub_net", "conflict")
    assert conflict.reasons == (reason,)
    wait_until(lambda: shims(host) == [])  # one of another name is none
    assert idle(daemon) == descriptors
    assert foreign(host) == strangers
    host.ip("link", "delete", thief)
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_until(lambda: ours(host) == before)
    bad = [line for line in lines(daemon, logged) if "error" in line or "warning" in line]
    assert bad == [f"macvland: error: pub_net: conflict: {reason}"]


def mac(host: Host) -> str:
    """Return the MAC of the shim."""
    return str(host.ip_json("link", "show", "mv-pub_net")[0]["address"])


@pytest.mark.fault("C57")
@pytest.mark.parametrize("hidden", [False, True], ids=["where it can be seen", "in a container"])
def test_a_mac_that_somebody_else_takes_is_given_up_for_another_of_the_shims_own(
    host: Host,
    daemon: Daemon,
    hidden: bool,  # noqa: FBT001 - a table
) -> None:
    first, second = (shim_mac(host.machine_id, "pub_net", spare) for spare in range(2))
    assert mac(host) == first
    inside = ("nsenter", f"--net={namespace_of(host, 'web')}")
    with asleep(daemon):
        host.ip("link", "set", "mv-pub_net", "down")
        host.ip("link", "add", "thief", "link", "eth0", "address", first, "type", "macvlan", "mode", "bridge")
        if hidden:
            host.ip("link", "set", "thief", "netns", namespace_of(host, "web").parts[2])
        host.run(*(inside if hidden else ()), "ip", "link", "set", "thief", "up")
    wait_until(lambda: mac(host) == second)
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: HOST})
    host.ping(WEB)
    idle(daemon)
    host.run(*(inside if hidden else ()), "ip", "link", "delete", "thief")
    idle(daemon)
    assert mac(host) == second, "what works stays"
    host.ip("link", "delete", "mv-pub_net")
    wait_until(lambda: shims(host) and mac(host) == first)
    wait_for_state(daemon, host, "pub_net", "ready")
    wait_for_ways(host, {WEB: HOST})
