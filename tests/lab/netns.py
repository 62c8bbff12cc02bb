"""A private network namespace for the calling thread, and the parents to put shims on. Leaves nothing behind.

Nothing gets a name in /run/netns: the kernel removes a namespace with its last user, also after a kill of the test run.
"""

import ctypes
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def private_network() -> Iterator[None]:
    """Give the calling thread a network namespace of its own, with its loopback up, and afterwards the old one back.

    Programs and threads started inside inherit it; threads that ran before stay where they are.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.unshare(CLONE_NEWNET))
        try:
            ip("link", "set", "lo", "up")
            yield
        finally:
            _check(_libc.setns(before, CLONE_NEWNET))
    finally:
        os.close(before)


@contextmanager
def inside(namespace: int) -> Iterator[None]:
    """Put the calling thread into the network namespace behind the descriptor *namespace*, and back."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(namespace, CLONE_NEWNET))
        try:
            yield
        finally:
            _check(_libc.setns(before, CLONE_NEWNET))
    finally:
        os.close(before)


def private_mounts() -> None:
    """Give the calling process mounts of its own, for good: for forked children only."""
    _check(_libc.unshare(CLONE_NEWNS))


def current_namespace() -> int:
    """Return a new descriptor of the calling thread's network namespace, for *inside*; the caller closes it."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


@contextmanager
def moved_away(link: str) -> Iterator[int]:
    """Move *link* out of this thread's namespace, as into a container; give a descriptor of where it went."""
    here = current_namespace()
    try:
        with private_network():
            away = current_namespace()
            try:
                with inside(here):
                    ip("link", "set", link, "netns", f"/proc/{os.getpid()}/fd/{away}")
                    yield away
            finally:
                os.close(away)
    finally:
        os.close(here)


def ip(*words: str, batch: str = "") -> str:
    """Run ip(8) with *words* in the namespace of the calling thread and return what it prints."""
    done = subprocess.run(("ip", *words), input=batch, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def ip_json(*words: str) -> list[dict[str, Any]]:
    """Return what `ip -details -json` shows."""
    shown: list[dict[str, Any]] = json.loads(ip("-details", "-json", *words) or "[]")
    return [item for item in shown if item]


def add_parent(name: str = "eth0", *, address: str | None = None, mtu: int = 1500) -> None:
    """Make a veth pair *name* and *name*-lan, both up: a parent with carrier."""
    ip("link", "add", name, "mtu", str(mtu), "type", "veth", "peer", f"{name}-lan", "mtu", str(mtu))
    if address:
        ip("address", "add", address, "dev", name)
    ip("link", "set", f"{name}-lan", "up")
    ip("link", "set", name, "up")


def add_bridge(name: str, *ports: str) -> None:
    """Make a bridge, up, with *ports*."""
    ip("link", "add", name, "type", "bridge")
    for port in ports:
        ip("link", "set", port, "master", name)
    ip("link", "set", name, "up")


def _check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
