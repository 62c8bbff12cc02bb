"""What is heard where a kernel before 6.8 has little room for filters, and a parent has many containers."""

import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, ip_address, ip_interface
from pathlib import Path
from select import epoll

import pytest

from macvland.lan import _deaf
from macvland.lan.ears import Ears
from macvland.lan.filter import FEW, MACS, ROOM
from macvland.lan.frames import (
    ADVERTISEMENT,
    ARP,
    ETH_P_ARP,
    ETH_P_IPV6,
    ETHERNET,
    HEAD,
    HOPS,
    ICMP,
    ICMPV6,
    IPV6,
)
from macvland.lan.topic import Interest, Wire
from macvland.model import Address
from tests.lab.netns import add_parent, ip, ip_json, private_network

SETTING = Path("/proc/sys/net/core/optmem_max")
OLD = 20480  # octets: net.core.optmem_max until Linux 6.8
FOREIGN, BROADCAST = "06:00:00:00:00:01", "ff:ff:ff:ff:ff:ff"
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


def tag(vlan: int, kind: int = 0x8100) -> bytes:
    """Return the octets of IEEE 802.1Q, clause 9.6, with a priority of 5."""
    return kind.to_bytes(2, "big") + (5 << 13 | vlan).to_bytes(2, "big")


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


def claim(address: Address, tags: Sequence[bytes] = (), to: str = BROADCAST) -> bytes:
    """Return the frame in which FOREIGN says *to* somebody that it has *address*, with *tags* behind the MACs."""
    octets = bytes.fromhex(FOREIGN.replace(":", ""))
    body = ARP.pack(*HEAD, 2, octets, address.packed, bytes(6), bytes(4))
    kind = ETH_P_ARP
    if address.version == 6:
        body = IPV6.pack(6 << 28, 24, ICMPV6, HOPS, address.packed, bytes(16))
        body += ICMP.pack(ADVERTISEMENT, 0, 0, 0, address.packed)
        kind = ETH_P_IPV6
    frame = ETHERNET.pack(bytes.fromhex(to.replace(":", "")), octets, kind) + body
    return frame[:12] + b"".join(tags) + frame[12:]


def heard(ears: Ears, address: Address, tags: Sequence[bytes] = (), to: str = BROADCAST) -> bool:
    """Say on the wire that FOREIGN has *address*, and tell whether it was heard once."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("eth0-lan", 0))
        sender.send(claim(address, tags, to))
    claims = [claim for place in list(ears._places) for _, claim in ears.hear(place)]
    return [it for it in claims if it and it.mac == FOREIGN] == [(address, FOREIGN, False)]


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


OF_ANOTHER_VLAN = {
    "802.1Q": [tag(20)],
    "802.1ad": [tag(20, 0x88A8)],
    "802.1Q in 802.1ad": [tag(20, 0x88A8), tag(30)],
    "802.1Q in 802.1Q": [tag(20), tag(30)],
    "a priority in 802.1Q": [tag(20), tag(0)],
    "802.1Q behind a priority": [tag(0), tag(20)],
}


@pytest.mark.parametrize("everything", [False, True], ids=["what concerns us", "everything"])
@pytest.mark.parametrize("address", [HIGH, HIGH6], ids=["ARP", "NDP"])
@pytest.mark.parametrize("tags", OF_ANOTHER_VLAN.values(), ids=OF_ANOTHER_VLAN)
def test_another_vlan_of_a_trunk_is_another_lan(
    ears: Ears,
    tags: Sequence[bytes],
    address: Address,
    everything: bool,  # noqa: FBT001 - a table
) -> None:
    ears.tune({wire(): Interest(addresses=None) if everything else interest(1)})
    assert not heard(ears, address, tags)
    assert heard(ears, address), "the same without a tag"
    assert heard(ears, address, [tag(0)]), "a priority is no VLAN"


@pytest.mark.parametrize("address", [HIGH, HIGH6], ids=["ARP", "NDP"])
def test_what_a_link_on_the_parent_takes_is_not_of_the_parents_lan(ears: Ears, address: Address) -> None:
    """A VLAN's own link takes its frames so, and the kernel gives them to the sockets of the parent as well."""
    ip("link", "add", "child", "link", "eth0", "type", "macvlan", "mode", "bridge")
    ip("link", "set", "child", "up")
    (child,) = ip_json("link", "show", "child")
    there = wire()
    ears.tune({there: interest(1)})
    assert not heard(ears, address, to=child["address"])
    assert heard(ears, address, to=there.mac)
