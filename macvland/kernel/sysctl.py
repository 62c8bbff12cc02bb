"""The settings of a link that netlink cannot set: what IPv6 does by itself, and for whom it answers."""

import os
from contextlib import suppress

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


def write_proxying(name: str, *, on: bool) -> None:
    """Let a link answer for addresses that are not its own, or no longer: then it forwards as one does that is new."""
    _write(f"{IPV6}/{name}/forwarding", on=on or _read(f"{IPV6}/default/forwarding"))
    _write(f"{IPV6}/{name}/proxy_ndp", on=on)


def drop_ipv6_addresses(name: str) -> None:
    """Take off a link what IPv6 addresses the kernel has given it, and let it get no more by itself."""
    disabled = f"{IPV6}/{name}/disable_ipv6"
    with suppress(FileNotFoundError):  # a kernel without IPv6 gives none
        if not _read(disabled):
            _write(f"{IPV6}/{name}/addr_gen_mode", on=True)  # 1: none
            _write(disabled, on=True)
            _write(disabled, on=False)


def _read(path: str) -> bool:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, 16).strip() != b"0"
    finally:
        os.close(file)


def _write(path: str, *, on: bool) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, b"1" if on else b"0")
    finally:
        os.close(file)
