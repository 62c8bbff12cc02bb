"""Send broadcasts, or count those that come: `storms send COUNT`, `storms hear`, `storms arp RATE SECONDS SENDER`."""

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


def arp(rate: int, seconds: float, sender: str) -> None:
    """Send so many ARP requests in a second over eth0: from *sender*, or with "others" from ever other addresses."""
    head = b"\xff" * 6 + FRAME[6:12] + bytes.fromhex("08060001080006040001") + FRAME[6:12]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth0", 0x0806))
        began, count = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            while count < passed * rate:
                other = bytes((10, 9, count >> 8 & 255, count & 255))
                claimed = other if sender == "others" else socket.inet_aton(sender)
                wire.send(head + claimed + bytes(6) + bytes((10, 9, 0, 1)))
                count += 1
            time.sleep(0.001)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send", count]:
            send(int(count))
        case ["arp", rate, seconds, sender]:
            arp(int(rate), float(seconds), sender)
        case _:
            hear()
