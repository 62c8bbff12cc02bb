"""Every finder, asked in turn. Pure."""

from collections.abc import Callable, Iterator

from macvland.cli.doctor import docker, firewall, machine, parent, service, settings, shim, wire
from macvland.cli.doctor.finding import Finding, ordered
from macvland.cli.doctor.snapshot import Snapshot

Finder = Callable[[Snapshot], Iterator[Finding]]

FINDERS: tuple[Finder, ...] = tuple(
    finder for theme in (service, docker, parent, machine, wire, shim, settings, firewall) for finder in theme.FINDERS
)


def diagnosis(shot: Snapshot, network: str | None = None) -> list[Finding]:
    """Return what is found, the likeliest first: of *network* and of the host as a whole, or of all."""
    found = [finding for finder in FINDERS for finding in finder(shot)]
    return ordered([one for one in found if network is None or one.network in ("", network)])


def notes(shot: Snapshot, network: str | None = None) -> list[str]:
    """Return what is no finding and worth knowing."""
    shims = {shim.network for shim in shot.seen.shims}
    lonely = [
        f"{one.name} has no [shim]: host and containers do not reach each other, see macvlan.d(5)"
        for one in shot.config.declarations
        if one.shim is None and one.name not in shims and one.mode == "bridge" and network in (None, one.name)
    ]
    return [*lonely, *machine.notes(shot)]
