"""What is sent together: as much as the socket takes, in the order in which it was planned."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from macvland.action import Add, Change
from macvland.condition.kernel import TOO_MANY
from macvland.kernel import Kernel, codec
from macvland.kernel.change import Round
from macvland.kernel.channel import NETLINK_CAP_ACK, SOL_NETLINK, Channel, batches, open_channel
from macvland.kernel.events import LINK, NETLINK_ADD_MEMBERSHIP
from macvland.kernel.facts import link_facts
from macvland.kernel.look import look
from macvland.kernel.sight import Sight
from macvland.model import Host, Proxy
from tests.kernel.samples import SHIM, do, make, many, seen

ANSWERING = replace(SHIM, proxy_ndp=True)
SETTINGS = Path("/proc/sys/net/ipv6/conf/mv-lan")
IPV6_NETCONF = 25  # RTNLGRP_IPV6_NETCONF: that somebody wrote forwarding or proxy_ndp
RTM_NEWNETCONF = 80


def macs(count: int) -> frozenset[str]:
    return frozenset(f"02:42:00:00:{number >> 8:02x}:{number & 255:02x}" for number in range(count))


def proxies(count: int, containers: int) -> list[Proxy]:
    addresses = (ip_address("2001:db8::1:0") + number for number in range(count))
    return [Proxy(shim="mv-lan", address=address, macs=macs(containers)) for address in addresses]


@contextmanager
def narrow_round() -> Iterator[Round]:
    """Begin a round of changes whose socket takes as little as a socket can."""
    with open_channel() as channel:
        _, sight = look(channel, Host(), Sight())
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel makes it the least there is
        sock.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
        yield Round(Channel(sock), sight)


# As much as the socket takes


def test_more_than_a_socket_takes_goes_in_several_batches(kernel: Kernel) -> None:
    there = proxies(30, 200)
    make(kernel, ANSWERING, *there)
    assert seen(kernel).proxies == frozenset(there)


def test_the_most_that_the_kernel_can_hold_is_made_and_seen(kernel: Kernel) -> None:
    there = proxies(64, 800)
    make(kernel, ANSWERING, *there)
    assert seen(kernel).proxies == frozenset(there)


@pytest.mark.parametrize("containers", [900, 1700, 14_000])
def test_what_no_message_can_hold_fails_alone_and_with_its_cure(kernel: Kernel, containers: int) -> None:
    make(kernel, ANSWERING)
    small, other = proxies(2, 3)
    (large,) = proxies(1, containers)
    large = replace(large, address=ip_address("2001:db8::2:0"))
    (failure,) = kernel.apply([Add(small), Add(large), Add(other)])
    assert (failure.action, failure.reason, failure.passing) == (Add(large), TOO_MANY(count=containers).text, False)
    assert seen(kernel).proxies == {small, other}


def test_a_message_that_the_socket_does_not_take_fails_alone_and_with_its_cure(kernel: Kernel) -> None:
    make(kernel, ANSWERING)
    small, other = proxies(2, 3)
    large = replace(proxies(1, 200)[0], address=ip_address("2001:db8::2:0"))
    with narrow_round() as narrow:
        (failure,) = narrow.apply([Add(small), Add(large), Add(other)])
    assert (failure.action, failure.passing) == (Add(large), False)
    assert failure.reason.endswith("make the sysctl net.core.wmem_default larger, and reload macvland")
    assert seen(kernel).proxies == {small, other}


def test_many_small_changes_go_through_the_narrowest_socket(kernel: Kernel) -> None:
    there = many(70)
    with narrow_round() as narrow:
        assert narrow.apply([Add(shim) for shim in there.shims]) == ()
    assert seen(kernel).shims == there.shims


def test_what_belongs_together_is_never_cut() -> None:
    assert list(batches([[4, 4], [4], [4, 4], [9, 1], [1]], room=12, size=int)) == [[4, 4, 4], [4, 4], [9, 1, 1]]


def test_what_belongs_together_and_is_too_much_is_cut_rather_than_lost() -> None:
    assert list(batches([[1], [8, 8], [20], [1]], room=12, size=int)) == [[1, 8], [8], [20], [1]]


# In the order that was planned


def notices(listener: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Yield the kernel's notices so far, in the order in which things happened."""
    while True:
        try:
            data = listener.recv(65536)
        except BlockingIOError:
            return
        yield from ((message.kind, message.body) for _, message in codec.frames(data))


def test_a_shim_is_down_before_it_answers_for_others_no_longer(kernel: Kernel) -> None:
    make(kernel, ANSWERING)
    kernel.observe(Host())
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE) as listener:
        listener.bind((0, 0))
        for group in (LINK, IPV6_NETCONF):
            listener.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        do(kernel, Change(replace(SHIM, up=False), ANSWERING))
        told = [
            "written" if kind == RTM_NEWNETCONF else "up" if link_facts(body).up else "down"
            for kind, body in notices(listener)
        ]
    assert {"down", "written"} <= set(told)
    assert told.index("down") < told.index("written")


def test_settings_are_written_once_the_link_has_what_they_belong_to(kernel: Kernel) -> None:
    SETTINGS.with_name("default").joinpath("accept_ra").write_text("0", encoding="ascii")
    without_ipv6 = replace(SHIM, mtu=1200)
    make(kernel, without_ipv6)
    do(kernel, Change(replace(SHIM, up=False, accept_ra=True), without_ipv6))
    assert SETTINGS.joinpath("accept_ra").read_text(encoding="ascii") == "1\n"
