"""The Docker engine of the lab: the machine's own, else Debian's packages unpacked into a cache, never installed."""

import fcntl
import functools
import shutil
from collections.abc import Mapping
from pathlib import Path
from platform import freedesktop_os_release, machine

from tests.lab.command import PROJECT, SEARCH_PATH, CommandError, run

PROGRAMS = ("docker", "dockerd", "containerd", "runc")
PACKAGES = ("docker.io", "iptables")
CLIENT = "docker-cli"  # a package of its own since Debian 13


@functools.cache
def directory() -> Path:
    """Return where the engine is unpacked on this release."""
    return PROJECT / ".cache" / "engine" / f"{freedesktop_os_release()['VERSION_CODENAME']}-{machine()}"


@functools.cache
def environment() -> Mapping[str, str]:
    """Return the environment in which the engine's programs are found and run."""
    # The client's own settings (contexts, credentials) are the machine's, and stay out of the lab.
    settings = {"DOCKER_CONFIG": "/run/docker-client", "PATH": SEARCH_PATH}
    if all(shutil.which(program, path=SEARCH_PATH) for program in PROGRAMS):
        return settings
    root = directory()
    if not root.exists():
        _unpack(root)
    libraries = [path for path in (*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*")) if path.is_dir()]
    return {
        **settings,
        "PATH": ":".join((*(f"{root}/{place}" for place in ("usr/sbin", "usr/bin", "sbin", "bin")), SEARCH_PATH)),
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "XTABLES_LIBDIR": ":".join(f"{path}/xtables" for path in libraries),
    }


def _unpack(root: Path) -> None:
    """Download the packages that are missing and unpack them into *root*, all or nothing."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.exists():
            return
        new = root.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        (new / "packages").mkdir(parents=True)
        _apt("download", new / "packages", *_missing())
        for package in sorted((new / "packages").glob("*.deb")):
            run("dpkg", "--extract", package, new)
        shutil.rmtree(new / "packages")
        for name in ("iptables", "ip6tables"):  # dpkg's alternatives make these on installation
            (new / "usr/sbin" / name).symlink_to(f"{name}-nft")
        new.replace(root)


def _missing() -> list[str]:
    """Return the packages that an installation would add; upgrades of what is there are left alone."""
    wanted = [*PACKAGES, *((CLIENT,) if CLIENT in _apt_names() else ())]
    simulated = _apt("install", Path("/"), "--simulate", "--no-install-recommends", *wanted)
    steps = [line.split() for line in simulated.splitlines() if line.startswith("Inst ")]
    return [words[1] for words in steps if not words[2].startswith("[")]


def _apt_names() -> str:
    try:
        run("apt-cache", "show", PACKAGES[0])
    except CommandError:
        run("apt-get", "update")
    return run("apt-cache", "search", "--names-only", f"^{CLIENT}$")


def _apt(verb: str, where: Path, *arguments: str) -> str:
    """Run apt-get in *where*, as root altogether: its sandbox user may not write into a private directory."""
    command = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", verb, *arguments)
    return run("sh", "-c", 'cd "$0" && exec "$@"', where, *command)
