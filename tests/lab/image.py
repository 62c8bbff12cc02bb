"""The image that every container of the lab is made of: the machine's static busybox."""

import io
import shutil
import tarfile
from pathlib import Path

from tests.lab.command import SEARCH_PATH

APPLETS = "arp arping cat false hostname httpd ifconfig ip ls nc ping ping6 route sh sleep true udhcpc udhcpd wget"


def write_image(archive: Path) -> None:
    """Write the image's file system to *archive*, as `docker import` takes it."""
    busybox = shutil.which("busybox", path=SEARCH_PATH)
    if not busybox:
        raise FileNotFoundError("busybox: install busybox-static")
    with tarfile.open(archive, "w") as image:
        for directory in ("bin", "dev", "etc", "proc", "root", "sys", "tmp"):
            entry = tarfile.TarInfo(directory)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            image.addfile(entry)
        image.add(busybox, "bin/busybox")
        for applet in APPLETS.split():
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            image.addfile(entry)
        passwd = b"root:x:0:0::/root:/bin/sh\n"
        entry = tarfile.TarInfo("etc/passwd")
        entry.size = len(passwd)
        image.addfile(entry, io.BytesIO(passwd))
