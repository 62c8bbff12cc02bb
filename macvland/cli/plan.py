"""The verb plan: what the daemon would change now. It needs no daemon, only its pure code."""

import argparse
import json
import sys

from macvland import config
from macvland.cli.ending import ERROR, FINE, OTHERWISE
from macvland.engine import Docker
from macvland.kernel import Kernel
from macvland.machine import machine_id
from macvland.plan import plan
from macvland.reconcile import look
from macvland.wanted import wanted

TEXT = "show what the daemon would change now (exit 0: nothing, 2: something, 1: an error)"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""


def run(options: argparse.Namespace) -> int:
    """Look, and print the plan."""
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
