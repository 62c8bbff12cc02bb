"""How a command ends: its exit status, and the first line of one that failed."""

import sys

FINE = 0
ERROR = 1
OTHERWISE = 2  # not an error of the command, but not as it should be: changes to make, networks not ready


def fail(text: str) -> int:
    """Say what is wrong, and what to do."""
    print(f"macvlanctl: {text}", file=sys.stderr)
    return ERROR
