"""A real Docker on a lab host: containerd and dockerd as two processes, with their genuine paths."""

import signal
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from tests.lab import engine
from tests.lab.command import TimeIsUpError, wait_until
from tests.lab.image import write_image

if TYPE_CHECKING:
    from tests.lab.host import Host

LEAN = (
    "--bridge=none",
    "--iptables=false",
    "--ip6tables=false",
    "--ip-forward=false",
    "--ip-masq=false",
    "--userland-proxy=false",
)
NAT = ("--iptables=true",)  # Docker's own bridge, and masquerading behind the host's address
CONTAINERD = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'


class Dockerd:
    """Docker on *host*. A stop leaves containerd running, as a restart of docker.service does."""

    def __init__(self, host: "Host", options: tuple[str, ...]) -> None:
        self._host = host
        self._options = options
        self._containerd: subprocess.Popen[Any] | None = None
        self._dockerd: subprocess.Popen[Any] | None = None

    @property
    def pid(self) -> int:
        """The PID of dockerd."""
        if not self._dockerd:
            raise ValueError("dockerd was never started")
        return self._dockerd.pid

    @property
    def running(self) -> bool:
        """Whether neither process has ended."""
        return all(process and process.poll() is None for process in (self._containerd, self._dockerd))

    @property
    def pids(self) -> frozenset[int]:
        """The PIDs of both processes."""
        return frozenset(process.pid for process in (self._containerd, self._dockerd) if process)

    def start(self) -> None:
        """Start dockerd, and containerd where it does not run; return when the API answers."""
        # containerd on its own: as dockerd's child it would die with it, and the next start would wait 15 s for it.
        if not self._containerd or self._containerd.poll() is not None:
            config = self._host.path("/etc/containerd/config.toml")
            config.parent.mkdir(exist_ok=True)
            config.write_text(CONTAINERD)
            self._containerd = self._popen("containerd", "--log-level=warn")
        cgroup = f"/{self._host.cgroup.parent.name}/{self._host.cgroup.name}/containers"
        self._dockerd = self._popen(
            "dockerd",
            "--host=unix:///run/docker.sock",
            "--containerd=/run/containerd/containerd.sock",
            "--exec-opt=native.cgroupdriver=cgroupfs",
            f"--cgroup-parent={cgroup}",
            "--log-level=warn",
            *self._options,
        )
        wait_until(self._answers, 60, "an answer from dockerd")

    def stop(self) -> None:
        """Stop dockerd as systemd does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End dockerd as a crash does; containers live on."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Make dockerd hang: it accepts connections and never answers."""
        if self._dockerd:
            self._dockerd.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._dockerd:
            self._dockerd.send_signal(signal.SIGCONT)

    def load_image(self) -> None:
        """Make the image `lab` out of the machine's static busybox."""
        archive = self._host.path("/run/lab-image.tar")
        write_image(archive)
        self._host.docker("import", "/run/lab-image.tar", "lab")
        archive.unlink()

    def read_log(self) -> str:
        """Return all that dockerd has written so far."""
        return (self._host.root / "dockerd.log").read_text(errors="replace")

    def _popen(self, program: str, *arguments: str) -> subprocess.Popen[Any]:
        with (self._host.root / f"{program}.log").open("ab") as log:
            return self._host.popen(
                program, *arguments, environment=engine.environment(), stdout=log, stderr=subprocess.STDOUT
            )

    def _end(self, number: signal.Signals) -> None:
        if self._dockerd:
            self._dockerd.send_signal(signal.SIGCONT)
            self._dockerd.send_signal(number)
            self._dockerd.wait(60)

    def _answers(self) -> bool:
        for process in (self._containerd, self._dockerd):
            if process and process.poll() is not None:
                raise TimeIsUpError(f"Docker ended with {process.returncode}:\n{self.read_log()[-3000:]}")
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            try:
                connection.connect(str(self._host.docker_socket))
                connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return b" 200 " in connection.recv(100)
            except OSError:
                return False
