"""What the tests of a running daemon share: files to drop, what is seen of them, pings that must not stop."""

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker

from macvland import status as report
from macvland.status import NetworkStatus, State, Status
from tests.faults.daemon import Daemon, with_code
from tests.lab import CommandError, Host, Macvland, wait_until

GROUP, PROTOCOL = "28022", "77"  # the marks of what is macvland's, as ip(8) shows them
STARTED = "macvland: macvland 0.1.0 started"
REPLY = re.compile(r"icmp_seq=(\d+) ttl=")

BORROWED = "[shim]\n"
OWN = '[shim]\naddress = "192.168.1.223"\n'
BROADCAST_TYPE = 0x88B5  # an EtherType for local experiments (IEEE 802)


def declare(
    shim: str = "", *, parent: str = "eth0", lan: str = "192.168.1", gateway: str = "1", extra: str = ""
) -> str:
    """Return the text of a file: a network on *parent* with *lan*.0/24, of which Docker hands out .192 to .223.

    On any LAN but the lab's own nobody is asked: there is no router there, whose silence would be told.
    """
    if (parent, lan) != ("eth0", "192.168.1"):
        extra = "\n".join((*((extra,) if extra else ()), "probe = false"))
    return (
        f'[network]\nparent = "{parent}"\n{extra}\n[[subnet]]\ncidr = "{lan}.0/24"\n'
        f'gateway = "{lan}.{gateway}"\nrange = "{lan}.192/27"\n\n{shim}'
    )


def docker_options(parent: str = "eth0", lan: str = "192.168.1") -> tuple[str, ...]:
    """Return what `docker network create` needs for a network as `declare` describes it."""
    pool = ("--subnet", f"{lan}.0/24", "--gateway", f"{lan}.1", "--ip-range", f"{lan}.192/27")
    return ("--driver", "macvlan", "--opt", f"parent={parent}", "--opt", "macvlan_mode=bridge", *pool)


# What macvland tells


def status(host: Host) -> Status | None:
    """Return what the daemon saw last."""
    try:
        return report.read(host.path("/run/macvland/status.json"))
    except FileNotFoundError:
        return None


def network_status(host: Host, name: str) -> NetworkStatus | None:
    """Return what the daemon saw last of network *name*."""
    last = status(host)
    return next((network for network in last.networks if network.name == name), None) if last else None


def wait_for_state(daemon: Macvland, host: Host, name: str, state: str, seconds: float = 10) -> NetworkStatus:
    """Wait until *daemon* itself says that network *name* is in *state*; "gone" if it does not know it any more.

    It says so in its log as well, which is written aside: whoever counts lines afterwards has all of them.
    """

    def reached() -> NetworkStatus | bool:
        last = status(host)
        if daemon.process.poll() is not None or last is None or last.pid != daemon.pid:
            return False
        found = next((network for network in last.networks if network.name == name), None)
        if (str(found.state) if found else "gone") != state or not logged(daemon, name, state):
            return False
        return found or True

    try:
        found = wait_until(reached, seconds, f"network '{name}' {state}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {network_status(host, name)}\n{daemon.read_log()}") from None
    return found if isinstance(found, NetworkStatus) else None  # type: ignore[return-value]


def logged(daemon: Macvland, name: str, state: str) -> bool:
    """Tell whether *state* is what *daemon* has logged last of network *name*; that there is none need not be said.

    So it is with one that logs to a journal.
    """
    log = daemon.read_log()
    if not log:
        return True
    states = "|".join(("gone", *map(str, State)))
    told = re.findall(rf"^macvland: (?:\w+: )?{re.escape(name)}: ({states})(?=:|$)", log, re.MULTILINE)
    return bool(told[-1] == state if told else state == "gone")


def lines(daemon: Macvland, after: int = 0) -> list[str]:
    """Return the lines that *daemon* has logged, without the first *after*."""
    return daemon.read_log().splitlines()[after:]


def lines_up_to(daemon: Macvland, last: str) -> int:
    """Wait until *daemon* has logged a line that contains *last*; return how many lines there are then.

    What a pass did is seen in the kernel first, in the log after that.
    """
    return wait_until(lambda: len(lines(daemon)) if any(last in line for line in lines(daemon)) else 0, what=last)


def wait_for_lines(daemon: Macvland, *expected: str, after: int = 0) -> None:
    """Wait until *daemon* has logged *expected*, and nothing else, after its first *after* lines."""
    try:
        wait_until(lambda: len(lines(daemon, after)) >= len(expected))
    finally:
        assert lines(daemon, after) == list(expected)


# What there is


def wait_for_ways(
    host: Host,
    sources: dict[str, str],
    macs: dict[str, str] | None = None,
    shim: str = "mv-pub_net",
    seconds: float = 10,
) -> None:
    """Wait until *shim* has routes to exactly the destinations of *sources*, and a neighbour for each (*macs*)."""

    def there() -> bool:
        routes, neighbours = ways(host, shim)
        return routes == sources and (neighbours == macs if macs else neighbours.keys() == sources.keys())

    try:
        wait_until(there, seconds)
    except AssertionError:
        assert ways(host, shim) == (sources, macs or "anything")


def ways(host: Host, shim: str = "mv-pub_net") -> tuple[dict[str, str], dict[str, str]]:
    """Return the routes (destination to source) and the permanent neighbours (address to MAC) of *shim*."""
    try:
        routes = host.ip_json("-4", "route", "show", "dev", shim, "proto", PROTOCOL)
        neighbours = host.ip_json("-4", "neigh", "show", "dev", shim, "nud", "permanent")
    except CommandError:
        return {}, {}
    return {it["dst"]: it["prefsrc"] for it in routes}, {it["dst"]: it["lladdr"] for it in neighbours}


def shims(host: Host) -> list[str]:
    """Return the names of the links that are macvland's."""
    return sorted(link["ifname"] for link in host.ip_json("-details", "link") if link["group"] == GROUP)


def ipv4_addresses(host: Host, link: str) -> list[str]:
    """Return the IPv4 addresses of *link*."""
    shown = host.ip_json("-4", "address", "show", "dev", link)
    return [item["local"] for shown_link in shown for item in shown_link.get("addr_info", ())]


@contextmanager
def api(host: Host) -> Iterator[Any]:
    """Talk to *host*'s Docker as an administrator does, without the cost of a program for each word."""
    client = docker.APIClient(f"unix://{host.docker_socket}", version="auto")
    try:
        yield client
    finally:
        client.close()


def networks(host: Host) -> dict[str, str]:
    """Return the ids of Docker's macvlan networks, by name."""
    with api(host) as client:
        return {report["Name"]: report["Id"] for report in client.networks(filters={"driver": ["macvlan"]})}


def inspect(host: Host, name: str) -> dict[str, Any]:
    """Return a Docker network, without who is on it."""
    with api(host) as client:
        report: dict[str, Any] = client.inspect_network(name)
    report.pop("Containers")
    return report


def foreign(host: Host) -> dict[str, Any]:
    """Return all that is on *host* and not macvland's, which must be the same before and after whatever it does."""
    links = {link["ifname"]: link for link in host.ip_json("-details", "link") if link.get("group") != GROUP}
    names = [name for name in networks(host) if not inspect(host, name)["Labels"].get("io.macvland.managed")]
    return {
        "links": links,
        "addresses": [item for item in host.ip_json("-4", "address") if item["ifname"] in links],
        "routes": [item for item in host.ip_json("-4", "route", "show", "table", "all") if item.get("dev") in links],
        "neighbours": [item for item in host.ip_json("neigh", "show", "nud", "permanent") if item["dev"] in links],
        "networks": [inspect(host, name) for name in names],
    }


def add_strangers(host: Host) -> None:
    """Put things on *host* that look as if they could be macvland's, and are not."""
    host.ip("link", "add", "mv-bridge", "type", "bridge")
    host.ip("link", "add", "mv-strange", "link", "eth0", "type", "macvlan", "mode", "bridge")
    host.ip("link", "set", "mv-strange", "alias", "macvland: strange", "up")
    host.ip("address", "add", "192.168.1.240/32", "dev", "mv-strange")
    host.ip("route", "add", "192.168.1.241/32", "dev", "mv-strange")
    host.ip("neigh", "add", "192.168.1.241", "lladdr", "02:00:00:00:02:41", "dev", "mv-strange", "nud", "permanent")
    host.ip("route", "add", "203.0.113.0/24", "via", "192.168.1.1", "dev", "eth0", "proto", "static")


def add_nic(host: Host, name: str, address: str) -> None:
    """Give *host* another NIC with *address*, on a LAN of its own."""
    host.ip("link", "add", name, "type", "veth", "peer", f"{name}-lan")
    host.ip("link", "set", f"{name}-lan", "up")
    host.ip("link", "set", name, "up")
    host.ip("address", "add", address, "dev", name)


def namespace_of(host: Host, container: str) -> Path:
    """Return the network namespace of a running *container*."""
    with api(host) as client:
        return Path("/proc", str(client.inspect_container(container)["State"]["Pid"]), "ns/net")


# What must go on


@contextmanager
def unbroken_ping(host: Host, address: str, *, within: Path | None = None) -> Iterator[None]:
    """Ping *address* fifty times a second from *host*, or from the namespace *within*: none must be lost meanwhile."""
    enter = ("nsenter", f"--net={within}") if within else ()
    log = host.root / f"ping-{address}-{'in' if within else 'out'}.txt"
    with log.open("wb") as output:
        ping = host.popen(*enter, "ping", "-n", "-i", "0.02", "-O", address, stdout=output, stderr=output)

    def replies() -> list[int]:
        return [int(number) for number in REPLY.findall(log.read_text())]

    try:
        wait_until(replies, what=f"an answer from {address}")
        yield
        before = len(replies())
        wait_until(lambda: len(replies()) > before, what=f"an answer from {address} at the end")
    finally:
        ping.send_signal(signal.SIGINT)
        ping.wait()
    came = replies()
    lost = sorted(set(range(1, max(came) + 1)) - set(came))
    assert not lost, f"{len(lost)} of {max(came)} packets to {address} lost: {lost[:20]}"


# Before and after


# How a slow Docker is told of is shown elsewhere: on a busy machine it would only be noise between the lines expected.
CALM = "from macvland import patience; patience.PATIENCE = 5.0"
UNHURRIED = with_code(CALM)
# It tries again ten times as soon as others. How long the pauses are is shown by tests with a clock of their own.
IMPATIENT = with_code(CALM, "from macvland import pauses, quarrel; pauses.FIRST = quarrel.FIRST = 0.1")


class Serving:
    """Starts daemons on a host, and stops those that still run when a test is over."""

    def __init__(self, host: Host, program: tuple[str, ...] = UNHURRIED) -> None:
        """Start none yet; *program* is what will be started."""
        self.host = host
        self._program = program
        self._daemons: list[Daemon] = []

    def __call__(self, *under: str) -> Daemon:
        """Start a daemon by the words *under*; return when it has done its first pass."""
        daemon = Daemon(self.host, *under, program=self._program)
        self._daemons.append(daemon)
        first = wait_until(
            lambda: (last := status(self.host)) and last.pid == daemon.pid and last, what="the first pass"
        )
        if first and first.engine:  # the log is written aside: whoever counts lines from now on has all before
            daemon.wait_for(f"Docker {first.engine} answers")
        return daemon

    def stop(self) -> None:
        """Stop what runs; nothing may have died."""
        for daemon in self._daemons:
            if daemon.process.poll() is None:
                assert daemon.stop() == 0, daemon.read_log()


def tidy(host: Host) -> None:
    """Take away everything that a test has left on *host*, which keeps its Docker."""
    host.path("/etc/macvlan.d").mkdir(exist_ok=True)  # a test that failed may have left it moved away
    for file in host.path("/etc/macvlan.d").iterdir():
        file.unlink()
    with api(host) as client:
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True)
        for report in client.networks(filters={"driver": ["macvlan"]}):
            client.remove_network(report["Id"])
    own = {"lo", "eth0"}
    while links := [link["ifname"] for link in host.ip_json("link") if link["ifname"] not in own]:
        host.ip("link", "delete", links[-1])  # one takes others with it
    host.ip("route", "flush", "proto", "static")
    host.path("/run/macvland/status.json").unlink(missing_ok=True)
