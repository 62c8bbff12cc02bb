"""The verb check: whether files are right, without touching anything."""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from macvland import config
from macvland.cli.ending import ERROR, FINE
from macvland.cli.text.excerpt import excerpt
from macvland.config import Config
from macvland.error import ConfigError

TEXT = "check files, or all of the host's, without touching anything"
KEYS = ("line", "column", "key", "wrong", "right")
LEAST, MOST = 40, 200  # cells of an excerpt: a terminal may be of any width, the log of a CI of none


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the host's directories")


def run(options: argparse.Namespace) -> int:
    """Check, and print every problem."""
    return tell(config.check(options.files) if options.files else config.read(), as_json=options.json)


def tell(checked: Config, *, as_json: bool) -> int:
    """Print what is wrong with what was *checked*; return the exit status."""
    if as_json:
        errors = [{"file": str(one.file), **{key: getattr(one, key) for key in KEYS}} for one in checked.errors]
        networks = [one.name for one in checked.declarations]
        print(json.dumps({"version": 1, "networks": networks, "errors": errors}, indent=1))
    else:
        cells = max(LEAST, min(shutil.get_terminal_size((100, 24)).columns, MOST))
        for error in checked.errors:
            print(*_lines(error, cells), sep="\n", file=sys.stderr)
        if not checked.errors:
            print(f"{len(checked.declarations)} network(s), no problems")
    return ERROR if checked.errors else FINE


def _lines(error: ConfigError, cells: int) -> Iterator[str]:
    """Yield *error*, and where it can be pointed at its line of the file with carets."""
    yield str(error)
    if error.column:
        yield from excerpt(error.source, error.column, error.length, cells)
