"""The command: look, ask every finder, print what they found."""

import argparse
import json
import sys

from macvland.cli.doctor.diagnosis import diagnosis, notes
from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.gather import gather
from macvland.cli.doctor.report import told
from macvland.cli.ending import FINE, OTHERWISE
from macvland.cli.text.columns import printable
from macvland.cli.text.terminal import columns, paint
from macvland.condition import CODES

TEXT = "find out why a network does not work, and what to do (exit 2: there are findings)"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("network", nargs="?", metavar="NETWORK", help="default: the whole host")


def run(options: argparse.Namespace) -> int:
    """Examine the host or one network, and print the findings, the likeliest first."""
    shot, untold = gather(options.network)
    found = diagnosis(shot, options.network)
    words = [*notes(shot, options.network), *untold]
    if options.json:
        rows = [_row(one) for one in found]
        print(json.dumps({"version": 1, "findings": rows, "notes": words}, indent=1))
    else:
        print(told(found, columns(), paint()))
        for word in words:
            print(printable(word), file=sys.stderr)
    return OTHERWISE if found else FINE


def _row(one: Finding) -> dict[str, object]:
    return {
        "code": one.code,
        "network": one.network,
        "symptom": one.symptom,
        "evidence": one.seen,
        "remedy": one.remedy,
        "conditions": [condition.row for condition in one.conditions],
        "title": CODES[one.code],
    }
