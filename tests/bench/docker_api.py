"""Raw HTTP to Docker's unix socket over one kept connection: as little of its own as an observer can have."""

import json
import socket
from http.client import HTTPConnection
from typing import Any


class Api(HTTPConnection):
    """The engine behind *path*."""

    def __init__(self, path: str = "/run/docker.sock") -> None:
        super().__init__("docker")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)

    def ask(self, method: str, url: str, body: Any = None) -> tuple[int, bytes]:
        """Return status and body of the answer."""
        self.send_off(method, url, body)
        return self.answer()

    def send_off(self, method: str, url: str, body: Any = None) -> None:
        """Send a request; *answer* takes what comes."""
        text = None if body is None else json.dumps(body)
        self.request(method, url, text, {"Content-Type": "application/json"} if text else {})

    def answer(self) -> tuple[int, bytes]:
        """Wait for the answer to the request that was sent off."""
        response = self.getresponse()
        return response.status, response.read()

    def do(self, method: str, url: str, body: Any = None) -> Any:
        """Return the JSON of an answer that must be a yes."""
        status, content = self.ask(method, url, body)
        if status >= 400:
            raise RuntimeError(f"{method} {url}: {status} {content.decode()}")
        return json.loads(content) if content else None
