"""What is heard where a kernel before 6.8 has little room for filters, and a parent has many containers."""

import socket
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address, ip_interface
from pathlib import Path
from select import epoll

import pytest

from macvland.lan import _deaf
from macvland.lan.ears import Ears
from macvland.lan.filter import FEW, MACS, ROOM
from macvland.lan.frames import ARP, ETH_P_ARP, ETHERNET, HEAD
from macvland.lan.topic import Interest, Wire
from macvland.model import Address
from tests.lab.netns import add_parent, ip_json, private_network

SETTING = Path("/proc/sys/net/core/optmem_max")
OLD = 20480  # octets: net.core.optmem_max until Linux 6.8
FOREIGN = "06:00:00:00:00:01"
HIGH, HIGH6 = ip_address("192.168.0.1"), ip_address("fd00::1")
MANY_MACS = frozenset(f"02:42:ff:ff:{number >> 8:02x}:{number & 255:02x}" for number in range(MACS + 100))


@pytest.fixture
def ears() -> Iterator[Ears]:
    with private_network(), epoll() as poll:
        if SETTING.exists():  # from Linux 6.9 on each namespace has its own; before, they all have that little
            SETTING.write_text(str(OLD), encoding="ascii")
        add_parent("eth0", address="192.168.255.1/16")
        ears = Ears(poll)
        yield ears
        ears.close()


def wire(macs: frozenset[str] = MANY_MACS) -> Wire:
    (link,) = ip_json("link", "show", "eth0")
    host = ip_interface("192.168.255.1/16")
    return Wire(
        name="eth0",
        index=link["ifindex"],
        mac=link["address"],
        live=True,
        macs=macs,
        source=IPv6Address("fe80::1"),
        addresses=frozenset({host}),
    )


def interest(count: int) -> Interest:
    addresses = [start + number for start in (HIGH, HIGH6) for number in range(count)]
    return Interest(addresses=frozenset(addresses), probed=frozenset(addresses[:FEW]))


def heard(ears: Ears, address: Address) -> bool:
    """Say on the wire that FOREIGN has *address*, and tell whether it was heard once."""
    octets = bytes.fromhex(FOREIGN.replace(":", ""))
    frame = ETHERNET.pack(b"\xff" * 6, octets, ETH_P_ARP) + ARP.pack(
        *HEAD, 2, octets, address.packed, bytes(6), bytes(4)
    )
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0-lan", 0))
        sender.send(frame)
    claims = [claim for place in list(ears._places) for _, claim in ears.hear(place)]
    return [claim and (claim.address, claim.mac) for claim in claims] == [(address, FOREIGN)]


def test_every_address_of_a_large_parent_is_listened_to_and_so_are_those_that_come_instead(ears: Ears) -> None:
    ears.tune({wire(): interest(1024)})
    assert ears.refusals == {}
    assert heard(ears, HIGH + 1023)
    for count in (ROOM, 1022, 1024):
        ears.tune({wire(): interest(count)})
        assert ears.refusals == {}
        assert heard(ears, HIGH + count - 1)
        assert not heard(ears, HIGH + count)


def test_what_has_no_room_at_all_is_told_and_heard_once_there_is_some(ears: Ears) -> None:
    if not SETTING.exists():
        pytest.skip("before Linux 6.9 no namespace has a net.core.optmem_max of its own")
    SETTING.write_text("2048", encoding="ascii")
    there = wire()
    ears.tune({there: interest(1024)})
    assert list(ears.refusals) == ["eth0"]
    assert _deaf(ears) == "the LAN of 'eth0' cannot be listened to: Cannot allocate memory"
    SETTING.write_text(str(OLD), encoding="ascii")
    ears.tune({there: interest(1024)})
    assert ears.refusals == {}
    assert heard(ears, HIGH + 1023)
