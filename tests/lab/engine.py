"""The Docker engine of the lab: the machine's own, else Debian's packages unpacked into a cache, never installed."""

import functools
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.lab import unpack
from tests.lab.command import SEARCH_PATH, CommandError, run

PROGRAMS = ("docker", "dockerd", "containerd", "runc")
PACKAGES = ("docker.io", "iptables")
CLIENT = "docker-cli"  # a package of its own since Debian 13


@functools.cache
def directory() -> Path:
    """Return where the engine is unpacked on this release."""
    return unpack.directory("engine")


@functools.cache
def environment() -> Mapping[str, str]:
    """Return the environment in which the engine's programs are found and run."""
    # The client's own settings (contexts, credentials) are the machine's, and stay out of the lab.
    settings = {"DOCKER_CONFIG": "/run/docker-client", "PATH": SEARCH_PATH}
    if all(shutil.which(program, path=SEARCH_PATH) for program in PROGRAMS):
        return settings
    root = directory()
    if not root.exists():
        unpack.unpacked("engine", *PACKAGES, *((CLIENT,) if CLIENT in _apt_names() else ()))
    libraries = unpack.libraries(root)
    return {
        **settings,
        "PATH": f"{unpack.paths(root)}:{SEARCH_PATH}",
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "XTABLES_LIBDIR": ":".join(f"{path}/xtables" for path in libraries),
    }


def _apt_names() -> str:
    try:
        run("apt-cache", "show", PACKAGES[0])
    except CommandError:
        run("apt-get", "update")
    return run("apt-cache", "search", "--names-only", f"^{CLIENT}$")
