"""What is told of a pass: the values, and the line that sums them up."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from macvland.model import Hold


class State(IntEnum):
    """How a network is, worst first: the first that applies counts."""

    FAILED = 0
    CONFLICT = 1
    WAITING = 2
    CHECKING = 3  # will be ready in a moment, unless the LAN objects
    LEAVING = 4
    FOREIGN = 5  # met by a network that macvland did not make and will not touch
    READY = 6

    def __str__(self) -> str:
        return self.name.lower()


STATE_OF = {
    Hold.DEFECT: State.FAILED,
    Hold.TAKEN: State.FAILED,
    Hold.CONFLICT: State.CONFLICT,
    Hold.PARENT: State.WAITING,
    Hold.CARRIER: State.WAITING,
    Hold.ADDRESS: State.WAITING,
    Hold.ENGINE: State.WAITING,
    Hold.UNDONE: State.WAITING,
    Hold.USED: State.WAITING,
    Hold.CHECK: State.CHECKING,
    Hold.LEAVING: State.LEAVING,
}


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
class NetworkStatus:
    """One network: its state, every reason for it, and what there is of it."""

    name: str
    state: State
    reasons: tuple[str, ...]
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
    warnings: tuple[str, ...] = ()  # what the LAN has against it, though it is in place


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the last pass found."""

    time: str  # RFC 3339 UTC
    pid: int
    converged: bool
    engine: str  # its version; "" if none answers
    absence: str  # why none answers
    networks: tuple[NetworkStatus, ...]
    errors: tuple[str, ...]  # of the files
    reloads: int = 0  # how often the daemon was asked to look at everything anew; 0 in what an older one wrote
    elsewhere: tuple[str, ...] = ()  # the networks whose files are not for this host; () in what an older one wrote
    disputes: tuple[DisputeStatus, ...] = ()
    failures: tuple[str, ...] = ()  # of what belongs to no network; () in what an older one wrote


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
