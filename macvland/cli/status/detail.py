"""One network for people: all that its status says, and the tail of its journal. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from macvland.cli.status.history import History
from macvland.cli.status.overview import carried, told
from macvland.cli.text.layout import filled, joined, laid_out
from macvland.cli.text.terminal import BOLD, COLOURS, Paint
from macvland.status import NetworkStatus

INDENT = "  "
TITLES = 10  # columns of the longest title and its colon
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network, and what is known of it besides its status."""

    network: NetworkStatus
    past: History | str  # what the journal holds, or why that is not known
    edited: str  # when its file was, RFC 3339 UTC; "" if unknown
    now: datetime


def detail(subject: Subject, columns: int, paint: Paint) -> str:
    """Lay *subject* out for *columns*."""
    network = subject.network
    state = paint(str(network.state), COLOURS[network.state])
    since = f" since {network.since} ({away(network.since, subject.now)})" if network.since else ""
    lines = [f"{paint(network.name, BOLD)}: {state}{since}"]
    lines += told(network, columns, paint)
    for title, text in _facts(subject):
        lines += filled(text, columns, f"{INDENT}{title + ':':<{TITLES}}", INDENT + " " * TITLES)
    lines += _attachments(network, columns, paint)
    lines += ["", *_journal(subject.past, columns)]
    return "\n".join(lines)


def _facts(subject: Subject) -> Iterator[tuple[str, str]]:
    network, past = subject.network, subject.past
    if network.retry:
        yield "retry", f"{network.retry} ({away(network.retry, subject.now)})"
    if isinstance(past, History) and past.changed:
        yield "changed", f"{past.changed.time} ({away(past.changed.time, subject.now)}): {past.changed.text}"
    if network.file:
        edited = f", edited {subject.edited} ({away(subject.edited, subject.now)})" if subject.edited else ""
        yield "file", network.file + edited
    facts = {
        "parent": carried(network),
        "mode": network.mode,
        "subnets": ", ".join(network.subnets),
        "shim": network.shim,
        "host": ", ".join(network.host),
    }
    for title, text in facts.items():
        yield title, text or "-"


def _attachments(network: NetworkStatus, columns: int, paint: Paint) -> Iterator[str]:
    """Yield a row for each container; where that is too wide, its parts below each other."""
    if not network.attachments:
        yield f"{INDENT}no containers"
        return
    rows = [(one.container, ", ".join(one.addresses) or "-", one.mac or "-") for one in network.attachments]
    table = laid_out([("CONTAINER", "ADDRESSES", "MAC"), *rows], columns - len(INDENT))
    yield ""
    if table is None:
        for row in rows:
            yield from (f"{INDENT * level}{cell}" for level, cell in zip((1, 2, 2), row, strict=True))
        return
    yield from (INDENT + paint(joined(cells), BOLD) for cells in table[0])
    yield from (INDENT + joined(cells) for row in table[1:] for cells in row)


def _journal(past: History | str, columns: int) -> Iterator[str]:
    if isinstance(past, str):
        yield from filled(past, columns)
        return
    if not past.records:
        yield "the journal has nothing of it"
    for record in past.records:
        yield from filled(f"{record.time} {record.text}", columns, "", INDENT)


def away(time: str, now: datetime) -> str:
    """Return how far *time* (RFC 3339) is from *now*: `3 h ago`, `in 5 s`; as it is where it is no time."""
    try:
        seconds = (datetime.fromisoformat(time) - now).total_seconds()
    except (ValueError, TypeError):
        return time
    size, unit = next(((size, unit) for size, unit in UNITS if abs(seconds) >= size), (1, "s"))
    amount = f"{int(abs(seconds) // size)} {unit}"
    return f"in {amount}" if seconds > 0 else f"{amount} ago"
