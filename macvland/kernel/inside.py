"""What a container's own links and neighbours are, looked at in its network namespace. Only reads.

Its /sys would tell as well, but that is the container's to mount: what stands there may be a FIFO.
"""

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from macvland.error import ApplyError
from macvland.kernel import requests
from macvland.kernel.channel import Channel, open_channel
from macvland.kernel.facts import link_facts, neighbour_facts
from macvland.kernel.survey import NUD_KNOWN
from macvland.model import Address

CLONE_NEWNET = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """The network of one container as it has it."""

    mtus: frozenset[tuple[str, int]] = frozenset()  # MAC and MTU of each of its links
    heard: frozenset[Address] = frozenset()  # who answered it


def inside(pid: int) -> Inside:
    """Look into the network namespace of process *pid*; ApplyError where that cannot be entered or read."""
    # A namespace is entered by a thread, which ends with the look.
    with ThreadPoolExecutor(max_workers=1) as thread:
        try:
            return thread.submit(_look, pid).result()
        except OSError as problem:
            raise ApplyError(f"the network of process {pid} cannot be looked at: {problem.strerror}") from problem


def _look(pid: int) -> Inside:
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        # os.setns came with Python 3.12.
        if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
    finally:
        os.close(namespace)
    with open_channel() as channel:
        return _read(channel)


def _read(channel: Channel) -> Inside:
    links = [link_facts(body) for body in channel.dump(requests.links())]
    neighbours = [neighbour_facts(body) for body in channel.dump(requests.neighbours())]
    return Inside(
        mtus=frozenset((link.mac, link.mtu) for link in links if link.mac),
        heard=frozenset(it.address for it in neighbours if it.state & NUD_KNOWN and it.mac.strip("0:")),
    )
