"""Conditions for tests that are about who tells them: in any words, of any state."""

from collections.abc import Callable

from macvland.action import Action, Failure
from macvland.condition import Condition, Kind, Severity, State
from macvland.condition.daemon import OTHER
from macvland.condition.files import WRONG_FILE
from macvland.status import ConditionStatus

SEVERE = {State.FAILED: Severity.ERROR, State.CONFLICT: Severity.ERROR, State.WAITING: Severity.WARNING}


def a(kind: Kind, network: str = "pub_net", spell: Callable[[str], str] = str) -> Condition:
    """Return a condition of *kind*, each of whose fields has its own name as its value, as *spell* has it."""
    lists = {name for name, value in getattr(kind.sentence, "__annotations__", {}).items() if value == tuple[str, ...]}
    return kind(network, **{name: (spell(name),) if name in lists else spell(name) for name in kind.fields})


def listed_in(kind: Kind) -> str:
    """Return the line of docs/conditions.md about *kind*, its fields in capitals."""
    condition = a(kind, "", str.upper)
    state = "" if kind.state is None else f", {kind.state}"
    return f"- `{kind.name}` ({kind.severity}{state}): {condition.text}"


def said(text: str) -> Condition:
    """Return the condition that says *text*."""
    return OTHER(words=text)


def outcomes(*failures: Failure) -> tuple[tuple[Action, str, bool], ...]:
    """Return of each of *failures* what failed, why in words, and whether waiting helps."""
    return tuple((it.action, it.reason, it.passing) for it in failures)


def _status(text: str, severity: Severity, state: State | None, code: str = "", **fields: str) -> ConditionStatus:
    return ConditionStatus(
        code=code,
        kind="",
        network="",
        severity=str(severity),
        state="" if state is None else str(state),
        since="",
        text=text,
        fields=tuple(sorted(fields.items())),
    )


def because(state: State, *texts: str) -> tuple[ConditionStatus, ...]:
    """Return what holds a network in *state*, for each of *texts*."""
    return tuple(_status(text, SEVERE.get(state, Severity.INFO), state) for text in texts)


def warned(*texts: str) -> tuple[ConditionStatus, ...]:
    """Return a warning for each of *texts*."""
    return tuple(_status(text, Severity.WARNING, None) for text in texts)


def wrong(*texts: str, file: str = "") -> tuple[ConditionStatus, ...]:
    """Return what is wrong with *file*, for each of *texts*."""
    return tuple(_status(text, Severity.ERROR, State.FAILED, WRONG_FILE.code, file=file) for text in texts)


def absent(text: str) -> tuple[ConditionStatus, ...]:
    """Return that Docker does not answer, for the reason *text*."""
    return (_status(text, Severity.WARNING, State.WAITING, "MV201"),)
