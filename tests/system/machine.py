"""A whole Debian on the lab's LAN: a tree booted by systemd-nspawn, with a network stack of its own.

The tree is never written to: what the machine changes is an overlay in the lab's tmpfs, and lasts over its reboots.
All it is made of is the lab's (tests/lab/state.py), and so goes away with it, also after a kill.
"""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.lab.command import SEARCH_PATH, CommandError, run, wait_until
from tests.lab.image import write_image
from tests.lab.station import ROUTER, Station

REBOOT = 133  # what systemd-nspawn --keep-unit ends with when the machine wants to be booted again
# SIGRTMIN+n to PID 1, systemd(1)
REBOOT_SIGNAL, POWEROFF_SIGNAL = signal.SIGRTMIN + 5, signal.SIGRTMIN + 4

# A machine of cgroups v1, or of both, shows only v2 in there. What systemd-nspawn keeps in /run is the machine's own.
BOOT = """
set -e
root=$1; tree=$2; shift 2
umount --recursive --lazy /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mount -t overlay overlay -o "lowerdir=$tree,upperdir=$root/upper,workdir=$root/work" "$root/root"
exec "$@"
"""

NETWORK = f"""\
[Match]
Name=eth0

[Network]
Address={{address}}
Gateway={ROUTER}
LinkLocalAddressing=ipv6
IPv6AcceptRA=no
"""


class Machine(Station):
    """A station that is a whole system, managed by systemd-networkd; `power_on` boots it."""

    tree: Path
    _nspawn: subprocess.Popen[Any] | None = None

    @property
    def root(self) -> Path:
        """What the machine has changed, outside."""
        return self._state.path / self.name

    @property
    def leader(self) -> int:
        """Its PID 1, as it is called outside."""
        if not self._nspawn or self._nspawn.poll() is not None:
            raise CommandError(f"{self.name} is off")
        pid = self._nspawn.pid
        children = wait_until(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), 10, "PID 1")
        return int(children[0])

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._nspawn is not None and self._nspawn.poll() is None

    # Power

    def power_on(self) -> None:
        """Boot it, and return when systemd says that it is up and nothing failed."""
        self.start()
        self.wait_up()

    def start(self, *, plugged: bool = True) -> None:
        """Switch it on: a new network stack, with a NIC if it is *plugged*; what it has on disk is as it was left."""
        if not self.root.exists():
            self._install()
        (self.cgroup / "processes").mkdir(parents=True, exist_ok=True)
        (self.cgroup / "machine").mkdir(exist_ok=True)
        run("ip", "netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")
        if plugged:
            self.plug()
        self._boot()

    def wait_up(self, seconds: float = 60) -> None:
        """Return when systemd says that it is up; CommandError where a unit failed."""
        state = wait_until(self._state_of_system, seconds, f"{self.name} up")
        if state != "running":
            raise CommandError(f"{self.name} is {state}:\n{self.systemctl('--failed', '--no-legend', '--plain')}")

    def plug(self) -> None:
        """Plug in the NIC; the machine itself gives it an address."""
        switch = ("ip", "-n", self._state.namespace("switch"))
        port = f"p-{self.name}"
        peer = ("name", self.nic, "address", self.mac, "netns", self.namespace)
        run(*switch, "link", "add", port, "type", "veth", "peer", *peer)
        run(*switch, "link", "set", port, "master", "bridge", "up")

    def reboot(self, *, plugged: bool = True) -> None:
        """Shut down as `systemctl reboot` does, and boot; return when it is up."""
        os.kill(self.leader, REBOOT_SIGNAL)
        if (ended := self._ended()) != REBOOT:
            raise CommandError(f"{self.name} ended with {ended} and not to be rebooted")
        self.start(plugged=plugged)
        if plugged:
            self.wait_up()

    def cut_power(self) -> None:
        """End everything that runs on it, at once; it stays off."""
        os.kill(self.leader, signal.SIGKILL)
        self._ended()

    def _ended(self) -> int:
        """Wait until it is off; return how systemd-nspawn ended. Nothing of its network stack is left."""
        assert self._nspawn
        ended = self._nspawn.wait(90)
        run("ip", "-n", self._state.namespace("switch"), "link", "delete", f"p-{self.name}")
        run("ip", "netns", "delete", self.namespace)
        return ended

    # What runs on it

    def enter(self) -> tuple[str, ...]:
        """Return the words that make a command run inside."""
        join = 'echo 0 >"$0" && exec "$@"'
        procs = str(self.cgroup / "processes" / "cgroup.procs")
        nsenter = ("nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w", "--")
        return ("sh", "-c", join, procs, *nsenter)

    def path(self, inside: str) -> Path:
        """Return where the file *inside* of the running machine is reached from outside."""
        return Path(f"/proc/{self.leader}/root") / inside.lstrip("/")

    def systemctl(self, *arguments: str) -> str:
        """Run systemctl; return what it printed."""
        return self.run("systemctl", *arguments)

    def properties(self, unit: str, *names: str) -> dict[str, str]:
        """Return properties of *unit*."""
        shown = self.systemctl("show", unit, f"--property={','.join(names)}")
        return dict(line.split("=", 1) for line in shown.splitlines())

    def journal(self, *arguments: str) -> list[dict[str, Any]]:
        """Return the records of this boot that *arguments* choose."""
        shown = self.run("journalctl", "--boot", "--output=json", "--no-pager", *arguments)
        return [json.loads(line) for line in shown.splitlines()]

    def docker(self, *arguments: str) -> str:
        """Run the docker client; return what it printed."""
        return self.run("docker", *arguments)

    def restart_docker(self) -> None:
        """Restart Docker, however often that has been done in the last minute."""
        self.systemctl("reset-failed", "docker.service")
        self.systemctl("restart", "docker.service")

    def container(self, name: str, network: str, ip: str, *options: str) -> None:
        """Run a container on *network* that answers pings at *ip*."""
        # PID 1 has no handler for SIGTERM: without --init every stop would take ten seconds.
        where = ("--network", network, "--ip", ip)
        self.docker("run", "--detach", "--init", "--name", name, *where, *options, "lab", "sleep", "1000000")

    def load_image(self) -> None:
        """Make the image `lab`."""
        write_image(self.path("/root/lab.tar"))
        self.docker("import", "/root/lab.tar", "lab")

    def drop(self, name: str, text: str) -> None:
        """Put a file into /etc/macvlan.d, whole or not at all."""
        new = self.path("/etc/.macvlan.d.new")
        new.write_text(text)
        new.chmod(0o644)
        new.replace(self.path("/etc/macvlan.d") / name)

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run macvlanctl; exit status, standard output and error are the caller's to judge."""
        command = (*self.enter(), "macvlanctl", *arguments)
        environment = {"PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8"}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    # How it is made

    def _install(self) -> None:
        for directory in ("upper/etc/systemd/network", "work", "root", "docker", "containerd"):
            (self.root / directory).mkdir(parents=True)
        etc = self.root / "upper/etc"
        (etc / "systemd/network/10-lan.network").write_text(NETWORK.format(address=self.interface))
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        wants = etc / "systemd/system/multi-user.target.wants"
        wants.mkdir(parents=True)
        (wants / "systemd-networkd.service").symlink_to("/lib/systemd/system/systemd-networkd.service")

    def _boot(self) -> None:
        nspawn = (
            *("systemd-nspawn", "--quiet", "--keep-unit", "--register=no", f"--machine={self.name}"),
            *(f"--directory={self.root}/root", f"--network-namespace-path=/run/netns/{self.namespace}"),
            # Modules are this machine's: trying to load them would leave the system degraded.
            *("--capability=all", "--drop-capability=CAP_SYS_MODULE", "--system-call-filter=add_key keyctl bpf"),
            *(f"--bind={self.root}/docker:/var/lib/docker", f"--bind={self.root}/containerd:/var/lib/containerd"),
            *("--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe", "--boot"),
        )
        join = 'echo 0 >"$0" && exec unshare --mount --propagation=slave -- sh -c "$@"'
        procs = str(self.cgroup / "machine" / "cgroup.procs")
        command = ("sh", "-c", join, procs, BOOT, "boot", str(self.root), str(self.tree), *nspawn)
        environment = {
            "PATH": SEARCH_PATH,
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",  # Docker and macvland write settings of the network
        }
        with (self.root / "console.log").open("ab") as log:
            self._nspawn = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._remember(self._nspawn)

    def _state_of_system(self) -> str:
        if not self.is_on:
            raise CommandError(f"{self.name} did not boot:\n{(self.root / 'console.log').read_text()[-3000:]}")
        done = subprocess.run(
            (*self.enter(), "systemctl", "is-system-running"), capture_output=True, text=True, check=False
        )
        state = done.stdout.strip()
        return state if state in {"running", "degraded", "maintenance"} else ""
