"""The status file: JSON in /run/macvland/status.json, replaced whole."""

import json
from pathlib import Path
from typing import Any

from macvland.status.report import AttachmentStatus, DisputeStatus, NetworkStatus, State, Status

VERSION = 1  # of the file's form; a reader refuses another
FILE = Path("/run/macvland/status.json")


def dump(status: Status) -> str:
    """Return *status* as JSON text, in one line: Python indents ten times as slowly, and jq does that as well."""
    return json.dumps({"version": VERSION, **_fields(status)}, default=_fields)


def _fields(value: Status | NetworkStatus | AttachmentStatus | DisputeStatus) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__slots__}
    return fields | {"state": str(value.state)} if isinstance(value, NetworkStatus) else fields


def load(text: str) -> Status:
    """Return the status that `dump` wrote; ValueError on anything else, a later version included."""
    try:
        data = json.loads(text)
        if data.pop("version") != VERSION:
            raise ValueError("written by another version of macvland")
        networks = tuple(_load_network(network) for network in data.pop("networks"))
        data |= {name: tuple(data.get(name, ())) for name in ("errors", "elsewhere", "failures")}
        disputes = tuple(_load_dispute(dispute) for dispute in data.pop("disputes", ()))
        return Status(networks=networks, disputes=disputes, **data)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a status of macvland: {error}") from error


def _load_dispute(data: dict[str, Any]) -> DisputeStatus:
    return DisputeStatus(macs=tuple(data.pop("macs")), **data)


def _load_network(data: dict[str, Any]) -> NetworkStatus:
    attachments = tuple(
        AttachmentStatus(container=one["container"], addresses=tuple(one["addresses"]), mac=one["mac"])
        for one in data.pop("attachments")
    )
    data |= {name: tuple(data[name]) for name in ("reasons", "subnets", "host")}
    data["warnings"] = tuple(data.get("warnings", ()))
    return NetworkStatus(state=State[data.pop("state").upper()], attachments=attachments, **data)


def write(status: Status, file: Path = FILE) -> None:
    """Replace *file* by *status*, at once or not at all; OSError where that cannot be done."""
    new = file.with_name(f".{file.name}.new")  # one name: what a crash leaves behind, the next write takes over
    new.write_text(dump(status), encoding="utf-8")
    new.chmod(0o644)
    new.replace(file)


def read(file: Path = FILE) -> Status:
    """Return the status in *file*; OSError or ValueError where there is none that can be read."""
    return load(file.read_text(encoding="utf-8"))
