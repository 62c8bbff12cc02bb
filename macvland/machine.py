"""Which machine this is (machine-id(5)): what the MACs of its shims are derived from."""

import socket
from pathlib import Path


def machine_id() -> str:
    """Return the machine's id; a host without one has at least its name."""
    try:
        text = Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    return text or socket.gethostname()
