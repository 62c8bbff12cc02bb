"""Files on trial: they count before all others, and until a moment that each says itself in its last line.

A trial that nobody ends, because who began it was killed or stopped, is over all the same: whoever reads it looks at
the clock. So no process has to outlive another one, and none has to have the right to remove the file.
"""

import re
import time
from pathlib import Path

DIRECTORY = Path("/run/macvlan.d/try")
# A comment at the end moves no line. It is one rename with what it speaks of: no trial is ever without its end.
LINE = "# macvlanctl try: until {:.3f} seconds after boot\n"
STAMP = re.compile(rb"(?:\A|\n)# macvlanctl try: until (\d{1,12}\.\d{3}) seconds after boot\n\Z")


def clock() -> float:
    """Return the seconds since boot, suspends included: nobody sets this clock, and /run begins with it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def stamped(text: bytes, until: float) -> bytes:
    """Return *text* as a trial that is over at *until* on `clock`."""
    return text + (b"" if text.endswith(b"\n") else b"\n") + LINE.format(until).encode()


def end_of(text: bytes | None) -> float:
    """Return when the trial *text* is over: long ago where it does not say, for such a file is none of ours."""
    found = STAMP.search(text) if text else None
    return float(found[1]) if found else 0.0
