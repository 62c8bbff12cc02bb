"""Which netlink notices are worth waking up for, as a program that the kernel runs: all others cost us nothing.

A LAN keeps its host's neighbour table busy, a router renews IPv6 lifetimes every few seconds, a wireless driver talks
of every scan. None of that is ours. Classic BPF, as in the kernel's Documentation/networking/filter.rst.
"""

import ctypes
import socket
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from macvland.kernel import codec
from macvland.kernel.facts import AF_INET6
from macvland.kernel.look import INDEXES
from macvland.kernel.requests import PROTOCOL

SO_ATTACH_FILTER = 26
INSTRUCTION = Struct("=HBBI")  # sock_filter: code, steps on if true, steps on if false, operand
PROGRAM = Struct("@HP")  # sock_fprog: instructions, their address

# Where things stand in a notice: behind the header of 16 octets comes the family's own struct.
TYPE, PORT, FAMILY = 4, 12, 16
ADDRESS_FLAGS, ADDRESS_INDEX = 18, 20
ROUTE_LENGTH, ROUTE_TABLE, ROUTE_PROTOCOL = 17, 20, 21
NEIGHBOUR_INDEX, NEIGHBOUR_STATE = 20, 24
FIRST_LINK_ATTRIBUTE, FIRST_ADDRESS_ATTRIBUTE = 32, 24
CREATED, UPDATED = 12, 16  # from the start of IFA_CACHEINFO

OCTET, HALF, WORD = 0x30, 0x28, 0x20  # BPF_LD | BPF_ABS | BPF_B, BPF_H, BPF_W
LOAD, LOAD_X = 0x00, 0x01  # BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM
AND, EQUAL, ANY_BIT, RETURN = 0x54, 0x15, 0x45, 0x06  # BPF_ALU | BPF_AND, BPF_JMP | BPF_JEQ, | BPF_JSET, BPF_RET
TO_X, WORD_AT_X, EQUAL_X = 0x07, 0x40, 0x1D  # BPF_MISC | BPF_TAX, BPF_LD | BPF_IND | BPF_W, BPF_JMP | BPF_JEQ | BPF_X
STORE, FETCH_X = 0x02, 0x61  # BPF_ST, BPF_LDX | BPF_MEM
FIND_ATTRIBUTE = 0xFFFFF000 + 12  # SKF_AD_OFF + SKF_AD_NLATTR: of type X from A on; 0 where there is none

# BPF reads numbers in network order, netlink writes them in the host's.
half, word = socket.htons, socket.htonl
OUR_BITS = word(-len(INDEXES) & 0xFFFFFFFF)  # those that the indexes of all our shims have in common


class Line(NamedTuple):
    """One instruction. A jump says where to go on: at a label, or with "" at the next line."""

    code: int
    operand: int
    yes: str = ""
    no: str = ""
    label: str = ""


def attach(sock: socket.socket, port: int) -> None:
    """Let *sock* get only notices that concern us; *port* is who we are: what we did ourselves we look at anyway."""
    instructions = assemble(program(port))
    code = ctypes.create_string_buffer(instructions, len(instructions))
    count = len(instructions) // INSTRUCTION.size
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, PROGRAM.pack(count, ctypes.addressof(code)))


def program(port: int) -> tuple[Line, ...]:
    """Return the filter."""
    return (
        Line(WORD, PORT),
        Line(EQUAL, word(port), yes="sleep"),
        Line(HALF, TYPE),
        Line(EQUAL, half(codec.RTM_NEWLINK), yes="link"),
        Line(EQUAL, half(codec.RTM_NEWADDR), yes="address"),
        Line(EQUAL, half(codec.RTM_NEWROUTE), yes="route"),
        Line(EQUAL, half(codec.RTM_DELROUTE), yes="route"),
        Line(EQUAL, half(codec.RTM_NEWNEIGH), yes="neighbour"),
        Line(EQUAL, half(codec.RTM_DELNEIGH), yes="neighbour", no="wake"),
        # Not a bridge's talk of its ports, nor a wireless driver's of its scans.
        Line(OCTET, FAMILY, label="link"),
        Line(EQUAL, 0, no="sleep"),
        Line(LOAD_X, codec.IFLA_WIRELESS),
        Line(LOAD, FIRST_LINK_ATTRIBUTE),
        Line(WORD, FIND_ATTRIBUTE),
        Line(EQUAL, 0, yes="wake", no="sleep"),
        # Of IPv6 addresses on other links only those that somebody set, or that are new and stay as long as their
        # router: it renews them with every advertisement.
        Line(OCTET, FAMILY, label="address"),
        Line(EQUAL, AF_INET6, no="wake"),
        Line(WORD, ADDRESS_INDEX),
        Line(AND, OUR_BITS),
        Line(EQUAL, word(INDEXES.start), yes="wake"),
        Line(OCTET, ADDRESS_FLAGS),
        Line(ANY_BIT, codec.IFA_F_PERMANENT, yes="wake"),
        Line(ANY_BIT, codec.IFA_F_TEMPORARY, yes="sleep"),
        Line(LOAD_X, codec.IFA_CACHEINFO),
        Line(LOAD, FIRST_ADDRESS_ATTRIBUTE),
        Line(WORD, FIND_ATTRIBUTE),
        Line(TO_X, 0),
        Line(WORD_AT_X, CREATED),
        Line(STORE, 0),
        Line(WORD_AT_X, UPDATED),
        Line(FETCH_X, 0),
        Line(EQUAL_X, 0, yes="wake", no="sleep"),
        # Routes with our number, those that can be in the way of ours, and default routes.
        Line(OCTET, ROUTE_PROTOCOL, label="route"),
        Line(EQUAL, PROTOCOL, yes="wake"),
        Line(OCTET, ROUTE_TABLE),
        Line(EQUAL, codec.RT_TABLE_LOCAL, yes="sleep"),
        Line(OCTET, ROUTE_LENGTH),
        Line(EQUAL, 0, yes="wake"),
        Line(OCTET, FAMILY),
        Line(EQUAL, AF_INET6, yes="IPv6 route"),
        Line(OCTET, ROUTE_LENGTH),
        Line(EQUAL, 32, yes="wake", no="sleep"),
        Line(OCTET, ROUTE_LENGTH, label="IPv6 route"),
        Line(EQUAL, 128, yes="wake", no="sleep"),
        # Neighbours on our shims, but for the multicast entries that come and go by themselves.
        Line(HALF, NEIGHBOUR_STATE, label="neighbour"),
        Line(EQUAL, half(codec.NUD_NOARP), yes="sleep"),
        Line(WORD, NEIGHBOUR_INDEX),
        Line(AND, OUR_BITS),
        Line(EQUAL, word(INDEXES.start), yes="wake", no="sleep"),
        Line(RETURN, 0xFFFFFFFF, label="wake"),
        Line(RETURN, 0, label="sleep"),
    )


def assemble(lines: Sequence[Line]) -> bytes:
    """Return *lines* as the kernel reads them: jumps count the instructions they skip, forward only."""
    places = {line.label: place for place, line in enumerate(lines) if line.label}
    return b"".join(
        INSTRUCTION.pack(line.code, *(places.get(to, here + 1) - here - 1 for to in (line.yes, line.no)), line.operand)
        for here, line in enumerate(lines)
    )
