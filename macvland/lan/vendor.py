"""Who built a device, as far as a list on this machine knows the start of its MAC. Nothing is kept of the list."""

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

ROOT = Path("/")
# The form of a line, with {} for the first three octets.
LISTS: Mapping[str, str] = {
    "usr/share/ieee-data/oui.txt": r"^{}\s+\(base 16\)\s+(.+)$",
    "usr/share/nmap/nmap-mac-prefixes": r"^{}\s+(.+)$",
    "usr/share/wireshark/manuf": r"^{}(?:\t[^\t\n]*)?\t([^\t\n]+)$",
    "usr/lib/udev/hwdb.d/20-OUI.hwdb": r"^OUI:{}\*\n ID_OUI_FROM_DATABASE=(.+)$",
}
LONGEST = 64  # characters of a name


@lru_cache(maxsize=256)
def vendor_of(mac: str, root: Path = ROOT) -> str:
    """Return the name; "" where no list below *root* has it, or where the MAC is one that somebody made up."""
    names = (_named(root / path, form, mac[:8].upper()) for path, form in LISTS.items())
    return "" if int(mac[:2], 16) & 2 else next((name for name in names if name), "")


def _named(path: Path, form: str, start: str) -> str:
    line = form.format(f"(?:{start}|{start.replace(':', '')})")
    with suppress(OSError):
        if found := re.search(line, path.read_text(encoding="utf-8", errors="replace"), re.MULTILINE):
            name = "".join(each for each in found[1].strip() if each.isprintable())
            return name[:LONGEST]
    return ""
