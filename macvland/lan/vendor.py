"""Who built a device, as far as a list on this machine knows the start of its MAC. Nothing is kept of the list.

The lists have up to 9 MB and are in no order. They are searched in blocks, which takes some milliseconds and no memory.
A mapping would take as little, but whoever shortened such a file meanwhile would end the daemon (SIGBUS).
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from io import FileIO
from pathlib import Path

ROOT = Path("/")
# How a line begins, with {plain} as 001132 or {colons} as 00:11:32, and how it goes on to the name.
LISTS: Mapping[str, tuple[str, bytes]] = {
    "usr/share/ieee-data/oui.txt": ("{plain}", rb"[ \t]+\(base 16\)[ \t]+([^\r\n]+)"),
    "usr/share/nmap/nmap-mac-prefixes": ("{plain}", rb"[ \t]+([^\r\n]+)"),
    "usr/share/wireshark/manuf": ("{colons}", rb"(?:\t[^\t\r\n]*)?\t([^\t\r\n]+)"),
    "usr/lib/udev/hwdb.d/20-OUI.hwdb": ("OUI:{plain}", rb"\*\n ID_OUI_FROM_DATABASE=([^\r\n]+)"),
}
LONGEST = 64  # characters of a name
BLOCK, LINE = 1 << 18, 512  # octets that are searched at once, and that an entry may have


def vendor_of(mac: str, root: Path = ROOT) -> str:
    """Return the name; "" where no list below *root* has it, or where the MAC is one that somebody made up."""
    return "" if int(mac[:2], 16) & 2 else _vendor(mac[:8].upper(), root)


@lru_cache(maxsize=256)
def _vendor(start: str, root: Path) -> str:
    plain = start.replace(":", "")
    names = (
        _named(root / path, begin.format(plain=plain, colons=start).encode(), rest)
        for path, (begin, rest) in LISTS.items()
    )
    return next((name for name in names if name), "")


def _named(path: Path, begin: bytes, rest: bytes) -> str:
    with suppress(OSError), path.open("rb", buffering=0) as file:
        for place in _places(file, begin):
            if found := re.match(rest, os.pread(file.fileno(), LINE, place + len(begin))):
                name = found[1].decode("utf-8", errors="replace").strip()
                return "".join(each for each in name if each.isprintable())[:LONGEST]
    return ""


def _places(file: FileIO, begin: bytes) -> Iterator[int]:
    """Yield where the lines of *file* are that begin with *begin*."""
    sought = b"\n" + begin
    text, end = b"\n", 0
    while block := file.read(BLOCK):
        text, end = text[1 - len(sought) :] + block, end + len(block)
        at = text.find(sought)
        while at >= 0:
            yield end - len(text) + at + 1
            at = text.find(sought, at + 1)
