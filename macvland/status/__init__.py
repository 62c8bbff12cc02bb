"""A pass as people and programs read it: values, JSON in /run/macvland/status.json, one line."""

from macvland.status.file import FILE, VERSION, dump, load, read, write
from macvland.status.report import (
    STATE_OF,
    AttachmentStatus,
    DisputeStatus,
    NetworkStatus,
    State,
    Status,
    line,
    rfc3339,
)
from macvland.status.verdict import status

__all__ = [
    "FILE",
    "STATE_OF",
    "VERSION",
    "AttachmentStatus",
    "DisputeStatus",
    "NetworkStatus",
    "State",
    "Status",
    "dump",
    "line",
    "load",
    "read",
    "rfc3339",
    "status",
    "write",
]
