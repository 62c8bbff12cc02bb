"""What the daemon saw last, and what of it is not as it was asked."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event

from macvland import status as report
from macvland.model import Host
from macvland.status import NetworkStatus, State, Status

NOT_HERE = "the file of '{}' is not for this host; 'macvlanctl check' says what this host is called"


def last() -> Status | None:
    """Return the status of the last pass; None where there is none that can be read."""
    try:
        return report.read()
    except (OSError, ValueError):
        return None


def watching(changed: Event) -> Callable[[], str]:
    """Return what begins to set *changed* at each news of the daemon, and says what is in the way of that."""
    # 60 ms of watchdog, for which few verbs have a use.
    from macvland.wake import Watcher  # noqa: PLC0415

    return Watcher((), {report.FILE: changed.set}, changed.set).arm


def is_current(last: Status) -> bool:
    """Tell whether the daemon that wrote *last* is running."""
    return Path(f"/proc/{last.pid}").exists()


def remembered(seen: Host) -> tuple[NetworkStatus, ...]:
    """Return what the last status knows of networks, where *seen* does not because Docker does not answer."""
    known = last() if seen.engine is None else None
    return known.networks if known else ()


def missing(last: Status | None, names: Sequence[str]) -> list[str]:
    """Return what keeps *names* from being met, one line each; without names, all networks and every file."""
    if last is None or not is_current(last):
        return ["macvland is not running, or has not looked yet"]
    known = {one.name: one for one in last.networks}
    states = [text for name in names or known if (text := _unmet(name, known.get(name), last.elsewhere))]
    return states + ([] if names else list(last.errors))


def _unmet(name: str, network: NetworkStatus | None, elsewhere: Sequence[str]) -> str:
    """Return in which state *network* is, and why; "" where it is as asked."""
    if network is None:
        return NOT_HERE.format(name) if name in elsewhere else f"{name}: no file declares it"
    if network.state in {State.READY, State.FOREIGN}:
        return ""
    return f"{name}: {network.state}: {'; '.join(network.reasons)}"
