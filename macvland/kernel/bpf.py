"""Which netlink notices are worth waking up for, as a program that the kernel runs: all others cost us nothing.

A LAN keeps its host's neighbour table busy, a router renews IPv6 lifetimes every few seconds, a wireless driver talks
of every scan. None of that is ours.
"""

import socket

from macvland.kernel import assembly, codec
from macvland.kernel.assembly import (
    AND,
    ANY_BIT,
    EQUAL,
    EQUAL_X,
    FETCH_X,
    HALF,
    LOAD,
    LOAD_X,
    OCTET,
    RETURN,
    STORE,
    TO_X,
    WORD,
    WORD_AT_X,
    Line,
)
from macvland.kernel.facts import AF_INET6
from macvland.kernel.requests import PROTOCOL
from macvland.kernel.sight import INDEXES

# Where things stand in a notice: behind the header of 16 octets comes the family's own struct.
TYPE, PORT, FAMILY = 4, 12, 16
ADDRESS_FLAGS, ADDRESS_INDEX = 18, 20
ROUTE_LENGTH, ROUTE_TABLE, ROUTE_PROTOCOL = 17, 20, 21
NEIGHBOUR_INDEX, NEIGHBOUR_STATE = 20, 24
FIRST_LINK_ATTRIBUTE, FIRST_ADDRESS_ATTRIBUTE = 32, 24
CREATED, UPDATED = 12, 16  # from the start of IFA_CACHEINFO

FIND_ATTRIBUTE = 0xFFFFF000 + 12  # SKF_AD_OFF + SKF_AD_NLATTR: of type X from A on; 0 where there is none

# BPF reads numbers in network order, netlink writes them in the host's.
half, word = socket.htons, socket.htonl
OUR_BITS = word(-len(INDEXES) & 0xFFFFFFFF)  # those that the indexes of all our shims have in common


def attach(sock: socket.socket, port: int) -> None:
    """Let *sock* get only notices that concern us; *port* is who we are: what we did ourselves we look at anyway."""
    assembly.attach(sock, program(port))


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
        Line(EQUAL, half(codec.RTM_DELNEIGH), yes="neighbour"),
        Line(EQUAL, half(codec.RTM_NEWTFILTER), yes="classifier"),
        Line(EQUAL, half(codec.RTM_DELTFILTER), yes="classifier"),
        Line(EQUAL, half(codec.RTM_DELQDISC), yes="classifier"),
        Line(EQUAL, half(codec.RTM_DELLINK), yes="wake"),
        Line(EQUAL, half(codec.RTM_DELADDR), yes="wake", no="sleep"),
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
        # What a shim may hear, and the queues that carry it.
        Line(WORD, NEIGHBOUR_INDEX, label="classifier"),  # or of a classifier: both have it there
        Line(AND, OUR_BITS),
        Line(EQUAL, word(INDEXES.start), yes="wake", no="sleep"),
        Line(RETURN, 0xFFFFFFFF, label="wake"),
        Line(RETURN, 0, label="sleep"),
    )
