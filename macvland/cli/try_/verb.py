"""The command: refuse, foretell, try, and tell how it ended.

Refuses to change the network itself: it writes the file, and the daemon does the rest.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from macvland import config
from macvland.cli.check import tell
from macvland.cli.daemon import is_current, last
from macvland.cli.ending import FINE, OTHERWISE, fail
from macvland.cli.outlook import Outlook, outlook
from macvland.cli.reload import START
from macvland.cli.steps import described, steps
from macvland.cli.text.terminal import columns, paint
from macvland.cli.try_.attempt import Case, Ended, attempt
from macvland.cli.try_.question import EndedError, Interruptible, say
from macvland.cli.try_.session import session, touching
from macvland.cli.try_.trial import TrialError, alone, edition
from macvland.cli.wait import seconds
from macvland.config import Config
from macvland.config.source import LARGEST, given
from macvland.config.trial import DIRECTORY, stamped
from macvland.machine import this_machine
from macvland.status import told as in_status

TEXT = "try a file: it is gone again unless somebody confirms it in time"
TIMEOUT = 60.0  # seconds
LONGEST = 86400.0  # seconds: a trial for ever is none
NOT_ALLOWED = "only root may try a file: 'sudo macvlanctl try FILE'"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("file", type=Path, metavar="FILE", help="called as it will be in /etc/macvlan.d")
    command.add_argument("--timeout", type=patience, default=TIMEOUT, metavar="SECONDS", help="default: 60 (exit 2)")
    command.add_argument("--keep", action="store_true", help="Enter alone is a yes; no answer is none")


def patience(text: str) -> float:
    """Return the seconds, a day at most, that *text* says; ValueError."""
    found = seconds(text)
    if found > LONGEST:
        raise ValueError
    return found


def run(options: argparse.Namespace) -> int:
    """Refuse, or try, ask and end it."""
    if os.geteuid():  # and not whether one may write there: the daemon takes files of root's alone
        return fail(NOT_ALLOWED)
    machine = this_machine()
    checked = config.check([options.file], machine)
    if checked.errors:
        return tell(checked, machine, as_json=options.json)
    try:
        _refuse(options.file, checked)
        with Interruptible() as signals, alone():
            return _run(options, signals)
    except EndedError as ended:
        say(f"{ended}: nothing was changed")
        return OTHERWISE
    except TrialError as error:
        return fail(str(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        return fail(f"{error.filename or DIRECTORY} must be readable and {DIRECTORY} writable: {error.strerror}")


def _refuse(file: Path, checked: Config) -> None:
    """Refuse what can be told without touching anything."""
    if checked.elsewhere:
        raise TrialError(f"{file} is not for this host: its [match] says for which it is")
    if Path(os.path.realpath(file.parent)) in config.DIRECTORIES:
        raise TrialError(f"{file} counts already: copy it elsewhere, edit that, and try the copy")
    now = last()
    if now is None or not is_current(now):
        raise TrialError(START)


def _run(options: argparse.Namespace, signals: Interruptible) -> int:
    text = given(options.file)
    if len(stamped(text, 0.0)) > LARGEST:
        return fail("a file on trial needs room for one more line in its 64 KiB: shorten its comments")
    before = outlook()
    machine = this_machine()
    ahead = outlook(config.tried(options.file, text, machine))
    errors = tuple(one for one in ahead.declared.errors if one not in before.declared.errors)
    if errors or ahead.declared.unreadable:
        return tell(replace(ahead.declared, errors=errors or ahead.declared.errors), machine, as_json=options.json)
    it = session()
    case = Case(
        file=options.file,
        text=text,
        before=before,
        ahead=ahead,
        session=it,
        touched=touching(ahead.actions, ahead.seen, it) if it else (),
        replaced=edition(config.KEPT / options.file.name),
        seconds=options.timeout,
        eager=options.keep,
    )
    _foretell(case, quiet=options.json)
    return _tell(case, attempt(case, signals), as_json=options.json)


def _foretell(case: Case, *, quiet: bool) -> None:
    """Say what is going to be done, and what of it may cut off who asked for it."""
    if not quiet:
        for line in steps(case.ahead.actions, case.ahead.seen, columns(), paint()):
            print(line)
        if not case.ahead.actions:
            print("nothing to do")
        sys.stdout.flush()
    for text in new_obstacles(case.before, case.ahead):
        say(text)
    kept = config.KEPT / case.file.name
    if os.path.lexists(kept):
        say(f"if it is kept, it takes the place of {kept}")
    if case.touched:
        say(f"{case.session}, which this touches:")
        for action in case.touched:
            say(f"  {action.network}: {action}")


def new_obstacles(before: Outlook, ahead: Outlook) -> Sequence[str]:
    """Return what is in the way of the file, and was not in the way of anything before."""
    return [f"{one.network}: {one}" for one in ahead.obstacles if one not in before.obstacles]


def _tell(case: Case, ended: Ended, *, as_json: bool) -> int:
    if as_json:
        told = {
            "version": 1,
            "kept": str(config.KEPT / case.file.name) if ended.kept else None,
            "why": ended.why,
            "conditions": [in_status(one).row for one in case.ahead.obstacles if one not in case.before.obstacles],
            "session": [str(action) for action in case.touched],
            "done": described(ended.done, case.ahead.seen),
            "left": list(ended.left),
        }
        say(json.dumps(told, indent=1), sys.stdout)
    elif ended.kept:
        say(f"kept as {config.KEPT / case.file.name}")
    else:
        for line in _outcome(ended):
            say(line)
    return FINE if ended.kept else OTHERWISE


def _outcome(ended: Ended) -> Sequence[str]:
    if not ended.placed:
        return [f"{ended.why}: nothing was changed"]
    if not ended.left:
        return ["all is as it was"]
    return ["not as it was: see 'macvlanctl status' for what becomes of", *(f"  {text}" for text in ended.left)]
