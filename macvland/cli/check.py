"""The verb check: whether files are right, without touching anything."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from macvland import config
from macvland.cli.ending import ERROR, FINE, OTHERWISE, fail
from macvland.cli.text.excerpt import excerpt
from macvland.config import Config
from macvland.config.fleet import fleet
from macvland.config.host import is_exact
from macvland.config.wording import quoted
from macvland.error import ConfigError
from macvland.machine import this_machine
from macvland.model import Machine

TEXT = "check files, or all of the host's, without touching anything"
KEYS = ("line", "column", "key", "wrong", "right")
LEAST, MOST = 40, 200  # cells of an excerpt: a terminal may be of any width, the log of a CI of none


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the host's directories")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--host", metavar="NAME", help="read them as the host of this name or machine-id does")
    which.add_argument(
        "--fleet", type=Path, metavar="DIR", help="show that no two hosts can hand out one address by the files there"
    )


def run(options: argparse.Namespace) -> int:
    """Check, and print every problem."""
    if options.fleet:
        return _fleet(options)
    if options.host and not is_exact(options.host):
        return fail(f"--host takes the name or the machine-id of one host, and {quoted(options.host)} is a pattern")
    machine = _called(options.host) if options.host else this_machine()
    checked = config.check(options.files, machine) if options.files else config.read(machine)
    return tell(checked, machine, as_json=options.json)


def tell(checked: Config, machine: Machine, *, as_json: bool) -> int:
    """Print what is wrong with what was *checked* for *machine*; return the exit status."""
    elsewhere = [one.name for one in checked.elsewhere]
    if as_json:
        networks = [one.name for one in checked.declarations]
        errors = [_row(one) for one in checked.errors]
        print(json.dumps({"version": 1, "networks": networks, "elsewhere": elsewhere, "errors": errors}, indent=1))
        return ERROR if checked.errors else FINE
    _show(checked.errors)
    if elsewhere:
        print(f"not for {quoted(machine.hostname)}: {', '.join(elsewhere)}")
    if not checked.errors:
        print(f"{len(checked.declarations)} network(s), no problems")
    return ERROR if checked.errors else FINE


def _called(name: str) -> Machine:
    """Return the host of that *name*, or machine-id."""
    return Machine(hostname=name, id=name.replace("-", "").lower())


def _fleet(options: argparse.Namespace) -> int:
    """Check the files of a fleet, and print where two of its hosts have the same address."""
    if options.files:
        return fail("--fleet takes a directory, which holds all files of the fleet; leave out the others")
    try:
        found = fleet(options.fleet)
    except OSError as error:
        return fail(f"{options.fleet} cannot be read: {error.strerror}")
    if options.json:
        findings = [{**_row(it.error), "hosts": it.hosts, "address": it.address} for it in found.findings]
        errors = [_row(one) for one in found.errors]
        told = {"version": 1, "hosts": found.hosts, "networks": found.networks, "errors": errors, "findings": findings}
        print(json.dumps(told, indent=1))
    else:
        _show((*found.errors, *(it.error for it in found.findings)))
        if not found.errors and not found.findings:
            print(f"{len(found.networks)} network(s), {len(found.hosts)} host(s) by name, no two with the same address")
    if found.errors:
        return ERROR
    return OTHERWISE if found.findings else FINE


def _row(error: ConfigError) -> dict[str, object]:
    return {"file": str(error.file), **{key: getattr(error, key) for key in KEYS}}


def _show(errors: Iterable[ConfigError]) -> None:
    cells = max(LEAST, min(shutil.get_terminal_size((100, 24)).columns, MOST))
    for error in errors:
        print(*_lines(error, cells), sep="\n", file=sys.stderr)


def _lines(error: ConfigError, cells: int) -> Iterator[str]:
    """Yield *error*, and where it can be pointed at its line of the file with carets."""
    yield str(error)
    if error.column:
        yield from excerpt(error.source, error.column, error.length, cells)
