"""Rows C43 to C49: whatever somebody does to what is ours is put right from events alone, and told once.

One host serves all of them, with 'pub_net' and 'own', which suffer, and 'calm', which is not concerned and loses no
packet. A device on the LAN listens from the first to the last: it must see one MAC for each address, and no question
of a shim's.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from typing import Any

import pytest

from macvland.model import shim_mac
from tests.faults.daemon import Daemon
from tests.faults.drifts import BOTH, BOTH6, DRIFTS, HOST, OWN, OWN6, WEB, Drift
from tests.faults.invariants import idle
from tests.lab import Container, Host, Lab, Station, wait_until
from tests.lab.wire import Wire, listening
from tests.scene import (
    BORROWED,
    Serving,
    add_nic,
    add_strangers,
    declare,
    foreign,
    lines,
    namespace_of,
    shims,
    tidy,
    unbroken_ping,
    wait_for_state,
    wait_for_ways,
)

QUIET = "10.9.9.51"
OWN_FILE = f"""\
[network]
parent = "eth2"
probe = false

[[subnet]]
cidr = "10.6.6.0/24"
gateway = "10.6.6.1"
range = "10.6.6.192/27"

[[subnet]]
cidr = "fd00:6::/64"
gateway = "fd00:6::1"
range = "fd00:6::1000/120"

[shim]
address = ["{OWN}", "{OWN6}"]
"""
SETTINGS = "ipv4/conf/{0}/arp_filter ipv6/conf/{0}/accept_ra ipv6/conf/{0}/autoconf"


@dataclass(frozen=True)
class Ground:
    """The host, its daemon, what the LAN hears of them, and what stands for the words of the table."""

    host: Host
    daemon: Daemon
    router: Station
    wires: tuple[Wire, Wire]  # the host's cable, and the router's
    words: dict[str, str]

    def heard(self) -> None:
        """Require that the LAN has heard one MAC for each address, and nothing at all from a shim."""
        known = {HOST: self.host.mac, WEB: self.words["web"], self.router.address: self.router.mac}
        for wire in self.wires:
            claims = wire.claims()
            assert {address: claims.get(address) for address in known} == {a: {mac} for a, mac in known.items()}
            assert {arp.source for arp in wire.arps()} <= set(known.values())


@pytest.fixture(scope="module")
def host(shared_docker_host: Host) -> Iterator[Host]:
    """A host with three networks and a container on each, and things of others that look like ours."""
    it = shared_docker_host
    add_nic(it, "eth1", "10.9.9.50/24")
    add_nic(it, "eth2", "10.6.6.50/24")
    it.ip("address", "add", "fd00:6::50/64", "dev", "eth2", "nodad")
    it.drop("pub_net.toml", declare(BORROWED))
    it.drop("own.toml", OWN_FILE)
    it.drop("calm.toml", declare(BORROWED, parent="eth1", lan="10.9.9"))
    add_strangers(it)
    it.run("sysctl", "-qw", "net.ipv4.conf.mv-strange.arp_filter=1")  # else it is the stranger who tells two MACs
    yield it
    tidy(it)


@pytest.fixture(scope="module")
def ground(shared_lab: Lab, host: Host) -> Iterator[Ground]:
    """A daemon that serves them, and a device on the LAN that listens to all of it."""
    serving = Serving(host)
    daemon = serving()
    for network in ("pub_net", "own", "calm"):
        wait_for_state(daemon, host, network, "ready")
    host.docker("run", "-d", "--name", "both", "--network", "own", "--ip", BOTH, "--ip6", BOTH6, "lab", "sleep", "inf")
    macs = {
        "web": host.container("web", "pub_net", WEB).mac(),
        "quiet": host.container("quiet", "calm", QUIET).mac(),
        "both": Container(host, "both").mac(),
    }
    wait_for_ways(host, {WEB: HOST})
    wait_for_ways(host, {QUIET: "10.9.9.50"}, shim="mv-calm")
    wait_for_ways(host, {BOTH: OWN}, shim="mv-own")
    router = shared_lab.router
    words = macs | {
        "shim": shim_mac(host.machine_id, "pub_net"),
        "pid": namespace_of(host, "quiet").parts[2],
    }
    ends = ((shared_lab.state.namespace("switch"), f"p-{host.name}"), (router.namespace, router.nic))
    with ExitStack() as stack:
        cable, far = (Wire(stack.enter_context(listening(Path("/run/netns", where), nic))) for where, nic in ends)
        # A packet every 5 ms: one is on its way whenever a route or a neighbour is gone.
        stack.enter_context(talking(host.popen("ping", "-q", "-i", "0.005", WEB, stdout=DEVNULL)))
        for target in (HOST, WEB):
            stack.enter_context(talking(router.popen("ping", "-q", "-i", "0.1", target, stdout=DEVNULL)))
        inside = f"--net={namespace_of(host, 'web')}"
        stack.enter_context(talking(host.popen("nsenter", inside, "ping", "-q", "-i", "0.1", HOST, stdout=DEVNULL)))
        yield Ground(host, daemon, router, (cable, far), words)
    serving.stop()


@contextmanager
def talking(ping: "Popen[bytes]") -> Iterator[None]:
    """Keep *ping* going, whether it is answered or not."""
    yield
    assert ping.poll() is None
    ping.kill()
    ping.wait()


def settle(ground: Ground) -> int:
    """Let all be well, and what was repaired before be forgotten: a test's repairs are the first. Return its files."""
    ground.router.ip("neigh", "flush", "all")  # it has to ask again
    ground.host.run("kill", "-HUP", str(ground.daemon.pid))
    for network in ("pub_net", "own", "calm"):
        wait_for_state(ground.daemon, ground.host, network, "ready")
    return idle(ground.daemon)


def ours(host: Host) -> dict[str, Any]:
    """Return all that is macvland's in the kernel, by what somebody has set of it."""
    found: dict[str, Any] = {}
    for name in shims(host):
        (link,) = host.ip_json("-details", "address", "show", "dev", name)
        found[name] = {
            "link": {key: link.get(key) for key in ("link", "address", "mtu", "group", "ifalias", "linkinfo", "flags")},
            "addresses": [(one["local"], one["prefixlen"]) for one in link["addr_info"]],
            "routes": [host.ip_json(family, "route", "show", "dev", name, "proto", "77") for family in ("-4", "-6")],
            "neighbours": host.ip_json("neigh", "show", "dev", name, "nud", "permanent"),
            "settings": host.run("sh", "-c", f"cd /proc/sys/net; cat {SETTINGS.format(name)} || true"),
            "altnames": link.get("altnames"),
        }
    return found


@pytest.mark.fault("C43")
@pytest.mark.fault("C44")
@pytest.mark.fault("C45")
@pytest.mark.fault("C46")
@pytest.mark.fault("C47")
@pytest.mark.fault("C48")
@pytest.mark.fault("C49")
@pytest.mark.parametrize("drift", DRIFTS, ids=lambda drift: f"{drift.row} {drift.what}")
def test_drift_is_put_right_from_events_and_told_once(ground: Ground, drift: Drift) -> None:
    host, daemon = ground.host, ground.daemon
    descriptors = settle(ground)
    before, others, logged = ours(host), foreign(host), len(lines(daemon))
    told = [f"macvland: {line.format(**ground.words)}" for line in drift.told]
    with nullcontext() if drift.everywhere else unbroken_ping(host, QUIET):
        host.run("sh", "-c", drift.command.format(**ground.words))
        wait_until(lambda: len(lines(daemon, logged)) >= len(told), what="\n".join(told))
        wait_until(lambda: ours(host) == before)
    assert lines(daemon, logged) == told
    assert idle(daemon) == descriptors
    assert lines(daemon, logged) == told
    assert foreign(host) == others
    ground.heard()
