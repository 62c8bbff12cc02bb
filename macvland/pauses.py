"""How long to wait before something is tried again, or the LAN asked again: each time longer, up to a bound."""

import random

FIRST = 1.0  # seconds to the second try
FACTOR = 2.0
LONGEST = 300.0  # seconds between tries at most; the safety look of the daemon bounds it anyway
JITTER = 0.2  # of the delay, so that many hosts with one cause do not retry in step


def delay(failures: int) -> float:
    """Return the seconds to wait after so many *failures* in a row."""
    spread = 1 + random.uniform(-JITTER, JITTER)  # noqa: S311 - no secret
    return min(FIRST * FACTOR ** min(failures - 1, 30), LONGEST) * spread
