"""The status file: JSON in /run/macvland/status.json, replaced whole."""

import json
from pathlib import Path
from typing import Any

from macvland.condition import Severity, State
from macvland.condition.docker import NOT_YET
from macvland.condition.files import WRONG_FILE
from macvland.status.report import AttachmentStatus, ConditionStatus, DisputeStatus, NetworkStatus, Status

VERSION = 2  # of the file's form; a reader takes the one before as well, and refuses any other
FIRST = 1  # had sentences in the place of conditions
FILE = Path("/run/macvland/status.json")

Told = Status | NetworkStatus | AttachmentStatus | DisputeStatus | ConditionStatus


def dump(status: Status) -> str:
    """Return *status* as JSON text, in one line: Python indents ten times as slowly, and jq does that as well."""
    return json.dumps({"version": VERSION, **_fields(status)}, default=_fields)


def _fields(value: Told) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__slots__}
    match value:
        case NetworkStatus():
            return fields | {"state": str(value.state), "reasons": value.reasons, "warnings": value.warnings}
        case ConditionStatus():
            return value.row
        case Status():
            words = {"failures": [one.text for one in value.failures]}
            return fields | {"absence": value.absence, "errors": value.errors} | words
        case _:
            return fields


def load(text: str) -> Status:
    """Return the status that `dump` wrote, or the macvland before; ValueError on anything else."""
    try:
        data = json.loads(text)
        version = data.pop("version")
        if version not in (FIRST, VERSION):
            raise ValueError("written by another version of macvland")
        known = {"absence": data.pop("absence"), "errors": data.pop("errors", ())}
        host = _first_of_host(**known) if version == FIRST else tuple(map(_load_condition, data.pop("conditions")))
        networks = tuple(_load_network(network) for network in data.pop("networks"))
        disputes = tuple(_load_dispute(dispute) for dispute in data.pop("disputes", ()))
        data["elsewhere"] = tuple(data.get("elsewhere", ()))
        data.pop("failures", None)  # of the conditions, once more in words
        return Status(networks=networks, disputes=disputes, conditions=host, **data)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a status of macvland: {error}") from error


def _first_of_host(absence: str, errors: list[str]) -> tuple[ConditionStatus, ...]:
    """Return what version 1 tells of the host: sentences alone."""
    wrong = tuple(_sentence(text, WRONG_FILE.code, State.FAILED) for text in errors)
    return wrong + ((_sentence(absence, NOT_YET.code, State.WAITING),) if absence else ())


def _sentence(text: str, code: str = "", state: State | None = None) -> ConditionStatus:
    severity = Severity.WARNING if state is None else Severity.ERROR
    return ConditionStatus(
        code=code,
        kind="",
        network="",
        severity=str(severity),
        state="" if state is None else str(state),
        since="",
        text=text,
    )


def _load_condition(data: dict[str, Any]) -> ConditionStatus:
    data.setdefault("since", "")
    fields = ((name, value if isinstance(value, str) else tuple(value)) for name, value in data.pop("fields").items())
    return ConditionStatus(fields=tuple(sorted(fields)), **data)


def _load_dispute(data: dict[str, Any]) -> DisputeStatus:
    return DisputeStatus(macs=tuple(data.pop("macs")), **data)


def _load_network(data: dict[str, Any]) -> NetworkStatus:
    attachments = tuple(
        AttachmentStatus(container=one["container"], addresses=tuple(one["addresses"]), mac=one["mac"])
        for one in data.pop("attachments")
    )
    data |= {name: tuple(data[name]) for name in ("subnets", "host")}
    state = State[data.pop("state").upper()]
    reasons, warnings = data.pop("reasons"), data.pop("warnings", ())
    if "conditions" in data:
        conditions = tuple(map(_load_condition, data.pop("conditions")))
    else:
        conditions = (*(_sentence(one, state=state) for one in reasons), *map(_sentence, warnings))
    return NetworkStatus(state=state, attachments=attachments, conditions=conditions, **data)


def write(status: Status, file: Path = FILE) -> None:
    """Replace *file* by *status*, at once or not at all; OSError where that cannot be done."""
    new = file.with_name(f".{file.name}.new")  # one name: what a crash leaves behind, the next write takes over
    new.write_text(dump(status), encoding="utf-8")
    new.chmod(0o644)
    new.replace(file)


def read(file: Path = FILE) -> Status:
    """Return the status in *file*; OSError or ValueError where there is none that can be read."""
    return load(file.read_text(encoding="utf-8"))
