"""Send broadcasts as fast as it goes, or count those that come: `storms send COUNT`, `storms hear`."""

import signal
import socket
import sys
import time

TYPE = 0x88B5  # for local experiments (IEEE 802)
SO_RCVBUFFORCE = 33
QUIET = 0.5  # seconds without a broadcast that end the count
FRAME = b"\xff" * 6 + b"\x02\x00\x00\x00\x00\x60" + TYPE.to_bytes(2) + b"storm".ljust(46, b"\0")


def send(count: int) -> None:
    """Send *count* broadcasts over eth0."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth0", TYPE))
        left = count
        while left:
            try:
                wire.send(FRAME)
            except BlockingIOError:
                continue
            left -= 1


def hear() -> None:
    """Count until SIGINT and a moment of quiet; print the count."""
    stopped = []
    signal.signal(signal.SIGINT, lambda *_: stopped.append(True))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(TYPE)) as wire:
        wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        wire.settimeout(QUIET)
        print("listening", flush=True)
        heard, last = 0, time.monotonic()
        while not stopped or time.monotonic() < last + QUIET:
            try:
                wire.recv(100)
            except TimeoutError:
                continue
            heard, last = heard + 1, time.monotonic()
    print(heard, flush=True)


if __name__ == "__main__":
    send(int(sys.argv[2])) if sys.argv[1] == "send" else hear()
