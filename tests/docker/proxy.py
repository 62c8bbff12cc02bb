"""A unix socket in front of Docker's: it notes every request, and passes it on or does what a test says."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Self

PIECE = 65536


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asked."""

    method: str
    url: str  # without the API version and the query
    body: bytes
    raw: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


Fault = Callable[[socket.socket, "Proxy", Request], None]


class Proxy:
    """The socket *path* before *engine*; a context that ends with every connection closed."""

    def __init__(self, path: Path, engine: Path) -> None:
        self.path = path
        self.requests: list[Request] = []
        self.faults: dict[str, Fault] = {}  # by "METHOD /url", in which * is anything
        self._engine = engine
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._threads: list[Thread] = []

    def __enter__(self) -> Self:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(16)
        self._accepting = Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(10)
        self.cut()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
        self.path.unlink()

    def __str__(self) -> str:
        return str(self.path)

    def cut(self) -> None:
        """Cut every connection there is."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def answer(self, request: Request) -> bytes:
        """Return all that Docker answers to *request*."""
        alone = request.raw.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        with socket.socket(socket.AF_UNIX) as engine:
            engine.connect(str(self._engine))
            engine.sendall(alone)
            return b"".join(iter(lambda: engine.recv(PIECE), b""))

    def _start(self, body: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=body, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._start(self._serve, self._listener.accept()[0])

    def _serve(self, client: socket.socket) -> None:
        with client, self._kept(client), suppress(OSError):
            request = _read(client)
            if request:
                self.requests.append(request)
                self.faults.get(str(request), self._like(request))(client, self, request)

    def _like(self, request: Request) -> Fault:
        alike = (fault for asked, fault in [*self.faults.items()] if "*" in asked and fnmatchcase(str(request), asked))
        return next(alike, self._pass_on)

    def _pass_on(self, client: socket.socket, _: "Proxy", request: Request) -> None:
        with socket.socket(socket.AF_UNIX) as engine, self._kept(engine):
            engine.connect(str(self._engine))
            engine.sendall(request.raw)
            self._start(self._follow, client, engine)
            while piece := engine.recv(PIECE):
                client.sendall(piece)
            client.shutdown(socket.SHUT_RDWR)  # a close is none as long as _follow waits on it

    def _follow(self, client: socket.socket, engine: socket.socket) -> None:
        """Hang up on Docker when the client does; what else it says is no part of the first request, and noted."""
        with suppress(OSError):
            while piece := client.recv(PIECE):
                self.requests.append(Request("MORE", piece.decode(errors="replace"), b"", piece))
        with suppress(OSError):
            engine.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[None]:
        """Let *connection* be cut while it is in use."""
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


def _read(client: socket.socket) -> Request | None:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = client.recv(PIECE)
        if not piece:
            return None
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while length and len(body) < int(length[1]):
        body += client.recv(PIECE)
    method, target = head.decode().split(" ")[:2]
    url = re.sub(r"^/v[0-9.]+", "", target.partition("?")[0])
    return Request(method, url, body, head + b"\r\n\r\n" + body)


# What to do with a request instead


def silent(client: socket.socket, _: Proxy, __: Request) -> None:
    """Accept it and never answer."""
    client.recv(1)


def trickle(client: socket.socket, _: Proxy, __: Request) -> None:
    """Answer with headers that never end, a byte at a time, each well within a read's own timeout."""
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
    client.settimeout(0.02)
    while True:
        client.sendall(b"x")
        with suppress(TimeoutError):
            client.recv(1)


def endless(client: socket.socket, _: Proxy, __: Request) -> None:
    """Answer with a body that never ends, as fast as it goes."""
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
    while True:
        client.sendall(b" " * PIECE)


def slow(client: socket.socket, _: Proxy, __: Request) -> None:
    """Answer with a body that comes a byte at a time."""
    client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    client.settimeout(0.02)
    while True:
        client.sendall(b"1\r\n \r\n")
        with suppress(TimeoutError):
            client.recv(1)


def drop(_: socket.socket, __: Proxy, ___: Request) -> None:
    """Close the connection instead of answering."""


def say(answer: bytes, status: str = "200 OK") -> Fault:
    """Answer with *answer*."""

    def fault(client: socket.socket, _: Proxy, __: Request) -> None:
        client.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(answer), answer))

    return fault


def say_raw(answer: bytes) -> Fault:
    """Answer with *answer*, headers and all."""

    def fault(client: socket.socket, _: Proxy, __: Request) -> None:
        client.sendall(answer)

    return fault


def change(edit: Callable[[bytes], bytes]) -> Fault:
    """Have Docker do it, and pass on what *edit* makes of its answer."""

    def fault(client: socket.socket, proxy: Proxy, request: Request) -> None:
        client.sendall(edit(proxy.answer(request)))

    return fault
