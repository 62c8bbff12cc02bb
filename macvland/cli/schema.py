"""The verb schema: what a file may hold, for editors."""

import argparse
import json

from macvland.cli.ending import FINE
from macvland.config.schema import schema

TEXT = "print the JSON Schema of a file, for editors"


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""


def run(options: argparse.Namespace) -> int:  # noqa: ARG001 - it is JSON with and without --json
    """Print the schema."""
    print(json.dumps(schema(), indent=1))
    return FINE
