"""The verb wait: until networks are ready."""

import argparse
import sys
import time
from dataclasses import replace
from threading import TIMEOUT_MAX, Event

from macvland import status as report
from macvland.cli.daemon import last, missing, watching
from macvland.cli.ending import FINE, OTHERWISE, fail
from macvland.status import State, Status

TEXT = "wait until networks are ready"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument(
        "networks", nargs="*", metavar="NETWORK", help="default: all of the files, and no file in error"
    )
    command.add_argument(
        "--timeout", type=seconds, default=TIMEOUT_MAX, metavar="SECONDS", help="give up then (exit 2)"
    )


def seconds(text: str) -> float:
    """Return the seconds that *text* says; ValueError."""
    found = float(text)
    if not 0 <= found <= TIMEOUT_MAX:  # nan neither
        raise ValueError
    return found


def run(options: argparse.Namespace) -> int:
    """Wait, and say what is missing when the time is up."""
    changed = Event()
    arm = watching(changed)
    end = time.monotonic() + options.timeout
    while True:
        changed.clear()
        if trouble := arm():  # before the look: what changes after it wakes us
            return fail(trouble)
        seen = last()
        lacking = missing(seen if options.networks else _declared(seen), options.networks)
        if not lacking or not changed.wait(min(end - time.monotonic(), TIMEOUT_MAX)):
            break
    if options.json and seen:
        print(report.dump(seen))
    for text in lacking:
        print(text, file=sys.stderr)
    return OTHERWISE if lacking else FINE


def _declared(seen: Status | None) -> Status | None:
    """Return *seen* without the networks that no file asks for any more: they may stay as long as a container does."""
    if seen is None:
        return None
    return replace(seen, networks=tuple(one for one in seen.networks if one.state is not State.LEAVING))
