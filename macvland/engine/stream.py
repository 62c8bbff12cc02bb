"""Docker's event stream itself. Nothing in it is parsed: whole or half a line, it means that there is news."""

import json
from collections.abc import Callable
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPException
from socket import socket
from urllib.parse import quote

from macvland.engine.connection import LOOK_SECONDS, UnixConnection

# A network says connect before the container runs (0.3 s before, on an idle machine), and disconnect when it is over:
# only the start tells that its addresses count. The other events of containers are for those that do not run: they
# come, go and change their names without a word from the network.
FILTERS = {
    "type": ["network", "container"],
    "event": ["create", "connect", "start", "disconnect", "destroy", "remove", "rename"],
}
URL = f"/events?filters={quote(json.dumps(FILTERS))}"
PIECE = 65536  # bytes


def follow(path: str, wake: Callable[[], object], hold: Callable[[socket], bool]) -> None:
    """Call *wake* once the stream stands, for each piece of it, and when it has ended; return then.

    *hold* gets the socket, for another thread to shut down, and says whether to go on.
    """
    with closing(UnixConnection(path, LOOK_SECONDS)) as connection, suppress(OSError, HTTPException):
        connection.connect()
        # No deadline from here on: a Docker that hangs, or that systemd is starting for us, will answer one day.
        if not hold(connection.without_deadline()):
            return
        connection.request("GET", URL)
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            return
        try:
            wake()
            while response.read1(PIECE):
                wake()
        finally:
            wake()
