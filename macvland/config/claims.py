"""Prefixes that have no address in common, each with the one who claimed it first."""

from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from macvland.model import Prefix

Owner = TypeVar("Owner")


@dataclass(slots=True)
class Claims(Generic[Owner]):
    """The claimed prefixes in the order of their addresses, so that a rival is found by bisection."""

    starts: list[tuple[int, int]] = field(default_factory=list)  # IP version, first address
    owners: dict[tuple[int, int], tuple[Prefix, Owner]] = field(default_factory=dict)

    def rival(self, prefix: Prefix) -> tuple[Prefix, Owner] | None:
        """Return a claimed prefix that overlaps *prefix*, with its owner."""
        # What begins last before the end of *prefix* ends last as well: the claimed ones are apart from each other.
        before = bisect_right(self.starts, (prefix.version, int(prefix.broadcast_address))) - 1
        if before < 0 or self.starts[before][0] != prefix.version:
            return None
        claimed, owner = self.owners[self.starts[before]]
        return (claimed, owner) if claimed.broadcast_address >= prefix.network_address else None  # type: ignore[operator]

    def claim(self, prefix: Prefix, owner: Owner) -> None:
        """Note that *prefix*, which has no rival, is the *owner*'s."""
        start = (prefix.version, int(prefix.network_address))
        insort(self.starts, start)
        self.owners[start] = (prefix, owner)
