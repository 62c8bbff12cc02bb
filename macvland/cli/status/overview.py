"""All networks in a table as wide as the terminal, each with its reasons below; a paragraph each where it is narrow."""

from collections.abc import Iterator

from macvland.cli.text.layout import GAP, filled, joined, laid_out
from macvland.cli.text.terminal import BOLD, COLOURS, YELLOW, Paint
from macvland.status import NetworkStatus, Status, line

HEAD = ("NETWORK", "STATE", "PARENT", "SUBNETS", "HOST", "CONTAINERS")
STATE = HEAD.index("STATE")
INDENT = "  "


def overview(status: Status, columns: int, paint: Paint) -> str:
    """Lay *status* out for people: the networks with their reasons, then what belongs to none, then the sum."""
    names = {network.name for network in status.networks}
    homeless = [one.text for one in status.wrong_files if one.network not in names]  # the others stand at their network
    homeless += [one.text for one in status.failures]
    errors = [each for error in homeless for each in filled(error, columns, "", INDENT)]
    engine = f"Docker {status.engine}" if status.engine else f"no Docker: {status.absence}"
    total = filled(f"{line(status)} ({engine}, {status.time})", columns)
    elsewhere = filled(f"not for this host: {', '.join(status.elsewhere)}", columns) if status.elsewhere else ()
    networks = _table(status, columns, paint) or _paragraphs(status, columns, paint)
    return "\n".join((*networks, *errors, "", *elsewhere, *total))


def _table(status: Status, columns: int, paint: Paint) -> list[str] | None:
    """Return the table; None where it does not fit."""
    rows = laid_out([HEAD, *(_row(network) for network in status.networks)], columns)
    if rows is None:
        return None
    lines = [paint(joined(cells), BOLD) for cells in rows[0]]
    for network, row in zip(status.networks, rows[1:], strict=True):
        row[0][STATE] = paint(row[0][STATE], COLOURS[network.state])
        lines += [joined(cells) for cells in row]
        lines += told(network, columns, paint)
    return lines


def _paragraphs(status: Status, columns: int, paint: Paint) -> list[str]:
    lines: list[str] = []
    for network in status.networks:
        name, state, *cells = _row(network)
        lines.append(f"{name}{' ' * GAP}{paint(state, COLOURS[network.state])}")
        lines += told(network, columns, paint)
        for title, cell in zip(HEAD[STATE + 1 :], cells, strict=True):
            lines += filled(cell, columns, f"{INDENT}{title.lower()}: ", INDENT * 2) if cell != "-" else []
    return lines


def told(network: NetworkStatus, columns: int, paint: Paint) -> list[str]:
    """Return the lines that say why *network* is in its state, and what the LAN has against it."""
    reasons = [each for reason in network.reasons for each in filled(reason, columns, INDENT)]
    warnings = [each for warning in network.warnings for each in filled(f"warning: {warning}", columns, INDENT)]
    return reasons + [paint(each, YELLOW) for each in warnings]


def _row(network: NetworkStatus) -> tuple[str, ...]:
    cells = (carried(network), ", ".join(network.subnets), ", ".join(network.host), ", ".join(_containers(network)))
    return (network.name, str(network.state), *(cell or "-" for cell in cells))


def carried(network: NetworkStatus) -> str:
    """Return the parent, and the link that it means now if it has another name."""
    if network.link in {"", network.parent}:
        return network.parent
    return f"{network.link} ({network.parent})" if network.parent else network.link


def _containers(network: NetworkStatus) -> Iterator[str]:
    return (f"{one.container} {' '.join(one.addresses)}".rstrip() for one in network.attachments)
