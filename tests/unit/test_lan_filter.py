"""Which frames the kernel lets through: the real programs, on real sockets, and frames as a LAN has them."""

import random
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface

import pytest

from macvland.kernel.assembly import INSTRUCTION, MOST, Line, assemble, attach
from macvland.lan.filter import EVERYTHING, MACS, arp, ndp, room_beside
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
    Claim,
    claim_in,
    probe,
    source_for,
)

OURS, FOREIGN = "02:42:c0:a8:01:33", "06:42:c0:a8:01:33"
WEB, OTHER = ip_address("192.168.1.51"), ip_address("192.168.1.52")
WEB6, OTHER6 = ip_address("2001:db8::51"), ip_address("2001:db8::52")


def octets(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def arp_frame(mac: str, sender: IPv4Address | IPv6Address) -> bytes:
    head = ETHERNET.pack(b"\xff" * 6, octets(mac), ETH_P_ARP)
    return head + ARP.pack(*HEAD, 2, octets(mac), sender.packed, bytes(6), bytes(4))


def advertisement(mac: str, target: IPv4Address | IPv6Address, hops: int = HOPS, kind: int = ADVERTISEMENT) -> bytes:
    head = ETHERNET.pack(b"\x33\x33\0\0\0\1", octets(mac), ETH_P_IPV6)
    return (
        head + IPV6.pack(6 << 28, 24, ICMPV6, hops, target.packed, bytes(16)) + ICMP.pack(kind, 0, 0, 0, target.packed)
    )


def passes(program: Sequence[Line], frame: bytes) -> bool:
    sender, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sender, receiver:
        attach(receiver, program)
        sender.send(frame)
        try:
            return receiver.recv(2048, socket.MSG_DONTWAIT) == frame
        except BlockingIOError:
            return False


V4, V6 = arp([WEB], [OURS]), ndp([WEB6], [OURS])
TAKING = arp([WEB], [OURS], [OTHER])
CASES = {
    "a foreign MAC with our address": (V4, arp_frame(FOREIGN, WEB), True),
    "a foreign MAC with its own": (V4, arp_frame(FOREIGN, OTHER), False),
    "our MAC with our address": (V4, arp_frame(OURS, WEB), False),
    "our MAC with another address": (V4, arp_frame(OURS, OTHER), True),
    "a probe, which claims nothing": (V4, probe(FOREIGN, WEB), False),
    "a probe of what we are about to take": (TAKING, probe(FOREIGN, OTHER), True),
    "a probe of another address": (TAKING, probe(FOREIGN, WEB), False),
    "no ARP of IPv4": (V4, arp_frame(FOREIGN, WEB)[:16] + b"\x86\xdd" + arp_frame(FOREIGN, WEB)[18:], False),
    "cut short": (V4, arp_frame(FOREIGN, WEB)[:26], False),
    "IPv6: a foreign MAC with our address": (V6, advertisement(FOREIGN, WEB6), True),
    "IPv6: a foreign MAC with its own": (V6, advertisement(FOREIGN, OTHER6), False),
    "IPv6: our MAC with our address": (V6, advertisement(OURS, WEB6), False),
    "IPv6: our MAC with another address": (V6, advertisement(OURS, OTHER6), True),
    "IPv6: forwarded from another LAN": (V6, advertisement(FOREIGN, WEB6, hops=254), False),
    "IPv6: somebody is about to use our address": (V6, probe(FOREIGN, WEB6), True),
    "IPv6: somebody is about to use another": (V6, probe(FOREIGN, OTHER6), False),
    "IPv6: somebody looks for us": (V6, advertisement(FOREIGN, WEB6, kind=135), False),
    "IPv6: no NDP": (V6, advertisement(FOREIGN, WEB6, kind=128), False),
    "everything": (EVERYTHING, arp_frame(FOREIGN, OTHER), True),
}


@pytest.mark.parametrize(("program", "frame", "let_through"), CASES.values(), ids=CASES)
def test_of_a_lan_only_what_concerns_us_is_let_through(
    program: Sequence[Line],
    frame: bytes,
    let_through: bool,  # noqa: FBT001 - a table
) -> None:
    assert passes(program, frame) == let_through


@pytest.mark.parametrize("version", [4, 6])
def test_as_many_as_there_is_room_for_are_all_found_and_no_others(version: int) -> None:
    draw = random.Random(1)
    kind, bits, frame, program = (
        (IPv4Address, 32, arp_frame, arp) if version == 4 else (IPv6Address, 128, advertisement, ndp)
    )
    macs = [":".join(f"{draw.getrandbits(8):02x}" for _ in range(6)) for _ in range(MACS)]
    room = room_beside(macs)
    addresses = [kind(draw.getrandbits(bits)) for _ in range(room + 20)]
    lines = program(addresses[:room], macs)
    assert len(assemble(lines)) // INSTRUCTION.size < MOST
    for address in (*addresses[:40], *addresses[room - 40 : room]):
        assert passes(lines, frame(FOREIGN, address))
        assert not passes(lines, frame(macs[-1], address))
    for address in addresses[room:]:
        assert not passes(lines, frame(FOREIGN, address))


CLAIMS = {
    "an answer": (arp_frame(FOREIGN, WEB), Claim(WEB, FOREIGN)),
    "a probe": (probe(FOREIGN, WEB), Claim(WEB, FOREIGN, asks=True)),
    "an advertisement": (advertisement(FOREIGN, WEB6), Claim(WEB6, FOREIGN)),
    "a solicitation from nobody": (probe(FOREIGN, WEB6), Claim(WEB6, FOREIGN)),
    "a solicitation from somebody": (advertisement(FOREIGN, WEB6, kind=135), None),
    "forwarded": (advertisement(FOREIGN, WEB6, hops=64), None),
    "nothing": (b"", None),
    "an IPv6 packet cut short": (advertisement(FOREIGN, WEB6)[:60], None),
}


@pytest.mark.parametrize(("frame", "claim"), CLAIMS.values(), ids=CLAIMS)
def test_what_a_frame_claims(frame: bytes, claim: object) -> None:
    assert claim_in(frame) == claim


@pytest.mark.parametrize(
    ("target", "source"),
    [("192.168.1.60", "192.168.1.50"), ("192.168.1.50", None), ("10.9.9.60", None), ("10.0.0.60", "10.0.0.50")],
    ids=["in a subnet of the link's", "the link's own", "in no subnet of it", "in another one"],
)
def test_from_which_address_the_lan_is_asked(target: str, source: str | None) -> None:
    own = [ip_interface(it) for it in ("192.168.1.50/24", "10.0.0.50/24", "fd00::50/64")]
    found = source_for(IPv4Address(target), own)
    assert found == (IPv4Address(source) if source else None)
    assert probe(FOREIGN, IPv4Address(target), found)[28:32] == (found.packed if found else bytes(4))


@pytest.mark.parametrize("source", ["::", "2001:db8::52"])
def test_a_solicitation_has_the_checksum_that_its_receivers_expect(source: str) -> None:
    frame = probe(FOREIGN, WEB6, IPv6Address(source))
    body = frame[54:]
    data = frame[22:54] + bytes((0, 0, 0, len(body), 0, 0, 0, ICMPV6)) + body
    total = sum(int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
    assert frame[:6] == b"\x33\x33\xff\0\0\x51"


def test_from_an_address_of_its_own_it_tells_the_mac_of_that_and_claims_no_other() -> None:
    frame = probe(FOREIGN, WEB6, IPv6Address(OTHER6))
    assert frame[22:38] == OTHER6.packed
    assert frame[ETHERNET.size + IPV6.size + ICMP.size :] == b"\1\1" + octets(FOREIGN)
    assert claim_in(frame) is None
