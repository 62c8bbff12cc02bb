"""Wakes the daemon when the kernel's part of the host may have changed. Carries no data and decides nothing."""

import errno
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from macvland.kernel import bpf
from macvland.kernel.channel import RECEIVE_BUFFER, SOL_NETLINK, our_port, widen
from macvland.kernel.settings import SettingsWatch

NETLINK_ADD_MEMBERSHIP = 1
LINK, NEIGHBOUR, CLASSIFIER, IPV4_ADDRESS, IPV4_ROUTE, IPV6_ADDRESS, IPV6_ROUTE = 1, 3, 4, 5, 7, 9, 11  # RTNLGRP_*
GROUPS = (LINK, NEIGHBOUR, CLASSIFIER, IPV4_ADDRESS, IPV4_ROUTE, IPV6_ADDRESS, IPV6_ROUTE)


def watch(wake: Callable[[], object], stop: threading.Event, settings: SettingsWatch) -> None:
    """Call *wake* whenever something may have changed, until *stop* is set; sleeps without a timeout.

    Raises OSError only where no socket can be had.
    """
    with _listener() as listener, _as_file(stop) as stopped:
        wake()  # what changed before the socket was there told nobody
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(stopped, select.POLLIN)
        if settings.descriptor >= 0:
            poll.register(settings.descriptor, select.POLLIN)
        while stopped.fileno() not in (ready := {descriptor for descriptor, _ in poll.poll()}):
            if listener.fileno() in ready:
                _drain(listener)
                wake()
            elif settings.heard():
                wake()


@contextmanager
def _listener() -> Iterator[socket.socket]:
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
    ) as listener:
        widen(listener, RECEIVE_BUFFER)
        bpf.attach(listener, our_port())
        listener.bind((0, 0))
        for group in GROUPS:
            listener.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        yield listener


def _drain(listener: socket.socket) -> None:
    """Throw away what came. Lost notices (ENOBUFS) are notices as well: the pass looks at everything."""
    notice = bytearray(1)  # of each datagram the kernel drops the rest
    while True:
        try:
            listener.recv_into(notice)
        except BlockingIOError:
            return
        except OSError as problem:
            if problem.errno != errno.ENOBUFS:
                raise


@contextmanager
def _as_file(stop: threading.Event) -> Iterator[socket.socket]:
    """Give a socket that becomes readable when *stop* is set: an Event alone cannot be waited for beside a socket."""
    reader, writer = socket.socketpair()

    def hang_up() -> None:
        with writer:
            stop.wait()

    with reader:
        threading.Thread(target=hang_up, name="stop-watch", daemon=True).start()
        yield reader
