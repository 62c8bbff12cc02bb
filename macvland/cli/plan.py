"""The verb plan: what the daemon would change now. It needs no daemon, only its pure code."""

import argparse
import json
import sys

from macvland.cli.ending import ERROR, FINE, OTHERWISE
from macvland.cli.outlook import outlook
from macvland.cli.steps import described, steps
from macvland.cli.text.terminal import columns, paint
from macvland.status import told as in_status

TEXT = "show what the daemon would change now (exit 0: nothing, 2: something, 1: an error)"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""


def run(options: argparse.Namespace) -> int:
    """Look, and print the plan."""
    ahead = outlook()
    if options.json:
        told = {
            "version": 1,
            "actions": described(ahead.actions, ahead.seen),
            "obstacles": ahead.lines,
            "conditions": [in_status(one).row for one in ahead.conditions],
            "errors": [str(error) for error in ahead.declared.errors],
        }
        print(json.dumps(told, indent=1))
    else:
        for line in steps(ahead.actions, ahead.seen, columns(), paint()):
            print(line)
        for text in (*ahead.lines, *ahead.declared.errors):
            print(text, file=sys.stderr)
        if not ahead.actions:
            print("nothing to do")
    if ahead.declared.errors:
        return ERROR
    return OTHERWISE if ahead.actions else FINE
