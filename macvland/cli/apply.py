"""The verb apply: asks the running daemon to look at everything anew, and waits for what comes of it.

Refuses to change anything itself: the daemon alone does, under its lock.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from threading import TIMEOUT_MAX, Event

from macvland.action import Action
from macvland.cli.daemon import last, missing, watching
from macvland.cli.ending import ERROR, FINE, OTHERWISE, fail
from macvland.cli.outlook import Outlook, outlook
from macvland.cli.reload import START, NotAskedError, ask
from macvland.cli.steps import described, steps
from macvland.cli.text.terminal import columns, paint
from macvland.cli.wait import seconds
from macvland.condition.files import WRONG_FILE
from macvland.status import NetworkStatus, State, Status

TEXT = "have the running daemon do what is to be done, and wait for it"
PATIENCE = 30.0  # seconds
SETTLED = frozenset({State.READY, State.FOREIGN, State.CONFLICT, State.LEAVING})  # no longer a matter of a moment


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("--timeout", type=seconds, default=PATIENCE, metavar="SECONDS", help="default: 30 (exit 2)")


def run(options: argparse.Namespace) -> int:
    """Ask, wait, and show what was done."""
    before = last()
    if before is None:
        return fail(START)
    ahead = outlook()
    changed = Event()
    arm = watching(changed)
    if trouble := arm():  # before the request: its answer wakes us
        return fail(trouble)
    try:
        ask(before.pid)
    except NotAskedError as error:
        return fail(str(error))
    after = _await(before, changed, time.monotonic() + options.timeout)
    left = outlook()
    done = [action for action in ahead.actions if action not in left.actions]
    lacking = _lacking(before, after)
    _tell(options, ahead, done, left, lacking)
    if left.declared.errors:
        return ERROR
    return OTHERWISE if lacking or left.actions else FINE


def _await(before: Status, changed: Event, end: float) -> Status | None:
    """Return the status once the request was taken and nothing is under way any more, or the last one at *end*."""
    while True:
        changed.clear()
        now = last()
        if now and taken(before, now) and settled(now):
            return now
        if not changed.wait(max(0.0, min(end - time.monotonic(), TIMEOUT_MAX))):
            return now


def taken(before: Status, now: Status) -> bool:
    """Tell whether *now* is of a pass that began after the request; a daemon started since has looked at all, too."""
    return now.pid != before.pid or now.reloads > before.reloads


def settled(now: Status) -> bool:
    """Tell whether nothing is a matter of a moment: what a file has wrong is not, nor what is in the way."""
    over = SETTLED | {State.FAILED} if now.converged else SETTLED  # then it failed for what no action would mend
    return all(one.state in over or _is_wrong_file(one) for one in now.networks)


def _is_wrong_file(network: NetworkStatus) -> bool:
    """Tell whether all that holds *network* up is what its file has wrong."""
    return all(one.code == WRONG_FILE.code for one in network.conditions if one.state)


def _lacking(before: Status, after: Status | None) -> list[str]:
    if after is not None and not taken(before, after):
        return ["macvland has not done it in time; 'journalctl -u macvland' may tell why"]
    return missing(after, ())


def _tell(
    options: argparse.Namespace, ahead: Outlook, done: Sequence[Action], left: Outlook, lacking: Sequence[str]
) -> None:
    if options.json:
        told = {
            "version": 1,
            "done": described(done, ahead.seen),
            "left": described(left.actions, left.seen),
            "missing": list(lacking),
        }
        print(json.dumps(told, indent=1))
        return
    for line in steps(done, ahead.seen, columns(), paint()):
        print(line)
    if not done:
        print("nothing was to be done" if not left.actions else "nothing was done")
    for text in lacking:
        print(text, file=sys.stderr)
