"""A stand-in for a Docker engine with a thousand containers: it answers what was recorded, over a unix socket.

It spends no time of its own on an answer, as a real engine does. `python -m tests.bench.stand_in SOCKET RECORD`
"""

import json
import sys
from pathlib import Path
from socketserver import StreamRequestHandler, UnixStreamServer
from typing import Any


class Answers(UnixStreamServer):
    """The server; *replies* by the last word of a path."""

    def __init__(self, path: str, record: dict[str, Any]) -> None:
        super().__init__(path, Handler)
        self.head = record["head"]
        self.replies = {
            "_ping": b"OK",
            "networks": json.dumps(record["networks"]).encode(),
            "json": json.dumps(record["containers"]).encode(),
        }


class Handler(StreamRequestHandler):
    """One request on one connection."""

    def handle(self) -> None:
        """Answer a GET."""
        url = self.rfile.readline().split()[1].decode()
        while self.rfile.readline().strip():
            pass
        assert isinstance(self.server, Answers)
        body = self.server.replies[url.partition("?")[0].rpartition("/")[2]]
        head = "".join(f"{name}: {value}\r\n" for name, value in self.server.head.items())
        self.wfile.write(f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


if __name__ == "__main__":
    with Answers(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())) as server:
        server.serve_forever()
