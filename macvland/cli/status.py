"""The verb status: every network as the daemon saw it last."""

import argparse

from macvland import status as report
from macvland.cli.daemon import is_current, missing
from macvland.cli.ending import FINE, OTHERWISE, fail

TEXT = "show every network as the daemon saw it last"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""


def run(options: argparse.Namespace) -> int:
    """Print the last status."""
    try:
        last = report.read()
    except FileNotFoundError:
        return fail(f"{report.FILE} does not exist: start the daemon with 'systemctl start macvland'")
    except (OSError, ValueError) as error:
        return fail(f"{report.FILE} cannot be read: {error}")
    if options.json:
        print(report.dump(last))
    else:
        print(report.table(last))
        if not is_current(last):
            print("macvland is not running: this is what it saw last; 'systemctl start macvland'")
    return FINE if missing(last, ()) == [] else OTHERWISE
