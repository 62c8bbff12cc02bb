"""Run a module of the benchmarks on a lab host and take its answer: what happens is timed where it happens."""

import json
import sys
from typing import Any

from tests.lab import Host
from tests.lab.command import PROJECT

ENVIRONMENT = {"PYTHONPATH": str(PROJECT)}


def run_inside(host: Host, module: str, **question: Any) -> Any:
    """Run tests.bench.*module* on *host* with *question* as JSON; return its answer."""
    command = (sys.executable, "-m", f"tests.bench.{module}", json.dumps(question))
    return json.loads(host.run(*command, environment=ENVIRONMENT).splitlines()[-1])
