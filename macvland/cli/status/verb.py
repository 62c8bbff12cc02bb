"""The command: read the status file, and print all of it or all about one network."""

import argparse
import json
from dataclasses import asdict
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path

from macvland import status as report
from macvland.cli.daemon import NOT_HERE, is_current, missing
from macvland.cli.ending import FINE, OTHERWISE, fail
from macvland.cli.status.detail import Subject, detail
from macvland.cli.status.follow import follow
from macvland.cli.status.history import History, UnreadableError, history
from macvland.cli.status.overview import overview
from macvland.cli.text.terminal import columns, paint
from macvland.status import NetworkStatus, Status, rfc3339

TEXT = "show every network as the daemon saw it last, or all about one"
NOT_RUNNING = "macvland is not running: this is what it saw last; 'systemctl start macvland'"


class NothingError(Exception):
    """There is nothing to show: why, and what to do."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("network", nargs="?", metavar="NETWORK", help="default: a table of all")
    command.add_argument("--watch", action="store_true", help="follow it live, until Ctrl-C")


def run(options: argparse.Namespace) -> int:
    """Print the last status, or follow it."""
    if options.watch:
        return follow(lambda: _shown_or_why(options))
    try:
        last = _last(options.network)
    except NothingError as error:
        return fail(str(error))
    print(_shown(last, options))
    return FINE if missing(last, [options.network] if options.network else ()) == [] else OTHERWISE


def _shown_or_why(options: argparse.Namespace) -> str:
    """Return what is shown now; while there is nothing, why."""
    try:
        return _shown(_last(options.network), options)
    except NothingError as error:
        return json.dumps({"version": report.VERSION, "error": str(error)}) if options.json else str(error)


def _last(name: str | None) -> Status:
    """Return the last status, which knows *name*. NothingError."""
    try:
        last = report.read()
    except FileNotFoundError:
        text = f"{report.FILE} does not exist: start the daemon with 'systemctl start macvland'"
        raise NothingError(text) from None
    except (OSError, ValueError) as error:
        raise NothingError(f"{report.FILE} cannot be read: {error}") from None
    names = [network.name for network in last.networks]
    if name is not None and name in last.elsewhere and name not in names:
        raise NothingError(NOT_HERE.format(name))
    if name is not None and name not in names:
        raise NothingError(f"no network '{name}' is declared{_instead(name, names)}")
    return last


def _instead(name: str, names: list[str]) -> str:
    if near := get_close_matches(name, names, 3):
        return "; did you mean " + " or ".join(f"'{one}'" for one in near) + "?"
    if not names:
        return ": no file declares any; write one into /etc/macvlan.d, see macvlan.d(5)"
    return "; 'macvlanctl status' shows those that are"


def _shown(last: Status, options: argparse.Namespace) -> str:
    """Return *last*, or the network of it that was asked for, as JSON or for people."""
    network = next((one for one in last.networks if one.name == options.network), None)
    if options.json:
        return _json(last, network) if network else report.dump(last)
    text = _detail(network) if network else overview(last, columns(), paint())
    return text if is_current(last) else f"{text}\n{NOT_RUNNING}"


def _detail(network: NetworkStatus) -> str:
    subject = Subject(network=network, past=_past(network), edited=_edited(network.file), now=datetime.now(UTC))
    return detail(subject, columns(), paint())


def _past(network: NetworkStatus) -> History | str:
    try:
        return history(network.name)
    except UnreadableError as error:
        return str(error)


def _edited(file: str) -> str:
    """Return when *file* was changed; "" where that cannot be known."""
    try:
        return rfc3339(datetime.fromtimestamp(Path(file).stat().st_mtime, UTC)) if file else ""
    except OSError:
        return ""


def _json(last: Status, network: NetworkStatus) -> str:
    """Return *network* as the status file has it, with its journal; in one line, as that file."""
    (fields,) = (one for one in json.loads(report.dump(last))["networks"] if one["name"] == network.name)
    past = _past(network)
    told = {"error": past, "records": []} if isinstance(past, str) else {"error": "", **asdict(past)}
    fields |= {"edited": _edited(network.file), "journal": told}
    return json.dumps({"version": report.VERSION, "time": last.time, "pid": last.pid, "network": fields})
