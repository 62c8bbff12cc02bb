"""The verb check: whether files are right, without touching anything."""

import argparse
import json
import sys
from pathlib import Path

from macvland import config
from macvland.cli.ending import ERROR, FINE

TEXT = "check files, or all of the host's, without touching anything"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the host's directories")


def run(options: argparse.Namespace) -> int:
    """Check, and print every problem."""
    checked = config.check(options.files) if options.files else config.read()
    if options.json:
        keys = ("line", "key", "wrong", "right")
        errors = [{"file": str(one.file), **{key: getattr(one, key) for key in keys}} for one in checked.errors]
        print(
            json.dumps(
                {"version": 1, "networks": [one.name for one in checked.declarations], "errors": errors}, indent=1
            )
        )
    else:
        for error in checked.errors:
            print(error, file=sys.stderr)
        if not checked.errors:
            print(f"{len(checked.declarations)} network(s), no problems")
    return ERROR if checked.errors else FINE
