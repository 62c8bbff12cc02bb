"""Follow Docker's event stream and say that something may have changed; what it was, the next look tells."""

import os
from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from time import monotonic

from macvland.engine.activation import asleep
from macvland.engine.address import socket_path

SHORTEST_PAUSE = 0.1  # seconds: Docker is back 0.4 s after a kill
LONGEST_PAUSE = 60.0  # seconds: an idle daemon may wake up once a minute


def watch(wake: Callable[[], object], stop: Event, prod: Event | None = None, path: str = "") -> None:
    """Call *wake* whenever Docker's part may have changed, until *stop*: the body of a thread.

    Where no engine answers, try again after pauses that grow to a minute, and at once when somebody sets *prod*
    because the socket came or went. After each (re)connection *wake*: events are lost while Docker restarts.
    """
    prod = prod or Event()
    path = path or socket_path()
    stream = _Stream(stop)
    Thread(target=stream.end, args=(prod,), name="docker-events-end", daemon=True).start()
    pause = SHORTEST_PAUSE
    while not stop.is_set():
        began = monotonic()
        if os.access(path, os.W_OK) and not asleep():
            from macvland.engine.stream import follow  # noqa: PLC0415 - http.client: 30 ms and 6 MB

            follow(path, wake, stream.hold)
        # A stream that lasted starts the pauses anew; one that is cut each time at once must not.
        pause = SHORTEST_PAUSE if monotonic() - began > pause else min(2 * pause, LONGEST_PAUSE)
        if prod.wait(pause):
            prod.clear()
            pause = SHORTEST_PAUSE
            if not os.access(path, os.W_OK):  # it went while there was no stream to end
                wake()


class _Stream:
    """The socket that the watcher reads from, in reach of the thread that ends it."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self._socket: socket | None = None

    def hold(self, stream: socket) -> bool:
        """Take the socket the watcher is about to read from; False when it had better not."""
        self._socket = stream
        return not self._stop.is_set()

    def end(self, prod: Event) -> None:
        """Wait for the stop, then end what the watcher waits in: its pause, or a read."""
        self._stop.wait()
        prod.set()
        if self._socket:
            with suppress(OSError):
                self._socket.shutdown(SHUT_RDWR)
