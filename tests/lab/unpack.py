"""Debian's packages unpacked into a cache, never installed: what starts daemons must not come near the machine."""

import fcntl
import shutil
from pathlib import Path
from platform import freedesktop_os_release, machine

from tests.lab.command import PROJECT, run


def directory(name: str) -> Path:
    """Return where what is called *name* is unpacked on this release."""
    return PROJECT / ".cache" / name / f"{freedesktop_os_release()['VERSION_CODENAME']}-{machine()}"


def unpacked(name: str, *packages: str) -> Path:
    """Return the directory with *packages* and all they need that this machine lacks; unpack it first if need be."""
    root = directory(name)
    if not root.exists():
        _unpack(root, packages)
    return root


def paths(root: Path) -> str:
    """Return where the programs below *root* are, as PATH has it."""
    return ":".join(f"{root}/{place}" for place in ("usr/sbin", "usr/bin", "sbin", "bin"))


def libraries(root: Path) -> list[Path]:
    """Return where the shared libraries below *root* are."""
    return [path for path in (*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*")) if path.is_dir()]


def _unpack(root: Path, packages: tuple[str, ...]) -> None:
    """Download the packages that are missing and unpack them into *root*, all or nothing."""
    root.parent.mkdir(parents=True, exist_ok=True)
    with (root.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if root.exists():
            return
        new = root.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        (new / "packages").mkdir(parents=True)
        apt("download", new / "packages", *_missing(packages))
        for package in sorted((new / "packages").glob("*.deb")):
            run("dpkg", "--extract", package, new)
        shutil.rmtree(new / "packages")
        for name in ("iptables", "ip6tables"):  # dpkg's alternatives make these on installation
            if (new / f"usr/sbin/{name}-nft").exists():
                (new / "usr/sbin" / name).symlink_to(f"{name}-nft")
        new.replace(root)


def _missing(packages: tuple[str, ...]) -> list[str]:
    """Return the packages that an installation would add; upgrades of what is there are left alone."""
    simulated = apt("install", Path("/"), "--simulate", "--no-install-recommends", *packages)
    steps = [line.split() for line in simulated.splitlines() if line.startswith("Inst ")]
    return [words[1] for words in steps if not words[2].startswith("[")]


def apt(verb: str, where: Path, *arguments: str) -> str:
    """Run apt-get in *where*, as root altogether: its sandbox user may not write into a private directory."""
    command = ("apt-get", "-q", "-o", "APT::Sandbox::User=root", verb, *arguments)
    return run("sh", "-c", 'cd "$0" && exec "$@"', where, *command)
