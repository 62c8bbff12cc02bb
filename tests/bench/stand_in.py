"""A stand-in for a Docker engine with a thousand containers: it answers what was recorded, over a unix socket.

It spends no time of its own on an answer, as a real engine does. Each `POST /start` is the start of one more of the
record's containers to come: it counts from then on, and the event streams tell of it.
`python -m tests.bench.stand_in SOCKET RECORD`
"""

import json
import sys
from http.client import parse_headers
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any

EVENT = b'{"Type":"container","Action":"start"}\n'


class Answers(ThreadingMixIn, UnixStreamServer):
    """The server; *replies* by the last word of a path."""

    daemon_threads = True

    def __init__(self, path: str, record: dict[str, Any]) -> None:
        super().__init__(path, Handler)
        self.head = record["head"]
        self.streams: list[Any] = []
        self._containers = list(record["containers"])
        self._coming = list(record.get("coming", ()))
        self.replies = {
            **{
                word: json.dumps(network).encode()
                for network in record["networks"]
                for word in (network["Id"], network["Id"][:12])
            },
            "_ping": b"OK",
            "networks": json.dumps(record["networks"]).encode(),
            "json": json.dumps(self._containers).encode(),
        }

    def start(self) -> bytes:
        """Let the next container run, and say so; return what its start is answered with."""
        self._containers.append(self._coming.pop(0))
        self.replies["json"] = json.dumps(self._containers).encode()
        for stream in self.streams:
            stream.write(b"%x\r\n%s\r\n" % (len(EVENT), EVENT))
        return b""


class Handler(StreamRequestHandler):
    """One request on one connection."""

    def handle(self) -> None:
        """Answer a GET, a probe or a start; an event stream stays open until its other end closes it."""
        url = self.rfile.readline().split()[1].decode()
        headers = parse_headers(self.rfile)
        assert isinstance(self.server, Answers)
        word = url.partition("?")[0].rpartition("/")[2]
        head = "".join(f"{name}: {value}\r\n" for name, value in self.server.head.items())
        if word == "events":
            self.wfile.write(f"HTTP/1.1 200 OK\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            self.server.streams.append(self.wfile)
            self.rfile.read()
            self.server.streams.remove(self.wfile)
            return
        status = "200 OK"
        match word:
            case "start":
                body = self.server.start()
            case "create":  # of a probe: the driver knows the network
                probe = json.loads(self.rfile.read(int(headers["Content-Length"])))
                holder = probe["Labels"]["io.macvland.probe"][:12]
                words = f"network dm-{holder} is already using parent interface {probe['Options']['parent']}"
                status, body = "500 Internal Server Error", json.dumps({"message": words}).encode()
            case _:
                body = self.server.replies[word]
        self.wfile.write(f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


if __name__ == "__main__":
    with Answers(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())) as server:
        server.serve_forever()
