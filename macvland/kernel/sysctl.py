"""The two settings of a link that netlink cannot set: IPv6 router advertisements and automatic addresses."""

import os

# Shows the network namespace of the thread that opens it, wherever /proc was mounted from.
IPV6 = "/proc/sys/net/ipv6/conf"


def write_ipv6(name: str, *, accept_ra: bool = False, autoconf: bool = False) -> bool:
    """Set what a link takes of IPv6 and return True; False where it has no IPv6, and so nothing to switch off.

    Raises OSError where the kernel does not let us, say with /proc/sys mounted read-only.
    """
    try:
        _write(f"{IPV6}/{name}/accept_ra", accept_ra)
        _write(f"{IPV6}/{name}/autoconf", autoconf)
    except FileNotFoundError:
        return False
    return True


def _write(path: str, on: bool) -> None:  # noqa: FBT001 - it is the value
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(file, b"1" if on else b"0")
    finally:
        os.close(file)
