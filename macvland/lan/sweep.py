"""A sweep: ask a LAN by ARP who has each of some addresses, and wait for it: what a program does and no daemon may.

The questions leave by the parent, so the host's own macvlan links do not hear them: of these the kernel and Docker
tell.
"""

import socket
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from time import monotonic

from macvland.condition.daemon import NO_SWEEP
from macvland.error import ApplyError
from macvland.lan.frames import ETH_P_ARP, claim_in, probe, source_for
from macvland.model import Link

PACKET_OUTGOING = 4
LAST_WAIT = 1.0  # seconds for the last answers; RFC 5227 has PROBE_WAIT and PROBE_MIN of 1 s

Answer = tuple[IPv4Address, str]


def sweep(link: Link, targets: Sequence[IPv4Address], rate: int) -> frozenset[Answer]:
    """Ask on *link* for each of *targets*, *rate* in a second; return who answered, or said the same meanwhile.

    Raises ApplyError without CAP_NET_RAW, and where the link cannot send.
    """
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ARP)) as packets:
            packets.bind((link.name, ETH_P_ARP))
            return frozenset(_answers(packets, link, targets, rate))
    except PermissionError as problem:
        raise ApplyError(NO_SWEEP(), passing=False) from problem
    except OSError as problem:
        raise ApplyError(f"'{link.name}' cannot be swept: {problem.strerror}; is it up?") from problem


def _answers(packets: socket.socket, link: Link, targets: Sequence[IPv4Address], rate: int) -> Iterator[Answer]:
    asked = frozenset(targets)
    due = monotonic()
    for target in targets:
        yield from _heard(packets, asked, due)
        packets.send(probe(link.mac, target, source_for(target, link.addresses)))
        due = monotonic() + 1 / rate  # from now: who was kept waiting makes up for nothing by a burst
    yield from _heard(packets, asked, monotonic() + LAST_WAIT)


def _heard(packets: socket.socket, asked: frozenset[IPv4Address], until: float) -> Iterator[Answer]:
    """Yield what is heard of *asked* before *until*."""
    while (left := until - monotonic()) > 0:
        packets.settimeout(left)
        try:
            frame, (_, _, kind, *_) = packets.recvfrom(2048)
        except TimeoutError:
            return
        # What leaves is this host's own: its containers' words, of which Docker tells.
        if (
            kind != PACKET_OUTGOING
            and (claim := claim_in(frame))
            and not claim.asks
            and isinstance(claim.address, IPv4Address)
            and claim.address in asked
        ):
            yield claim.address, claim.mac
