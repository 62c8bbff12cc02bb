"""How much of what only many repetitions show one run does: all of it in `make soak`, a small share in `make check`.

A test that takes its numbers from here is marked `soak`; it is the same test in both. `make check` does the same in
each run, so that a failure comes from the change. `make soak` draws new examples each time.
"""

import os

from hypothesis import HealthCheck, settings

SOAK = bool(os.environ.get("MACVLAND_SOAK"))
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)


def times(check: int, soak: int) -> int:
    """Return how often something is done."""
    return soak if SOAK else check


def examples(check: int, soak: int) -> settings:
    """Return Hypothesis's settings for so many examples."""
    return settings(
        max_examples=times(check, soak), derandomize=not SOAK, database=None, deadline=None, suppress_health_check=SLOW
    )
