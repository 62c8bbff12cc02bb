"""One request to Docker over its unix socket, within one deadline for all of it and with an answer of bounded size.

The timeout of the SDK's own transport counts from each read, so a byte a second holds it for ever; and it keeps idle
connections, which a restart of Docker breaks. Here a request has a connection of its own, and nothing outlives it.
"""

import json
import socket
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from time import monotonic
from typing import Any

from macvland.condition.docker import TOO_LARGE
from macvland.engine.refusal import RefusedError, no_answer
from macvland.error import EngineAbsentError

LOOK_SECONDS = 3.0
CHANGE_SECONDS = 10.0  # create and remove wait for Docker's own locks
LARGEST_ANSWER = 64 * 1024 * 1024  # bytes; 1000 containers are about 2 MB


class _Socket(socket.socket):
    """A unix socket whose reads all share one deadline; None waits for ever."""

    deadline: float | None = None

    def recv_into(self, *arguments: Any) -> int:
        if self.deadline is not None:
            left = self.deadline - monotonic()
            if left <= 0:
                raise TimeoutError
            self.settimeout(left)
        return super().recv_into(*arguments)


class UnixConnection(HTTPConnection):
    """HTTP over the unix socket at *path*. *seconds* is for connecting and sending, and again for all of the answer."""

    def __init__(self, path: str, seconds: float) -> None:
        """Connect to nothing yet."""
        super().__init__("localhost", timeout=seconds)
        self.sock: _Socket
        self._path = path
        self._seconds = seconds

    def connect(self) -> None:
        """Connect; a socket with a full backlog is refused at once (unix(7), EAGAIN)."""
        stream = _Socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(self._seconds)
        stream.deadline = monotonic() + self._seconds
        try:
            stream.connect(self._path)
        except OSError:
            stream.close()
            raise
        self.sock = stream

    def without_deadline(self) -> socket.socket:
        """Let reads wait for ever from here on, as an event stream may be silent for days; return the socket."""
        self.sock.deadline = None
        self.sock.settimeout(None)
        return self.sock


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What Docker said yes with."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


def ask(path: str, method: str, url: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
    """Send one request and return the answer; EngineAbsentError without one, RefusedError where it is no."""
    seconds = LOOK_SECONDS if method == "GET" else CHANGE_SECONDS
    try:
        with closing(UnixConnection(path, seconds)) as connection:
            connection.request(method, url, body=body, headers=headers or {})
            response = connection.getresponse()
            content = response.read(LARGEST_ANSWER + 1)
    except (OSError, HTTPException) as error:
        raise no_answer(path, error, seconds) from error
    if len(content) > LARGEST_ANSWER:
        raise EngineAbsentError(TOO_LARGE(request=f"{method} {url}", mebibytes=LARGEST_ANSWER >> 20))
    if response.status >= 400:
        raise RefusedError(response.status, _message(content))
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answer(status=response.status, headers=names, body=content)


def _message(content: bytes) -> str:
    """Return Docker's words from {"message": ...}, or the start of whatever it sent instead, fit for a terminal."""
    try:
        words = json.loads(content)["message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        words = content[:200].decode(errors="replace")
    return "".join(letter if letter.isprintable() else " " for letter in str(words)).strip()
