"""The kernel as reconcile meets it: observe and apply. Holds no socket, and remembers one look only."""

from collections.abc import Callable, Sequence

from macvland.action import Action, Failure
from macvland.condition.kernel import NO_LINKS, NO_NETLINK
from macvland.error import ApplyError, InterruptedDumpError
from macvland.kernel.change import Round
from macvland.kernel.channel import open_channel
from macvland.kernel.facts import SEEN
from macvland.kernel.look import look
from macvland.kernel.sight import Sight
from macvland.model import Host

LOOKS = 5  # in a row before a host that never stands still is an error


class Kernel:
    """The links, addresses, routes and neighbours of this thread's network namespace."""

    def __init__(self, before_look: Callable[[], object] = bool) -> None:
        """Start without having looked; *before_look* is what makes a later change of what is seen be heard."""
        self._before_look = before_look
        self._sight = Sight()
        self._fresh = False  # whether nothing was changed since the last look

    def observe(self, host: Host) -> Host:
        """Return *host* with what the kernel has now.

        Raises InterruptedDumpError where every look was interrupted, ApplyError where the kernel refuses to answer.
        """
        self._before_look()
        seen, self._sight = _look(host, self._sight)
        self._fresh = True
        return seen

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        """Do *actions* in order and return what failed; of a shim and all that rests on it the first failure only."""
        if not actions:
            return ()
        if not self._fresh:
            self.observe(Host())
        self._fresh = False
        try:
            with open_channel() as channel:
                return Round(channel, self._sight).apply(actions)
        except OSError as problem:
            raise ApplyError(NO_NETLINK(error=problem)) from problem


def _look(host: Host, before: Sight) -> tuple[Host, Sight]:
    for _ in range(LOOKS - 1):
        try:
            return _look_once(host, before)
        except InterruptedDumpError:
            continue
    return _look_once(host, before)


def _look_once(host: Host, before: Sight) -> tuple[Host, Sight]:
    try:
        with open_channel() as channel, SEEN:
            return look(channel, host, before)
    except OSError as problem:
        raise ApplyError(NO_LINKS(error=problem)) from problem
