"""A station that says by ARP what is not so: that it has every address, or one of another's, perhaps in a VLAN."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab import Station

SHOUT = """
import socket, sys, time
nic, operation, *words = sys.argv[1:]
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
out.bind((nic, 0x0806))
own = out.getsockname()[4]
HEAD = bytes.fromhex("0001080006040002")
def say(mac, address, to=b"\\xff" * 6, tag=b""):
    out.send(to + mac + tag + b"\\x08\\x06" + HEAD + mac + socket.inet_aton(address) + to + bytes(4))
print("ready", flush=True)
if operation == "everything":
    while True:
        frame = out.recv(2048)
        if frame[20:22] == b"\\0\\1" and frame[6:12] != own and frame[38:42] != socket.inet_aton("192.168.1.60"):
            say(own, socket.inet_ntoa(frame[38:42]), frame[6:12])
elif operation == "crowd":
    address, pause = words
    number = 0
    while True:
        number += 1
        say(bytes.fromhex("001132") + (number % 500).to_bytes(3, "big"), address)
        time.sleep(float(pause))
elif operation == "claim":
    mac, address, pause, *vlan = words
    tag = b"".join(b"\\x81\\0" + int(it).to_bytes(2, "big") for it in vlan)
    while True:
        say(bytes.fromhex(mac.replace(":", "")), address, tag=tag)
        time.sleep(float(pause))
"""


@contextmanager
def program(station: Station, *words: str) -> Iterator[None]:
    """Let *station* answer for "everything", or "claim" by a MAC that it has an address, each so many seconds.

    The words of a claim are the MAC, the address, the seconds, and the VLANs of its tags. A "crowd" claims an address
    by 500 MACs, one after the other.
    """
    process = station.popen(sys.executable, "-c", SHOUT, station.nic, *words, stdout=-1)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        process.kill()
        process.wait()
