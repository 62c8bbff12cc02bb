"""A pass as people and programs read it: values, JSON in /run/macvland/status.json, one line."""

from macvland.condition import State
from macvland.status.file import FILE, VERSION, dump, load, read, write
from macvland.status.report import (
    AttachmentStatus,
    ConditionStatus,
    DisputeStatus,
    NetworkStatus,
    Status,
    line,
    rfc3339,
    told,
)
from macvland.status.verdict import status

__all__ = [
    "FILE",
    "VERSION",
    "AttachmentStatus",
    "ConditionStatus",
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
    "told",
    "write",
]
