"""What wakes the daemon after a suspend or a jump of the clock: the host may be another one by then.

Refuses to use the clock for timing: every timer of the daemon is monotonic, and stands still in a suspend.
"""

import ctypes
import errno
import os
import time
from collections.abc import Callable

TFD_CLOEXEC = os.O_CLOEXEC
TFD_TIMER_ABSTIME = 1
TFD_TIMER_CANCEL_ON_SET = 2
NEVER = 2**62  # seconds since 1970


class _Itimerspec(ctypes.Structure):
    _fields_ = [(name, ctypes.c_int64) for name in ("interval", "interval_ns", "value", "value_ns")]


def watch(wake: Callable[[], object]) -> None:
    """Call *wake* after each discontinuous change of the clock, a resume included: the body of a thread.

    timerfd_create(2): reading a timer that is cancelled when the clock is set fails with ECANCELED. Python wraps it
    from 3.13 on.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timer = libc.timerfd_create(time.CLOCK_REALTIME, TFD_CLOEXEC)
    if timer < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    never = _Itimerspec(0, 0, NEVER, 0)
    while True:
        libc.timerfd_settime(timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, ctypes.byref(never), None)
        try:
            os.read(timer, 8)
        except OSError as error:
            if error.errno != errno.ECANCELED:
                raise
            wake()
