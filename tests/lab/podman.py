"""Podman's Docker-compatible service on a lab host, from Debian's packages unpacked into a cache, never installed."""

import functools
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.lab import engine, unpack
from tests.lab.command import wait_until
from tests.lab.host import Host
from tests.lab.image import write_image

PACKAGES = ("podman", "netavark", "aardvark-dns")
SOCKET = "/run/podman.sock"

# The runtime is Docker's: Debian 12's crun wants to raise its limits, which not every machine allows.
SETTINGS = """\
[engine]
helper_binaries_dir = ["{root}/usr/lib/podman", "/usr/lib/podman"]
conmon_path = ["{root}/usr/bin/conmon", "/usr/bin/conmon"]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[engine.runtimes]
runc = ["{runc}"]
[network]
network_backend = "netavark"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
log_driver = "k8s-file"
pids_limit = 0
seccomp_profile = "unconfined"
"""
FILES = {
    "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}',
    "registries.conf": "unqualified-search-registries = []\n",
    "storage.conf": '[storage]\ndriver = "vfs"\ngraphroot = "/var/lib/containers"\nrunroot = "/run/containers"\n',
}


@functools.cache
def environment() -> Mapping[str, str]:
    """Return the environment in which Podman and the programs it calls are found and run."""
    root = unpack.unpacked("podman", *PACKAGES)
    docker = engine.environment()
    libraries = [*map(str, unpack.libraries(root)), docker.get("LD_LIBRARY_PATH", "")]
    return {
        **{name: value for name, value in docker.items() if name != "DOCKER_CONFIG"},  # it insists on that file
        "PATH": f"{unpack.paths(root)}:{docker['PATH']}",
        "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
    }


class Podman:
    """A running Podman service on *host*, with the image `lab`."""

    def __init__(self, host: Host) -> None:
        """Start it; return when its socket is there."""
        self._host = host
        root = unpack.unpacked("podman", *PACKAGES)
        runc = shutil.which("runc", path=engine.environment()["PATH"])
        directory = host.path("/etc/containers")
        directory.mkdir()
        for name, text in (FILES | {"containers.conf": SETTINGS.format(root=root, runc=runc)}).items():
            (directory / name).write_text(text)
        with (host.root / "podman.log").open("wb") as log:
            service = ("podman", "system", "service", "--time=0", f"unix://{SOCKET}")
            host.popen(*service, environment=environment(), stdout=log, stderr=subprocess.STDOUT)
        wait_until(self.socket.exists, 20, "Podman's socket")
        write_image(host.path("/run/lab-image.tar"))
        self.run("import", "/run/lab-image.tar", "lab")

    @property
    def socket(self) -> Path:
        """The socket of its service, as it is reached from outside."""
        return self._host.path(SOCKET)

    def run(self, *arguments: str) -> str:
        """Run podman; return what it printed."""
        return self._host.run("podman", *arguments, environment=environment())
