"""What nobody can look at in Docker, and is kept in /run, for none of it outlives a boot.

That is which networks its driver was found to know since dockerd started, and over which link each endpoint was made.
Without the file the one is found out anew, and the other begins with what is there.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from macvland.condition import KINDS, Condition
from macvland.engine.activation import Run, run_of
from macvland.engine.address import DEFAULT

FILE = Path("/run/macvland/docker.json")
LINKS = Path("/sys/class/net")
KNOWN = None  # the verdict on a network that is not lost


@dataclass(frozen=True, slots=True)
class _State:
    socket: str = ""  # of the dockerd that the rest is about
    run: Run = (0, 0, "", 0, 0)  # of that dockerd
    verdicts: dict[str, Condition | None] = field(default_factory=dict)  # by network id: KNOWN, or why it is lost
    links: dict[str, int] = field(default_factory=dict)  # by endpoint id, the ifindex of its parent


class History:
    """The history of one Docker. `save` keeps it for the next macvland."""

    def __init__(self, file: Path = FILE, socket: Path = Path(DEFAULT)) -> None:
        """Take up what *file* has of the dockerd behind *socket*; what makes no sense there is as good as nothing."""
        self._file, self._socket = file, socket
        self._state = self._saved = _State()
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            data = json.loads(file.read_text(encoding="utf-8"))
            self._state = self._saved = _State(
                str(data["socket"]), tuple(data["run"]), _read(data["verdicts"]), dict(data["links"])
            )

    def verdicts(self) -> dict[str, Condition | None]:
        """Return, by network id, what was found out since this dockerd started."""
        # Whoever comes to it another way, as an administrator does where the daemon has a proxy, takes what is known.
        if run_of(Path(self._state.socket)) != self._state.run:
            self._state = replace(self._state, verdicts={}, **self._now())
        return self._state.verdicts

    def _now(self) -> dict[str, Any]:
        return {"socket": str(self._socket), "run": run_of(self._socket)}

    def judge(self, network: str, verdict: Condition | None) -> None:
        """Note what was found out about the network with this id."""
        known = self.verdicts()  # first: with another dockerd it begins anew
        self._state = replace(self._state, verdicts={**known, network: verdict}, **self._now())

    def cut(self, endpoints: Sequence[tuple[str, str]]) -> frozenset[str]:
        """Return those of *endpoints*, each an id and the name of its parent, that were made over a link that is gone.

        With its parent an endpoint's own link vanishes from the container, and Docker does not notice.
        """
        indexes = {parent: _index(parent) for parent in {parent for _, parent in endpoints}}
        now = {endpoint: indexes[parent] for endpoint, parent in endpoints if indexes[parent]}
        links = {endpoint: self._state.links.get(endpoint, index) for endpoint, index in now.items()}
        known = self._state.links
        away = {endpoint: known[endpoint] for endpoint, _ in endpoints if endpoint in known}
        self._state = replace(self._state, links=away | links)
        return frozenset(endpoint for endpoint, index in now.items() if links[endpoint] != index)

    def save(self) -> None:
        """Keep what has changed; OSError where the disk does not take it."""
        if self._state == self._saved:
            return
        state = self._state
        new = self._file.with_name(f".{self._file.name}.new")
        verdicts = {network: _written(verdict) for network, verdict in state.verdicts.items()}
        about = {"socket": state.socket, "run": state.run}
        new.write_text(json.dumps(about | {"verdicts": verdicts, "links": state.links}), "utf-8")
        new.replace(self._file)
        self._saved = state


def _written(verdict: Condition | None) -> dict[str, object] | None:
    if verdict is None:
        return None
    return {"kind": verdict.kind.name, "network": verdict.network, "fields": dict(verdict.fields)}


def _read(verdicts: dict[str, Any]) -> dict[str, Condition | None]:
    """Return the verdicts as `_written` has them; one that an older macvland wrote in words is found out anew."""
    found: dict[str, Condition | None] = {}
    for network, verdict in verdicts.items():
        if not verdict:
            found[network] = KNOWN
        elif isinstance(verdict, dict):
            found[network] = KINDS[verdict["kind"]](verdict["network"], **verdict["fields"])
    return found


def _index(link: str) -> int:
    """Return the ifindex of *link* in this network namespace, 0 where there is none."""
    try:
        return int((LINKS / link / "ifindex").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 0
