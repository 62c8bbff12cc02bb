"""A device on the lab's LAN: one network namespace with one NIC on the switch."""

import contextlib
import json
import subprocess
from collections.abc import Callable, Mapping
from hashlib import md5
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from tests.lab.command import SEARCH_PATH, CommandError, run
from tests.lab.state import State, kill_cgroup

PLAIN: Mapping[str, str] = {
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "PATH": SEARCH_PATH,
}


class Station:
    """A plain device; *remember* is told every process that popen starts, so that the lab can reap it."""

    def __init__(
        self, state: State, name: str, address: str, nic: str, remember: Callable[[subprocess.Popen[Any]], object]
    ) -> None:
        self.name = name
        self.nic = nic
        self.interface = IPv4Interface(address)
        self.address = str(self.interface.ip)
        self.address6 = "fd00:" + ":".join(self.address.split(".")[:3]) + "::" + self.address.split(".")[3]
        self.mac = stable_mac(name)
        self.namespace = state.namespace(name)
        self.cgroup = state.cgroup / name
        self._state = state
        self._remember = remember

    def run(self, *command: str | Path, environment: Mapping[str, str] | None = None) -> str:
        """Run *command* inside; return its standard output, raise CommandError when it fails."""
        return run(*command, within=self.enter(), environment={**PLAIN, **(environment or {})})

    def popen(
        self, *command: str | Path, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start *command* inside, in a session of its own: Ctrl-C reaches the owner of the lab only."""
        options.setdefault("stdin", subprocess.DEVNULL)
        words = [str(word) for word in (*self.enter(), *command)]
        child = subprocess.Popen(words, env={**PLAIN, **(environment or {})}, start_new_session=True, **options)
        self._remember(child)
        return child

    def ip(self, *arguments: str) -> str:
        """Run ip(8) inside."""
        return run("ip", "-n", self.namespace, *arguments)

    def ip_json(self, *arguments: str) -> list[dict[str, Any]]:
        """Run `ip -json` inside and return what it lists."""
        listed: list[dict[str, Any]] = json.loads(self.ip("-json", *arguments) or "[]")
        return listed

    def arp_table(self) -> dict[str, str]:
        """Return the MAC of every IPv4 neighbour that is known inside."""
        return {entry["dst"]: entry["lladdr"] for entry in self.ip_json("-4", "neigh", "show") if "lladdr" in entry}

    def ping(self, address: str, *options: str) -> str:
        """Ping *address* once; raise CommandError when no answer comes within 2 s."""
        return self.run("ping", "-n", "-c", "1", "-W", "2", *options, address)

    def enter(self) -> tuple[str, ...]:
        """Return the words that make a command run inside; the process of the last word keeps its PID."""
        # The cgroup first: from there on the process cannot be lost.
        join = 'echo 0 >"$0" && exec "$@"'
        return ("sh", "-c", join, str(self.cgroup / "processes" / "cgroup.procs"), *self._nsenter())

    def _nsenter(self) -> tuple[str, ...]:
        return ("nsenter", f"--net=/run/netns/{self.namespace}", "--")

    def power_on(self) -> None:
        """Make the namespace and plug its NIC into the switch."""
        (self.cgroup / "processes").mkdir(parents=True)
        run("ip", "netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")
        self.plug()

    def power_off(self) -> None:
        """End everything that runs inside, and take away NIC and namespace."""
        kill_cgroup(self.cgroup)
        with contextlib.suppress(CommandError):  # it may be unplugged already
            self.unplug()
        run("ip", "netns", "delete", self.namespace)

    def plug(self) -> None:
        """Plug in the NIC: the same MAC and addresses, another ifindex each time."""
        switch = ("ip", "-n", self._state.namespace("switch"))
        port = f"p-{self.name}"
        peer = ("name", self.nic, "address", self.mac, "netns", self.namespace)
        run(*switch, "link", "add", port, "type", "veth", "peer", *peer)
        run(*switch, "link", "set", port, "master", "bridge", "up")
        self.ip("link", "set", self.nic, "up")
        self.ip("address", "add", str(self.interface), "broadcast", "+", "dev", self.nic)
        self.ip("address", "add", f"{self.address6}/64", "dev", self.nic, "nodad")
        if self.address != ROUTER:
            self.ip("route", "add", "default", "via", ROUTER, "dev", self.nic)

    def unplug(self) -> None:
        """Take the NIC away, as a USB adapter goes; whatever it is called by now, and wherever it is."""
        run("ip", "-n", self._state.namespace("switch"), "link", "delete", f"p-{self.name}")

    def pull_cable(self) -> None:
        """Take away the carrier; the NIC stays."""
        run("ip", "-n", self._state.namespace("switch"), "link", "set", f"p-{self.name}", "down")

    def push_cable(self) -> None:
        """Give the carrier back."""
        run("ip", "-n", self._state.namespace("switch"), "link", "set", f"p-{self.name}", "up")


ROUTER = "192.168.1.1"


def stable_mac(name: str) -> str:
    """Return the MAC of station *name*: the same in every lab."""
    digest = md5(name.encode(), usedforsecurity=False).digest()
    return "02:1a:b0:" + ":".join(f"{octet:02x}" for octet in digest[:3])
