"""When a daemon that talks to Docker can die: before Docker hears a request, and after it has done what was asked."""

import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from threading import Lock
from typing import Any

from tests.docker.proxy import Fault, Proxy, Request

SHARES = 4  # of the moments at which a process is killed: each is a test of its own, so that they run side by side


def moments(share: int) -> Iterator[int]:
    """Yield the moments of a *share*, of which the first is 1: every fourth one."""
    yield from range(share, 200, SHARES)


class Deadly(dict[str, Fault]):
    """For a proxy's faults: each request is a moment to die at, so is each answer to one that changes something."""

    def __init__(self, *, spares: str = "") -> None:
        """Kill nobody yet, and never at a request by the method *spares*."""
        super().__init__()
        self._spares = spares
        self._lock = Lock()
        self._victim = self._left = 0

    def kill(self, victim: int, moment: int) -> None:
        """Kill the process *victim* at the given *moment* from now, counted from 1."""
        with self._lock:
            self._victim, self._left = victim, moment

    def get(self, _: str, otherwise: Any = None) -> Any:
        """Return what to do with a request, whatever it is."""
        return partial(self._carry, otherwise)

    def _carry(self, otherwise: Fault, client: socket.socket, proxy: Proxy, request: Request) -> None:
        if request.method != self._spares and self._dies():
            return
        if request.method == "GET":
            otherwise(client, proxy, request)
            return
        answer = proxy.answer(request)
        if not self._dies():
            client.sendall(answer)

    def _dies(self) -> bool:
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(self._victim, signal.SIGKILL)
            return self._left == 0
