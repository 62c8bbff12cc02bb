"""A sweep on real links: whose answers count, and that many LANs are asked at the same time."""

import socket
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, ip_interface
from select import EPOLLIN, epoll
from threading import Event, Thread

import pytest

from macvland.condition.wording import MOST_DEVICES
from macvland.lan.frames import ARP, ETH_P_ARP, ETHERNET, HEAD, REQUEST
from macvland.lan.sweep import sweep
from macvland.model import Link
from tests.lab.netns import add_parent, ip, ip_json, private_network

LANS = 8
RATE = 1000
HOST, GATEWAY, CAMERA = IPv4Address("192.168.1.50"), IPv4Address("192.168.1.1"), IPv4Address("192.168.1.60")
STRANGER = "06:00:00:00:00:01"
Asked = tuple[str, IPv4Address]


@pytest.fixture
def links() -> Iterator[list[Link]]:
    """Parents, each with a LAN of its own: all have the same subnet."""
    with private_network():
        for number in range(LANS):
            add_parent(f"eth{number}", address=f"{HOST}/24")
            ip("link", "set", f"eth{number}-lan", "arp", "off")  # who answers there is the test's own
        yield [link(f"eth{number}") for number in range(LANS)]


def link(name: str) -> Link:
    (shown,) = ip_json("link", "show", name)
    address = frozenset({ip_interface(f"{HOST}/24")})
    return Link(name=name, index=shown["ifindex"], mac=shown["address"], addresses=address)


@dataclass
class Station:
    """Who answers on all LANs: with the tags of *owners*, once all of *awaited* were asked for, somewhere."""

    owners: Mapping[IPv4Address, Sequence[bytes]]
    awaited: frozenset[Asked] = frozenset()
    crowd: Mapping[IPv4Address, Collection[str]] = field(default_factory=dict)  # further MACs that have an address
    asked: list[Asked] = field(default_factory=list)

    def hear(self, packets: socket.socket, links: Mapping[str, socket.socket]) -> None:
        name = packets.getsockname()[0]
        frame = packets.recv(2048)
        if int.from_bytes(frame[20:22], "big") == REQUEST:
            self.asked.append((name, IPv4Address(frame[38:42])))
        if self.awaited <= set(self.asked):
            for there, address in set(self.asked):
                if address in self.owners:
                    for mac in (STRANGER, *self.crowd.get(address, ())):
                        links[there].send(answer(address, self.owners[address], mac))


def answer(address: IPv4Address, tags: Sequence[bytes], mac: str) -> bytes:
    own = bytes.fromhex(mac.replace(":", ""))
    frame = ETHERNET.pack(b"\xff" * 6, own, ETH_P_ARP) + ARP.pack(*HEAD, 2, own, address.packed, own, HOST.packed)
    return frame[:12] + b"".join(tags) + frame[12:]


@contextmanager
def answering(links: Sequence[Link], station: Station) -> Iterator[None]:
    """Let *station* answer at the other ends of *links*."""
    stop = Event()
    with ExitStack() as stack:
        poll = stack.enter_context(epoll())
        sockets = {}
        for each in links:
            packets = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            packets.bind((f"{each.name}-lan", ETH_P_ARP))
            poll.register(packets, EPOLLIN)
            sockets[f"{each.name}-lan"] = packets
        by_descriptor = {packets.fileno(): packets for packets in sockets.values()}

        def serve() -> None:
            while not stop.is_set():
                for descriptor, _ in poll.poll(0.1):
                    station.hear(by_descriptor[descriptor], sockets)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def test_all_lans_are_asked_before_the_answers_of_any_are_waited_for(links: list[Link]) -> None:
    """Nobody answers before the last question to the last LAN: who asked one after the other would wait in vain."""
    every = frozenset((f"{each.name}-lan", address) for each in links for address in (GATEWAY, CAMERA))
    station = Station(owners={GATEWAY: [], CAMERA: []}, awaited=every)
    with answering(links, station):
        swept = sweep([(each, [GATEWAY, CAMERA]) for each in links], RATE)
    expected = frozenset({(GATEWAY, STRANGER), (CAMERA, STRANGER)})
    assert {name: one.answers for name, one in swept.items()} == {each.name: expected for each in links}


def test_of_networks_on_one_link_all_is_asked_in_their_order(links: list[Link]) -> None:
    eth0 = links[0]
    station = Station(owners={GATEWAY: [], CAMERA: []})
    with answering([eth0], station):
        swept = sweep([(eth0, [GATEWAY]), (eth0, []), (eth0, [CAMERA, GATEWAY])], RATE)
    assert swept["eth0"].answers == {(GATEWAY, STRANGER), (CAMERA, STRANGER)}
    assert station.asked == [("eth0-lan", address) for address in (GATEWAY, CAMERA, GATEWAY)]


def test_a_link_that_cannot_send_is_told_and_the_others_are_asked(links: list[Link]) -> None:
    ip("link", "set", "eth0", "down")
    with answering(links[1:3], Station(owners={GATEWAY: []})):
        swept = sweep([(each, [GATEWAY]) for each in links[:3]], RATE)
    assert str(swept["eth0"].error) == "'eth0' cannot be swept: Network is down; is it up?"
    assert [swept[name].answers for name in ("eth1", "eth2")] == [{(GATEWAY, STRANGER)}] * 2
    assert [swept[name].error for name in ("eth1", "eth2")] == [None] * 2


def tag(vlan: int, kind: int = 0x8100) -> bytes:
    return struct.pack("!HH", kind, vlan)


@pytest.mark.parametrize(
    ("tags", "counts"),
    [([], True), ([tag(0)], True), ([tag(20)], False), ([tag(20, 0x88A8), tag(30)], False), ([tag(0), tag(20)], False)],
    ids=["no tag", "a priority", "802.1Q", "802.1ad", "802.1Q behind a priority"],
)
def test_what_another_vlan_says_is_no_answer(
    links: list[Link],
    tags: Sequence[bytes],
    counts: bool,  # noqa: FBT001 - a table
) -> None:
    eth0 = links[0]
    station = Station(owners={GATEWAY: [], CAMERA: tags})
    with answering([eth0], station):
        swept = sweep([(eth0, [CAMERA, GATEWAY])], RATE)
    expected = {GATEWAY, CAMERA} if counts else {GATEWAY}
    assert {address for address, _ in swept["eth0"].answers} == expected


def test_a_sweep_of_nothing_asks_nobody(links: list[Link]) -> None:
    assert sweep([(links[0], [])], RATE) == {}


def test_of_a_crowd_that_claims_one_address_a_few_are_remembered(links: list[Link]) -> None:
    eth0 = links[0]
    crowd = {f"00:11:32:00:{number >> 8:02x}:{number & 255:02x}" for number in range(500)}
    station = Station(owners={GATEWAY: [], CAMERA: []}, crowd={GATEWAY: crowd})
    with answering([eth0], station):
        swept = sweep([(eth0, [CAMERA, GATEWAY])], RATE)  # a busy station may shout for longer than a sweep listens
    macs = {mac for address, mac in swept["eth0"].answers if address == GATEWAY}
    assert len(macs) == MOST_DEVICES
    assert (CAMERA, STRANGER) in swept["eth0"].answers
