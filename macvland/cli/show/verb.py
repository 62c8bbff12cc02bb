"""The command: look, print the tree or write the picture."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from macvland.cli.daemon import is_current, last, remembered
from macvland.cli.ending import FINE, OTHERWISE, fail
from macvland.cli.outlook import look_ahead
from macvland.cli.show.svg import svg
from macvland.cli.show.topology import Node, Sight, topology, troubles
from macvland.cli.show.tree import tree
from macvland.cli.text.terminal import columns, paint
from macvland.engine import Docker
from macvland.status import NetworkStatus, State

TEXT = "show what hangs on what: links, networks, shims, containers (exit 2: there are problems)"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("--svg", metavar="FILE", help="write a picture there instead; - is stdout")


def run(options: argparse.Namespace) -> int:
    """Look, and show it."""
    sight = _look()
    nodes = topology(sight)
    notes = [str(error) for error in sight.config.errors]
    if sight.seen.engine is None:
        notes.append(f"Docker does not answer ({sight.seen.absence}): its part is as the status file has it")
    if options.svg:
        try:
            _write(options.svg, svg(nodes, _title(sight)))
        except OSError as error:
            return fail(f"{options.svg} cannot be written: {error.strerror}; name another file")
    elif options.json:
        print(json.dumps({"version": 1, "links": [_row(node) for node in nodes], "notes": notes}, indent=1))
    else:
        print(tree(nodes, columns(), paint()))
    for note in notes if not options.json else ():
        print(note, file=sys.stderr)
    return OTHERWISE if notes or troubles(nodes) else FINE


def _look() -> Sight:
    found = look_ahead(Docker())
    return Sight(
        config=found.declared,
        seen=found.seen,
        goal=found.goal,
        actions=found.actions,
        failed=_failed(),
        remembered=remembered(found.seen),
    )


def _failed() -> list[NetworkStatus]:
    """Return the networks at which the daemon that runs has failed: a look does not tell."""
    told = last()
    if told is None or not is_current(told):
        return []
    return [one for one in told.networks if one.state is State.FAILED]


def _title(sight: Sight) -> str:
    engine = f"Docker {sight.seen.engine.version}" if sight.seen.engine else "Docker does not answer"
    return f"macvlan networks of {os.uname().nodename} ({engine})"


def _write(name: str, text: str) -> None:
    if name == "-":
        print(text, end="")
        return
    file = Path(name)
    new = file.with_name(f".{file.name}.new")  # whole or not at all: a page may show it
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _row(node: Node) -> dict[str, Any]:
    fields = {name: getattr(node, name) for name in ("kind", "name", "details", "problems")}
    return {**fields, "children": [_row(child) for child in node.children]}
