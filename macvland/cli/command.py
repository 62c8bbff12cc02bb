"""The command line: its verbs, and how a verb ends."""

import argparse
import os
import sys
from collections.abc import Sequence

from macvland import __version__
from macvland.cli import adopt, apply, arp, check, doctor, plan, schema, show, status, try_, wait
from macvland.cli.ending import ERROR, fail
from macvland.error import ApplyError

VERBS = (status, plan, apply, try_, check, wait, doctor, adopt, arp, schema, show)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb: the `macvlanctl` command. Exit status: 0 fine, 1 error, 2 not as the files ask."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except ApplyError as error:
        return fail(str(error))
    except BrokenPipeError:
        # The reader has seen enough. What is left goes nowhere, else Python complains when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line: manual page and completions are held against it."""
    parser = argparse.ArgumentParser(prog="macvlanctl", description="Look at Docker macvlan networks and host shims.")
    parser.add_argument("--version", action="version", version=f"macvlanctl {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in VERBS:
        name = verb.__name__.rpartition(".")[2].rstrip("_")  # `try` is a word of Python's, and no name of a module
        command = verbs.add_parser(name, help=verb.TEXT, description=verb.TEXT)
        command.set_defaults(run=verb.run)
        command.add_argument("--json", action="store_true", help="print JSON")
        verb.add_options(command)
    return parser
