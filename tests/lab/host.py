"""A host: a station with files of its own, on which Docker and macvland run with their genuine paths."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import md5
from pathlib import Path

from tests.lab import engine
from tests.lab.command import PROJECT, CommandError, wait_until
from tests.lab.dockerd import LEAN, Dockerd
from tests.lab.macvland import Macvland, console_script
from tests.lab.station import PLAIN, Station

# Of the machine's /etc only what programs need to run: its Docker or macvland settings must not reach the lab.
FROM_THE_MACHINE = (
    "alternatives",
    "debian_version",
    "group",
    "iproute2",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "nsswitch.conf",
    "os-release",
    "passwd",
    "protocols",
    "services",
    "ssl/certs/ca-certificates.crt",  # Debian's own requests (2.32) reads it when it is imported
)
PRIVATE = ("/etc", "/run", "/var/lib")

# /run comes last: it hides the lab's own directory.
FURNISH = """
set -e
root=$1 name=$2; shift 2
hostname "$name"
for visible; do mkdir -p "$root$visible"; mount --rbind "$visible" "$root$visible"; done
mount -t sysfs sysfs /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --rbind "$root/etc" /etc
mount --rbind "$root/var/lib" /var/lib
mount --rbind "$root/run" /run
echo furnished
exec sleep infinity
"""


@dataclass(frozen=True, slots=True)
class Container:
    """A container on a lab host."""

    host: "Host"
    name: str

    def run(self, *command: str) -> str:
        """Run *command* inside the container; return what it printed."""
        return self.host.docker("exec", self.name, *command)

    def mac(self, nic: str = "eth0") -> str:
        """Return the MAC of its NIC as the container sees it."""
        return self.run("cat", f"/sys/class/net/{nic}/address").strip()

    def stop(self) -> None:
        """Stop it; it keeps its configuration."""
        self.host.docker("stop", self.name)

    def start(self) -> None:
        """Start it again."""
        self.host.docker("start", self.name)

    def remove(self) -> None:
        """Remove it, running or not."""
        self.host.docker("rm", "--force", self.name)


class Host(Station):
    """A station with /etc, /run and /var/lib of its own; nothing runs on it until it is asked for."""

    _engine: Dockerd | None = None
    _init: subprocess.Popen[str] | None = None  # holds the namespaces of its mounts and its hostname

    @property
    def engine(self) -> Dockerd:
        """Its Docker, running or not."""
        if not self._engine:
            raise ValueError(f"Docker was never started on {self.name}")
        return self._engine

    @property
    def root(self) -> Path:
        """The directory, outside, that holds the host's own /etc, /run, /var/lib and its logs."""
        return self._state.path / self.name

    @property
    def machine_id(self) -> str:
        """The content of its /etc/machine-id."""
        return md5(self.name.encode(), usedforsecurity=False).hexdigest()

    @property
    def docker_socket(self) -> Path:
        """The host's /run/docker.sock as it is reached from outside."""
        return self.path("/run/docker.sock")

    def path(self, inside: str) -> Path:
        """Return where the host's file *inside* (below /etc, /run or /var/lib) is reached from outside."""
        if not inside.startswith(tuple(f"{private}/" for private in PRIVATE)):
            raise ValueError(f"'{inside}' is not private to the host")
        return self.root / inside.lstrip("/")

    def power_on(self) -> None:
        """Make namespace, NIC and private directories; data of an earlier life stays."""
        super().power_on()
        if not self.root.exists():
            self._install()
        self._boot()

    def replug(self) -> None:
        """Do to the host what a power cut does: no process, a new namespace and NIC, /run empty, data kept."""
        super().power_off()
        self._init = None
        shutil.rmtree(self.root / "run")
        self.power_on()

    def power_off(self) -> None:
        """End everything that runs inside, and take away NIC, namespace and files."""
        super().power_off()
        self._init = None
        shutil.rmtree(self.root)

    def end_all_but_docker(self) -> None:
        """Kill what runs on the host, but for Docker and its containers."""
        wait_until(lambda: not self._kill(self._strangers()), 10, "their end")

    def _kill(self, pids: list[int]) -> list[int]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pids

    def _strangers(self) -> list[int]:
        own = {self._init.pid if self._init else 0, *self.engine.pids}
        members = (self.cgroup / "processes/cgroup.procs").read_text().split()
        return [pid for pid in map(int, members) if pid not in own and not _is_a_containers(pid)]

    def docker(self, *arguments: str) -> str:
        """Run the docker client; return what it printed."""
        return self.run("docker", *arguments, environment=engine.environment())

    def dockerd(self, *options: str) -> Dockerd:
        """Start Docker (LEAN by default, tests.lab.NAT with its bridge and iptables) and give it the image `lab`."""
        self._engine = Dockerd(self, options or LEAN)
        self._engine.start()
        self._engine.load_image()
        return self._engine

    def container(
        self,
        name: str,
        network: str,
        ip: str | None = None,
        cmd: tuple[str, ...] = ("sleep", "1000000"),
        ip6: str | None = None,
    ) -> Container:
        """Run a busybox container on *network*, which lives until it is removed."""
        address = (*(("--ip", ip) if ip else ()), *(("--ip6", ip6) if ip6 else ()))
        # PID 1 has no handler for SIGTERM: without this every stop would take ten seconds.
        quick = ("--stop-signal", "SIGKILL")
        self.docker("run", "--detach", "--name", name, "--network", network, *address, *quick, "lab", *cmd)
        return Container(self, name)

    def drop(self, name: str, text: str) -> Path:
        """Put a file into /etc/macvlan.d as an atomic rename does: whole or not at all."""
        new = self.path("/etc/.macvlan.d.new")
        new.write_text(text)
        return new.replace(self.path("/etc/macvlan.d") / name)

    def remove(self, name: str) -> None:
        """Remove a file from /etc/macvlan.d."""
        (self.path("/etc/macvlan.d") / name).unlink()

    def rename(self, name: str) -> None:
        """Give it another hostname, until it is replugged."""
        self.run("hostname", name)

    def macvland(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Macvland:
        """Start the daemon from this source tree with the interpreter that runs the tests."""
        return Macvland(self, arguments, environment or {})

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run macvlanctl; exit status, standard output and error are the caller's to judge."""
        command = [str(word) for word in (*self.enter(), *console_script("macvlanctl", "macvland.cli"), *arguments)]
        environment = {**PLAIN, "PYTHONPATH": str(PROJECT)}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    def _nsenter(self) -> tuple[str, ...]:
        of = f"/proc/{self._init.pid}/ns" if self._init else ""
        own = (f"--mount={of}/mnt", f"--uts={of}/uts") if of else ()
        return ("nsenter", f"--net=/run/netns/{self.namespace}", *own, "--")

    def _install(self) -> None:
        etc = self.root / "etc"
        for directory in (etc / "macvlan.d", self.root / "var/lib/docker", self.root / "var/lib/containerd"):
            directory.mkdir(parents=True)
        for name in FROM_THE_MACHINE:
            source = Path("/etc", name)
            if source.is_dir():
                shutil.copytree(source, etc / name, symlinks=True)
            elif source.exists():
                (etc / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, etc / name, follow_symlinks=False)
        (etc / "machine-id").write_text(f"{self.machine_id}\n")
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        (etc / "resolv.conf").write_text(f"nameserver {self.address}\n")

    def _boot(self) -> None:
        """Make its namespaces; what the interpreter and the engine need stays visible in that of the mounts."""
        (self.root / "run/lock").mkdir(parents=True)
        needed = {str(PROJECT), str(engine.directory()), sys.prefix, sys.base_prefix}
        hidden = sorted(path for path in needed if os.path.realpath(path).startswith(tuple(f"{p}/" for p in PRIVATE)))
        # A process holds the mount namespace. A file cannot: Linux 6.18 numbers namespaces for each CPU apart and takes
        # one that was made elsewhere for older, whose file it refuses to mount (EINVAL, now and then).
        unshare = ("unshare", "--mount", "--uts", "--propagation=slave", "--")
        furnish = (*unshare, "sh", "-c", FURNISH, "furnish", self.root, self.name)
        init = self.popen(*furnish, *hidden, stdout=subprocess.PIPE, text=True)
        if init.stdout and init.stdout.readline() != "furnished\n":
            raise CommandError(f"the mount namespace of {self.name} could not be made")
        self._init = init


def _is_a_containers(pid: int) -> bool:
    """Tell whether the process is one of those by which containerd holds a container, or is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("containerd-shim")
    except OSError:
        return True
