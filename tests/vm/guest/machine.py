"""The virtual machine as a host of the lab: with its own NIC, udev, systemd and Docker, and a LAN behind its cable.

Its second NIC lies in a network namespace that is all of the LAN: the router of the lab, 192.168.1.1.
"""

from collections.abc import Callable
from pathlib import Path
from subprocess import Popen
from typing import Any

from tests.lab import Host, Station, run, wait_until
from tests.lab.dockerd import Dockerd
from tests.lab.state import State
from tests.lab.station import ROUTER

MACS = ("02:1a:b0:00:00:00", "02:1a:b0:00:00:01")  # as tests/vm/machine.sh gives them
MONITOR = Path("/dev/virtio-ports/monitor")
HERE = State(id="vm", lock=-1)  # no lab's: all goes with the machine

Remember = Callable[[Popen[Any]], object]


class Lan(Station):
    """The other end of the cable."""

    def __init__(self, remember: Remember) -> None:
        super().__init__(HERE, "lan", f"{ROUTER}/24", nic_with(MACS[1]), remember)

    def enter(self) -> tuple[str, ...]:
        return self._nsenter()

    def power_on(self) -> None:
        run("ip", "netns", "add", self.namespace)
        run("ip", "link", "set", self.nic, "netns", self.namespace)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", self.nic, "up")
        self.ip("address", "add", str(self.interface), "dev", self.nic)

    def take(self, machine: "Machine", *links: str, address: str) -> None:
        """Connect *links* of *machine* to a switch of the LAN's own, on which the router has *address*."""
        self.ip("link", "add", "switch", "up", "type", "bridge", "forward_delay", "0")
        self.ip("address", "add", address, "dev", "switch")
        for link in links:
            machine.ip("link", "set", link, "netns", self.namespace)
            self.ip("link", "set", link, "master", "switch", "up")


class Machine(Host):
    """The machine itself: what is private to other hosts of the lab is simply its own."""

    def __init__(self, remember: Remember) -> None:
        super().__init__(HERE, "vm", "192.168.1.50/24", nic_with(MACS[0]), remember)
        self.mac = MACS[0]

    @property
    def root(self) -> Path:
        return Path("/run/lab")

    @property
    def machine_id(self) -> str:
        return Path("/etc/machine-id").read_text().strip()

    def path(self, inside: str) -> Path:
        return Path(inside)

    def enter(self) -> tuple[str, ...]:
        return ()

    def ip(self, *arguments: str) -> str:
        return run("ip", *arguments)

    def power_on(self) -> None:
        self.root.mkdir()
        self.path("/etc/macvlan.d").mkdir()
        self.configure()

    def configure(self) -> None:
        """Give the NIC what an administrator would, if it does not have it."""
        self.ip("link", "set", self.nic, "up")
        self.ip("address", "replace", str(self.interface), "dev", self.nic)
        self.ip("route", "replace", "default", "via", ROUTER, "dev", self.nic)

    def start_docker(self) -> None:
        """Start Docker as systemd does, and give it the image `lab`."""
        self.run("systemctl", "start", "docker.service")
        Dockerd(self, ()).load_image()

    def unplug(self) -> None:
        """Take the NIC out of its slot."""
        Path("/sys/class/net", self.nic, "device/../remove").write_text("1")

    def plug(self) -> None:
        """Put the NIC back; it comes with another ifindex and without addresses."""
        Path("/sys/bus/pci/rescan").write_text("1")
        wait_until(lambda: Path("/sys/class/net", self.nic).exists(), what=self.nic)
        self.configure()

    def pull_cable(self) -> None:
        self._set_link("off")

    def push_cable(self) -> None:
        self._set_link("on")

    def _set_link(self, state: str) -> None:
        MONITOR.write_bytes(f"set_link nic0 {state}\n".encode())


def nic_with(mac: str) -> str:
    """Return the name that udev gave the NIC with *mac*."""
    (name,) = (nic.name for nic in Path("/sys/class/net").iterdir() if (nic / "address").read_text().strip() == mac)
    return name
