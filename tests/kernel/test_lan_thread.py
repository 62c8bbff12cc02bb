"""The thread that asks a LAN and hears it: what a pass asks meanwhile waits for nothing that the thread does aside."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import ip_address, ip_interface
from threading import Event, Thread

import pytest

from macvland.condition.wording import MOST_DEVICES
from macvland.lan import Lan
from macvland.lan.frames import ARP, ETH_P_ARP, ETHERNET, HEAD
from macvland.model import About, Device, Host, Link, Question
from tests.lab import wait_until
from tests.lab.netns import add_parent, ip_json, private_network

DEADLINE = 10
TAKEN, OTHER = ip_address("192.168.1.60"), ip_address("192.168.1.61")
CROWD = [bytes.fromhex("001132") + number.to_bytes(3, "big") for number in range(500)]


@pytest.fixture
def seen() -> Iterator[Host]:
    """A host with one NIC on a LAN."""
    with private_network():
        add_parent("eth0", address="192.168.1.50/24")
        (shown,) = ip_json("link", "show", "eth0")
        own = frozenset({ip_interface("192.168.1.50/24")})
        yield Host(
            links=frozenset({Link(name="eth0", index=shown["ifindex"], mac=shown["address"], addresses=own)}),
        )


@contextmanager
def listening(lan: Lan) -> Iterator[None]:
    stop = Event()
    thread = Thread(target=lan.listen, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        lan.forget()  # which wakes it
        thread.join()


def question(address: object) -> Question:
    return Question(parent="eth0", address=ip_address(str(address)), about=About.SHIM)


def claim(station: socket.socket, mac: bytes) -> None:
    """Say that *mac* has TAKEN."""
    frame = ETHERNET.pack(b"\xff" * 6, mac, ETH_P_ARP) + ARP.pack(*HEAD, 2, mac, TAKEN.packed, mac, TAKEN.packed)
    station.send(frame)


def devices(lan: Lan) -> frozenset[Device]:
    findings = lan.heard.findings if lan.heard else ()
    return next((it.devices for it in findings if it.question.address == TAKEN), frozenset())


def test_asking_goes_on_while_a_list_of_vendors_is_read_and_a_crowd_costs_few_looks_into_it(seen: Host) -> None:
    reading, go = Event(), Event()
    looked_up: list[str] = []

    def vendor(mac: str) -> str:
        looked_up.append(mac)
        reading.set()
        go.wait(3 * DEADLINE)
        return "Synology"

    lan = Lan(lambda: None, vendor)
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as station,
        listening(lan),
        ThreadPoolExecutor() as another,
    ):
        station.bind(("eth0-lan", ETH_P_ARP))
        station.settimeout(DEADLINE)
        try:
            lan.ask(frozenset({question(TAKEN)}), seen)
            station.recv(2048)
            for mac in CROWD:
                claim(station, mac)
            assert reading.wait(DEADLINE)
            another.submit(lan.ask, frozenset({question(TAKEN), question(OTHER)}), seen).result(DEADLINE)
            another.submit(lan.forget).result(DEADLINE)
        finally:
            go.set()
        found = wait_until(lambda: devices(lan))
    assert len(found) <= MOST_DEVICES
    assert {device.vendor for device in found} == {"Synology"}
    assert len(set(looked_up)) <= MOST_DEVICES
