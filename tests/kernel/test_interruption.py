"""Answers that got lost or do not fit together are never taken for the host."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from macvland.action import Add
from macvland.error import InterruptedDumpError
from macvland.kernel import Kernel, channel, edge, look, requests
from macvland.kernel.channel import BATCH, Channel, open_channel
from macvland.model import Host
from tests.kernel.samples import WANTED, converge, many, seen
from tests.lab.netns import ip


class Meddling(socket.socket):
    """A netlink socket of the kernel's, on whose owner somebody else changes links between two answers."""

    meddle: Callable[[], object]

    def recvmsg(self, *arguments: Any) -> Any:
        """Receive, then meddle."""
        answer = super().recvmsg(*arguments)
        self.meddle()
        return answer


@contextmanager
def meddled_with(meddle: Callable[[], object]) -> Iterator[Channel]:
    with Meddling(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.meddle = meddle
        sock.bind((0, 0))
        yield Channel(sock)


def test_a_dump_during_which_links_came_is_interrupted(kernel: Kernel) -> None:
    converge(kernel, many(60))  # more than one datagram
    names = iter(range(1000))
    grow = meddled_with(lambda: ip("link", "add", f"new{next(names)}", "type", "bridge"))
    with grow as meddled, pytest.raises(InterruptedDumpError, match="changed while they were read"):
        meddled.dump(requests.links())


def test_a_dump_left_alone_is_whole(kernel: Kernel) -> None:
    converge(kernel, many(60))
    with meddled_with(lambda: None) as quiet:
        assert len(quiet.dump(requests.links())) == 63


def test_a_datagram_cut_short_is_an_interruption(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "LARGEST", 512)
    with pytest.raises(InterruptedDumpError, match="longer than 512 octets"):
        kernel.observe(Host())


@pytest.mark.usefixtures("kernel")
def test_lost_answers_are_an_interruption() -> None:
    with open_channel() as small:
        small._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        with pytest.raises(InterruptedDumpError, match="answers are lost"):
            small.send([requests.delete_link(999_999)] * BATCH)


def test_lost_answers_fail_what_they_were_about_and_nothing_else(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = Host(shims=many(BATCH).shims)
    converge(kernel, wanted)
    actions = [Add(shim) for shim in sorted(wanted.shims, key=str)]  # again: each is refused
    monkeypatch.setattr(channel, "RECEIVE_BUFFER", 1)
    failures = kernel.apply(actions)
    assert [failure.action for failure in failures] == actions
    assert {failure.passing for failure in failures} == {True}
    monkeypatch.undo()
    assert seen(kernel) == wanted


def test_a_look_is_repeated_until_it_is_whole(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter(range(100))

    def interrupted_twice(*arguments: Any) -> Any:
        if next(looks) < 2:
            raise InterruptedDumpError("meddled with")
        return look.look(*arguments)

    converge(kernel, WANTED)
    monkeypatch.setattr(edge, "look", interrupted_twice)
    assert seen(kernel) == WANTED
    assert next(looks) == 3
