"""macvlanctl: what is, what would be done, and whether files are right. It needs no daemon, only its pure code.

Refuses to change anything: that is the daemon's alone.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import TIMEOUT_MAX, Event

from macvland import __version__, config
from macvland import status as report
from macvland.engine import Docker
from macvland.error import ApplyError
from macvland.kernel import Kernel
from macvland.machine import machine_id
from macvland.plan import plan
from macvland.reconcile import look
from macvland.status import NetworkStatus, State, Status
from macvland.wanted import wanted

FINE = 0
ERROR = 1
OTHERWISE = 2  # not an error of the command, but not as it should be: changes to make, networks not ready


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb: the `macvlanctl` command. Exit status: 0 fine, 1 error, 2 not as the files ask."""
    options = parser().parse_args(arguments)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except ApplyError as error:
        return _fail(str(error))
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
    for name, verb, text in (
        ("status", _status, "show every network as the daemon saw it last"),
        ("plan", _plan, "show what the daemon would change now (exit 0: nothing, 2: something, 1: an error)"),
        ("check", _check, "check files, or all of the host's, without touching anything"),
        ("wait", _wait, "wait until networks are ready"),
    ):
        command = verbs.add_parser(name, help=text, description=text)
        command.set_defaults(run=verb)
        command.add_argument("--json", action="store_true", help="print JSON")
        if verb is _check:
            command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="default: the host's directories")
        if verb is _wait:
            command.add_argument("networks", nargs="*", metavar="NETWORK", help="default: all, and no file in error")
            command.add_argument(
                "--timeout", type=_seconds, default=TIMEOUT_MAX, metavar="SECONDS", help="give up then (exit 2)"
            )
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds <= TIMEOUT_MAX:  # nan neither
        raise ValueError
    return seconds


def _status(options: argparse.Namespace) -> int:
    try:
        last = report.read()
    except FileNotFoundError:
        return _fail(f"{report.FILE} does not exist: start the daemon with 'systemctl start macvland'")
    except (OSError, ValueError) as error:
        return _fail(f"{report.FILE} cannot be read: {error}")
    if options.json:
        print(report.dump(last))
    else:
        print(report.table(last))
        if not _is_current(last):
            print("macvland is not running: this is what it saw last; 'systemctl start macvland'")
    return FINE if _missing(last, ()) == [] else OTHERWISE


def _wait(options: argparse.Namespace) -> int:
    # 60 ms of watchdog, for which no other verb has a use.
    from macvland.wake import Watcher  # noqa: PLC0415

    changed = Event()
    watcher = Watcher((), {report.FILE: changed.set}, changed.set)
    end = time.monotonic() + options.timeout
    while True:
        changed.clear()
        if trouble := watcher.arm():  # before the look: what changes after it wakes us
            return _fail(trouble)
        last = _last()
        missing = _missing(last, options.networks)
        if not missing or not changed.wait(min(end - time.monotonic(), TIMEOUT_MAX)):
            break
    if options.json and last:
        print(report.dump(last))
    for text in missing:
        print(text, file=sys.stderr)
    return OTHERWISE if missing else FINE


def _last() -> Status | None:
    """Return the status of the last pass; None where there is none that can be read."""
    try:
        return report.read()
    except (OSError, ValueError):
        return None


def _is_current(last: Status) -> bool:
    """Tell whether the daemon that wrote *last* is running."""
    return Path(f"/proc/{last.pid}").exists()


def _missing(last: Status | None, names: Sequence[str]) -> list[str]:
    """Return what keeps *names* from being met, one line each; without names, all networks and every file."""
    if last is None or not _is_current(last):
        return ["macvland is not running, or has not looked yet"]
    known = {one.name: one for one in last.networks}
    states = [text for name in names or known if (text := _unmet(name, known.get(name)))]
    return states + ([] if names else list(last.errors))


def _unmet(name: str, network: NetworkStatus | None) -> str:
    """Return in which state *network* is, and why; "" where it is as asked."""
    if network is None:
        return f"{name}: no file declares it"
    if network.state in {State.READY, State.FOREIGN}:
        return ""
    return f"{name}: {network.state}: {'; '.join(network.reasons)}"


def _plan(options: argparse.Namespace) -> int:
    declared = config.read()
    docker = Docker()
    seen = look(Kernel(), docker)
    goal = wanted(declared, seen, machine_id())
    actions = plan(goal.host, seen)
    refusals = [f"{one.action.network}: {one.reason}" for one in docker.rehearse(actions)]
    obstacles = sorted((*(f"{one.network}: {one.reason}" for one in goal.obstacles), *refusals))
    if options.json:
        errors = [str(error) for error in declared.errors]
        steps = [{"network": action.network, "action": str(action)} for action in actions]
        print(json.dumps({"version": 1, "actions": steps, "obstacles": obstacles, "errors": errors}, indent=1))
    else:
        for action in actions:
            print(f"{action.network or 'host'}: {action}")
        for text in (*obstacles, *declared.errors):
            print(text, file=sys.stderr)
        if not actions:
            print("nothing to do")
    if declared.errors:
        return ERROR
    return OTHERWISE if actions else FINE


def _check(options: argparse.Namespace) -> int:
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


def _fail(text: str) -> int:
    print(f"macvlanctl: {text}", file=sys.stderr)
    return ERROR
