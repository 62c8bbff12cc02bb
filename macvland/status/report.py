"""What is told of a pass: the values, and the line that sums them up."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from macvland.condition import Condition, Field, State
from macvland.condition.files import WRONG_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentStatus:
    """One container on one network."""

    container: str
    addresses: tuple[str, ...]
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeStatus:
    """One address of which the LAN of a parent says what it should not."""

    parent: str
    address: str  # "" for all of them
    about: str  # what it is here: shim, gateway, container, or range; "everything" for all of them
    macs: tuple[str, ...]  # that have it there as well; none for a gateway, which should answer and does not


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionStatus:
    """What holds a network up, what failed, or what is warned of, as it is told."""

    code: str  # "" in what an older macvland wrote
    kind: str  # of those that the code has; "" as well
    network: str  # "" for the host
    severity: str
    state: str  # that it gives the network; "" for none: a warning
    since: str  # when it began, RFC 3339 UTC; "" where that is not known
    text: str
    fields: tuple[tuple[str, Field], ...] = ()  # by name; with `action`, what was being done when it was met

    @property
    def key(self) -> tuple[object, ...]:
        """What stays the same as long as it is the same condition."""
        return (self.kind, self.fields) if self.kind else (self.state, self.text)

    @property
    def row(self) -> dict[str, object]:
        """The same as JSON has it; without *since* where that is not known."""
        return {
            "code": self.code,
            "kind": self.kind,
            "network": self.network,
            "severity": self.severity,
            "state": self.state,
            **({"since": self.since} if self.since else {}),
            "text": self.text,
            "fields": dict(self.fields),
        }

    def field(self, name: str) -> tuple[str, ...]:
        """Return the values of the field called *name*; none where it has no such field."""
        value = dict(self.fields).get(name, ())
        return (value,) if isinstance(value, str) else value


def told(condition: Condition, since: str = "") -> ConditionStatus:
    """Return *condition* as it is told."""
    met = (("action", condition.action),) if condition.action else ()
    return ConditionStatus(
        code=condition.code,
        kind=condition.kind.name,
        network=condition.network,
        severity=str(condition.severity),
        state="" if condition.state is None else str(condition.state),
        since=since,
        text=condition.text,
        fields=tuple(sorted((*condition.fields, *met))) if met else condition.fields,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatus:
    """One network: its state, what it is in that state for, and what there is of it."""

    name: str
    state: State
    since: str  # when it came into this state, RFC 3339 UTC
    retry: str  # when the next try is due, RFC 3339 UTC; "" if none is
    file: str
    parent: str  # as the file has it
    link: str  # that carries it now; "" if none does
    mode: str
    subnets: tuple[str, ...]
    shim: str
    host: tuple[str, ...]  # the addresses that containers meet the host at
    attachments: tuple[AttachmentStatus, ...]
    conditions: tuple[ConditionStatus, ...] = ()  # those that give it a state come first

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is in its state, in words."""
        return tuple(one.text for one in self.conditions if one.state)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is against it though it is in place, in words."""
        return tuple(one.text for one in self.conditions if not one.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the last pass found."""

    time: str  # RFC 3339 UTC
    pid: int
    converged: bool
    engine: str  # its version; "" if none answers
    networks: tuple[NetworkStatus, ...]
    conditions: tuple[ConditionStatus, ...] = ()  # of the files, of Docker, and of what belongs to no network
    reloads: int = 0  # how often the daemon was asked to look at everything anew; 0 in what an older one wrote
    elsewhere: tuple[str, ...] = ()  # the networks whose files are not for this host; () in what an older one wrote
    disputes: tuple[DisputeStatus, ...] = ()

    @property
    def wrong_files(self) -> tuple[ConditionStatus, ...]:
        """The problems of files."""
        return tuple(one for one in self.conditions if one.code == WRONG_FILE.code)

    @property
    def errors(self) -> tuple[str, ...]:
        """The same in words."""
        return tuple(one.text for one in self.wrong_files)

    @property
    def absent(self) -> ConditionStatus | None:
        """Why no Docker answers; None where one does."""
        others = (one for one in self.conditions if one.code != WRONG_FILE.code)
        return next((one for one in others if one not in self.failures), None)

    @property
    def failures(self) -> tuple[ConditionStatus, ...]:
        """What failed of things that belong to no network."""
        return tuple(one for one in self.conditions if one.field("action"))

    @property
    def absence(self) -> str:
        """The same in words."""
        return self.absent.text if self.absent else ""


def line(status: Status) -> str:
    """Sum *status* up in one line, as `systemctl status` shows it."""
    counts = Counter(network.state for network in status.networks)
    states = ", ".join(f"{counts[state]} {state}" for state in sorted(counts, reverse=True)) or "no networks declared"
    errors = f"; problems in files: {len(status.errors)}" if status.errors else ""
    failures = f"; failed besides: {len(status.failures)}" if status.failures else ""
    return f"{states}{errors}{failures}" + ("" if status.engine else "; Docker does not answer")


def rfc3339(moment: datetime) -> str:
    """Return *moment*, which is UTC, as everything here has it: to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
