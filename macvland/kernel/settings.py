"""Hears who writes a shim's settings under /proc/sys: of arp_filter, accept_ra and autoconf netlink gives no notice.

The kernel tells inotify(7) of every write(2) to these files. A watch goes with the inode of its directory, and the
inode with a rename of the link or, seldom, with memory that runs short: each look arms anew, and what slips through
between two looks is found by the safety look. Refuses to read a setting: the look does that.
"""

import ctypes
import os
from contextlib import suppress
from struct import Struct

DIRECTORIES = ("/proc/sys/net/ipv4/conf", "/proc/sys/net/ipv6/conf")
OURS = "mv-"  # what the names of our shims begin with
IN_MODIFY, IN_Q_OVERFLOW = 0x2, 0x4000
FLAGS = os.O_NONBLOCK | os.O_CLOEXEC  # IN_NONBLOCK, IN_CLOEXEC
EVENT = Struct("iIII")  # inotify_event: watch, mask, cookie, length of the name that follows
BUFFER = 64 << 10  # octets

_libc = ctypes.CDLL(None, use_errno=True)


class SettingsWatch:
    """Watches the settings of all shims. Where inotify refuses, nothing is heard, and the safety look has to do."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self.descriptor: int = _libc.inotify_init1(FLAGS)  # -1: none to be had
        self._watches: dict[tuple[str, int], int] = {}  # by path and inode

    def arm(self) -> None:
        """Watch every shim there is: before a look, so that what changes after it is heard."""
        try:
            found = {place for directory in DIRECTORIES for place in _places(directory)}
        except OSError:  # no descriptor is left: what is watched stays so
            return
        for place in self._watches.keys() - found:
            _libc.inotify_rm_watch(self.descriptor, self._watches.pop(place))
        for path, inode in found - self._watches.keys():
            watch = _libc.inotify_add_watch(self.descriptor, path.encode(), IN_MODIFY)
            if watch >= 0:
                self._watches[path, inode] = watch

    def heard(self) -> bool:
        """Take in what has been told, and tell whether any of it is a write."""
        masks: list[int] = []
        with suppress(BlockingIOError):
            while True:
                masks += _masks(os.read(self.descriptor, BUFFER))
        return any(mask & (IN_MODIFY | IN_Q_OVERFLOW) for mask in masks)

    def close(self) -> None:
        """Hear nothing any more."""
        os.close(self.descriptor)


def _places(directory: str) -> list[tuple[str, int]]:
    """Return path and inode of the settings of each shim: in a new inode's place, an old one's watch hears nothing."""
    with suppress(FileNotFoundError), os.scandir(directory) as entries:  # a kernel without IPv6 has no such directory
        return [(entry.path, entry.inode()) for entry in entries if entry.name.startswith(OURS)]
    return []


def _masks(events: bytes) -> list[int]:
    masks, start = [], 0
    while start < len(events):
        _, mask, _, length = EVENT.unpack_from(events, start)
        masks.append(mask)
        start += EVENT.size + length
    return masks
