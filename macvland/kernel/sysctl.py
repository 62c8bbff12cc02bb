"""The settings of a link that netlink cannot set: what IPv6 does by itself, and for whom it answers."""

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress

# Shows the network namespace of the thread that opens it, wherever /proc was mounted from.
IPV6 = "/proc/sys/net/ipv6/conf"


def write_ipv6(name: str, *, accept_ra: bool = False, autoconf: bool = False) -> bool:
    """Set what a link takes of IPv6 and return True; False where it has no IPv6, and so nothing to switch off.

    Raises OSError where the kernel does not let us, say with /proc/sys mounted read-only.
    """
    try:
        _write(f"{IPV6}/{name}/accept_ra", on=accept_ra)
        _write(f"{IPV6}/{name}/autoconf", on=autoconf)
    except FileNotFoundError:
        return False
    return True


def write_proxying(name: str, *, on: bool, hearing: Iterable[str] = ()) -> None:
    """Let a link answer for addresses that are not its own, or no longer: then it forwards as one does that is new.

    The links *hearing*, which have default routes that routers told them of, keep these.
    """
    with _keeping_routes(hearing):
        _write(f"{IPV6}/{name}/forwarding", on=on or _read(f"{IPV6}/default/forwarding"))
    _write(f"{IPV6}/{name}/proxy_ndp", on=on)


@contextmanager
def _keeping_routes(hearing: Iterable[str]) -> Iterator[None]:
    """Let no default route go that a router told of.

    The kernel drops them on all links when it is told that one forwards, save on those whose accept_ra is 2; on a link
    that does not forward itself, 2 means what 1 does.
    """
    with ExitStack() as stack:
        for name in hearing:
            with suppress(FileNotFoundError):  # it is gone, and its routes with it
                path = f"{IPV6}/{name}/accept_ra"
                if not _read(f"{IPV6}/{name}/forwarding") and _value(path) == b"1":
                    _write_value(path, b"2")
                    stack.callback(_restore, path)
        yield


def _restore(path: str) -> None:
    with suppress(FileNotFoundError):
        _write_value(path, b"1")


def drop_ipv6_addresses(name: str) -> None:
    """Take off a link what IPv6 addresses the kernel has given it, and let it get no more by itself."""
    disabled = f"{IPV6}/{name}/disable_ipv6"
    with suppress(FileNotFoundError):  # a kernel without IPv6 gives none
        if not _read(disabled):
            _write(f"{IPV6}/{name}/addr_gen_mode", on=True)  # 1: none
            _write(disabled, on=True)
            _write(disabled, on=False)


def _read(path: str) -> bool:
    return _value(path) != b"0"


def _value(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 16).strip()
    finally:
        os.close(file)


def _write(path: str, *, on: bool) -> None:
    _write_value(path, b"1" if on else b"0")


def _write_value(path: str, value: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, value)
    finally:
        os.close(file)
