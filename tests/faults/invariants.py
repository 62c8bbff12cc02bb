"""What must hold after every fault, I1 to I6 of docs/faults.md, looked at with ip(8), Docker's API and /proc."""

import json
import sys
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Any

from macvland.kernel.requests import GROUP, PROTOCOL
from macvland.model import shim_mac
from tests.faults.daemon import Daemon
from tests.lab import Host, wait_until
from tests.lab.command import PROJECT, TimeIsUpError

ASK = """
import sys
from macvland.cli import main
for line in sys.stdin:
    print(f"exit {main(line.split())}", flush=True)
"""


class Ctl:
    """macvlanctl that is started once and asked often: an interpreter's start takes longer than its answer."""

    def __init__(self, host: Host) -> None:
        """Start it inside *host*."""
        self._process = host.popen(
            sys.executable, "-c", ASK, environment={"PYTHONPATH": str(PROJECT)}, stdin=-1, stdout=-1, text=True
        )

    def __call__(self, verb: str) -> tuple[int, str]:
        """Run *verb*; return its exit status and what it printed."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{verb}\n")
        self._process.stdin.flush()
        lines = []
        while not (line := self._process.stdout.readline()).startswith("exit "):
            assert line, "macvlanctl has ended"
            lines.append(line)
        return int(line.split()[1]), "".join(lines)


@dataclass(frozen=True, kw_only=True)
class Shim:
    """A shim and all that rests on it, as ip(8) shows them."""

    name: str
    parent: str
    mac: str
    alias: str
    up: bool = True
    mode: str = "bridge"
    arp_filter: bool = True
    addresses: frozenset[str] = frozenset()
    routes: frozenset[tuple[str, str]] = frozenset()  # destination, source
    neighbours: frozenset[tuple[str, str]] = frozenset()  # address, MAC; permanent


@dataclass(frozen=True, kw_only=True)
class World:
    """All that macvland is there for: its shims, and its Docker networks by name, parent and subnet."""

    shims: frozenset[Shim] = frozenset()
    networks: tuple[tuple[str, str, str], ...] = ()


def shim(
    host: Host,
    network: str,
    parent: str,
    *,
    own: str | None = None,
    source: str = "",
    reaches: tuple[tuple[str, str], ...] = (),  # address, MAC
) -> Shim:
    """Return the shim as it should be: with its *own* address or none, and the ways to *reaches*."""
    return Shim(
        name=f"mv-{network}",
        parent=parent,
        mac=shim_mac(host.machine_id, network),
        alias=f"macvland: {network}",
        addresses=frozenset({f"{own}/32"}) if own else frozenset(),
        routes=frozenset((address, own or source) for address, _ in reaches),
        neighbours=frozenset(reaches),
    )


def seen(host: Host) -> World:
    """Return the world as it is."""
    routes = host.ip_json("-4", "route", "show", "protocol", str(PROTOCOL))
    neighbours = host.ip_json("-4", "neighbour", "show", "nud", "permanent")
    return World(
        shims=frozenset(_shim(host, link, routes, neighbours) for link in our_links(host)),
        networks=tuple(sorted(_network(one) for one in docker_networks(host) if _is_ours(one))),
    )


def our_links(host: Host) -> list[dict[str, Any]]:
    """Return the links that carry our mark."""
    return [link for link in host.ip_json("-details", "address", "show") if link.get("group") == str(GROUP)]


def indexes(host: Host) -> dict[str, int]:
    """Return the ifindex of each of our links: another one means that it was made anew."""
    return {link["ifname"]: link["ifindex"] for link in our_links(host)}


def identifiers(host: Host) -> dict[str, str]:
    """Return Docker's id of each of our networks: another one means that it was made anew."""
    return {one["Name"]: one["Id"] for one in docker_networks(host) if _is_ours(one)}


def made(host: Host) -> dict[str, object]:
    """Return what tells each of our links and networks from another one made later in its place."""
    return {**indexes(host), **identifiers(host)}


def docker_networks(host: Host) -> list[dict[str, Any]]:
    """Return every network as Docker tells of it; none where it does not run."""
    if not host.docker_socket.exists():
        return []
    connection = HTTPConnection("localhost")
    with socket(AF_UNIX) as connection.sock:
        connection.sock.connect(str(host.docker_socket))
        connection.request("GET", "/networks")
        networks: list[dict[str, Any]] = json.loads(connection.getresponse().read())
    return networks


def foreign(host: Host) -> dict[str, Any]:
    """Return everything on *host* that is not ours, to be compared with what it was before (I3)."""
    ours = {link["ifname"] for link in our_links(host)}
    return {
        "links": [_link(link) for link in host.ip_json("-details", "address", "show") if link["ifname"] not in ours],
        "routes": [
            route
            for version in ("-4", "-6")
            for route in host.ip_json(version, "route", "show", "table", "all")
            if route.get("dev") not in ours
        ],
        "neighbours": [
            one for one in host.ip_json("neighbour", "show", "nud", "permanent") if one.get("dev") not in ours
        ],
        "networks": sorted((one for one in docker_networks(host) if not _is_ours(one)), key=lambda one: str(one["Id"])),
    }


def _link(link: dict[str, Any]) -> dict[str, Any]:
    """Return what somebody has set of *link*; the rest is the kernel's, which changes it by itself."""
    set_by_somebody = (
        "ifindex",
        "ifname",
        "ifalias",
        "altnames",
        "link",
        "address",
        "mtu",
        "group",
        "master",
        "linkinfo",
    )
    addresses = [one for one in link["addr_info"] if one["scope"] == "global"]
    return {key: link.get(key) for key in set_by_somebody} | {"up": "UP" in link["flags"], "addresses": addresses}


def require(host: Host, ctl: Ctl, wanted: World, seconds: float = 15) -> None:
    """Require that the world becomes *wanted*, and that macvlanctl agrees (I2)."""
    try:
        wait_until(lambda: seen(host) == wanted, seconds)
    except TimeIsUpError:
        assert seen(host) == wanted
    assert wait_until(lambda: (plan := ctl("plan"))[0] == 0 and plan) == (0, "nothing to do\n")


def status(host: Host) -> dict[str, Any]:
    """Return the daemon's last status, or nothing."""
    try:
        read = json.loads(host.path("/run/macvland/status.json").read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def content(now: dict[str, Any]) -> bool:
    """Tell whether a status says that every network is as asked."""
    return now["converged"] and all(network["state"] in ("ready", "foreign") for network in now["networks"])


def told(host: Host, daemon: Daemon, seconds: float = 15) -> dict[str, Any]:
    """Wait until *daemon* says that all is as asked; return its status."""

    def converged() -> dict[str, Any]:
        assert daemon.running, daemon.read_log()
        now = status(host)
        return now if now.get("pid") == daemon.pid and content(now) else {}

    return wait_until(converged, seconds, f"a converged status; the log says\n{daemon.read_log()}")


def idle(daemon: Daemon, moment: float = 0.4, seconds: float = 20) -> int:
    """Wait until *daemon* has not run for a *moment* (I6); return how many descriptors it has then."""
    state = [time.monotonic(), _switches(daemon)]

    def still() -> bool:
        if (now := _switches(daemon)) != state[1]:
            state[:] = [time.monotonic(), now]
        return time.monotonic() - state[0] > moment

    wait_until(still, seconds, f"idleness; the log says\n{daemon.read_log()}")
    return descriptors(daemon)


def descriptors(daemon: Daemon) -> int:
    """Return how many files *daemon* has open."""
    return len(list(Path(f"/proc/{daemon.pid}/fd").iterdir()))


def _switches(daemon: Daemon) -> int:
    """Return how often the threads of *daemon* have gone to sleep so far: any wake-up counts, however short."""
    count = 0
    for task in Path(f"/proc/{daemon.pid}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except OSError:  # the thread has just ended
            return -1
        count += sum(int(line.split()[1]) for line in lines if "ctxt_switches" in line)
    return count


def _shim(host: Host, link: dict[str, Any], routes: list[dict[str, Any]], neighbours: list[dict[str, Any]]) -> Shim:
    name = link["ifname"]
    arp_filter = host.run("sh", "-c", f"cat /proc/sys/net/ipv4/conf/{name}/arp_filter || true")  # it may have gone
    return Shim(
        name=name,
        parent=link["link"],
        mac=link["address"],
        alias=link.get("ifalias", ""),
        up="UP" in link["flags"],
        mode=link["linkinfo"]["info_data"]["mode"],
        arp_filter=arp_filter == "1\n",
        addresses=frozenset(
            f"{one['local']}/{one['prefixlen']}" for one in link["addr_info"] if one["family"] == "inet"
        ),
        routes=frozenset((one["dst"], one.get("prefsrc", "")) for one in routes if one["dev"] == name),
        neighbours=frozenset((one["dst"], one["lladdr"]) for one in neighbours if one["dev"] == name),
    )


def _network(report: dict[str, Any]) -> tuple[str, str, str]:
    return (report["Name"], report["Options"]["parent"], report["IPAM"]["Config"][0]["Subnet"])


def _is_ours(report: dict[str, Any]) -> bool:
    return "io.macvland.managed" in (report["Labels"] or {})
