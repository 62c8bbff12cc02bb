"""How what is ours is told by number and by mark, and what one look leaves for applying and for the next look."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import TypeVar

from macvland.kernel.facts import AddressFacts, LinkFacts, RouteFacts
from macvland.model import Link

MARK = "macvland-promiscuous-"  # an altname of a parent that we keep promiscuous begins so; its index follows
# Of our shims. The kernel counts up from 1 and never comes here; all have their upper bits in common (bpf.py). An index
# is for life, so that a shim which somebody put into another group is still known as ours.
INDEXES = range(0x700000, 0x800000)
VLAN_INDEXES = range(0x600000, 0x700000)  # of our VLAN links: apart, for their neighbours are the LAN's, not ours

T = TypeVar("T")
Decoded = Mapping[bytes, T]  # what the octets of one dump meant


@dataclass(frozen=True, slots=True)
class Sight:
    """What one look found beyond the model: netlink speaks of links by index, the model by name.

    What it decoded spares the next look two thirds of its work: the same octets mean the same again.
    """

    indexes: Mapping[str, int] = field(default_factory=dict)  # by name and by altname, of ours as well
    links: frozenset[Link] = frozenset()
    leaving: frozenset[int] = frozenset()  # who is in the group of those that go: normally nobody
    link_facts: Decoded[LinkFacts] = field(default_factory=dict)
    address_facts: Decoded[AddressFacts] = field(default_factory=dict)
    route_facts: Decoded[RouteFacts] = field(default_factory=dict)

    def free_indexes(self) -> Iterator[int]:
        """Yield indexes for new shims. Chosen by us, one batch can speak of links that it has yet to make."""
        taken = frozenset(self.indexes.values())
        first = max((index for index in taken if index in INDEXES), default=INDEXES.start - 1) + 1
        return (index for index in chain(range(first, INDEXES.stop), INDEXES) if index not in taken)

    def free_vlan_indexes(self) -> Iterator[int]:
        """Yield indexes for new VLAN links, others each time: by its index a parent that was made anew is known."""
        taken = frozenset(self.indexes.values())
        first = secrets.choice(VLAN_INDEXES)
        return (index for index in chain(range(first, VLAN_INDEXES.stop), VLAN_INDEXES) if index not in taken)


def mark(index: int) -> str:
    """Return the altname that says: macvland keeps this link promiscuous. Another link's number is no mark."""
    return f"{MARK}{index}"
