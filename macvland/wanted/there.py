"""Whether the network that a file asks for is there already."""

from collections.abc import Sequence
from dataclasses import replace

from macvland.config import Declaration
from macvland.model import Link, Network, spec_of
from macvland.wanted.parent import carries
from macvland.wanted.remembered import REMEMBERED


@REMEMBERED.keeps  # the hash of a spec is most of the work where nothing changes
def as_declared(declaration: Declaration, parent: str | None) -> Network:
    """Return the network of *declaration* on the link *parent*."""
    network = Network(
        name=declaration.name,
        parent=parent,
        mode=declaration.mode,
        internal=declaration.internal,
        subnets=frozenset(declaration.subnets),
        labels=declaration.labels,
        replacing=declaration.replacing,
    )
    return replace(network, spec=spec_of(network))


def is_met(network: Network, same_name: Sequence[Network], link: Link | None) -> bool:
    """Tell whether the one network Docker has under the name will do, whoever made it and however it calls *link*."""
    if len(same_name) != 1:
        return False
    (seen,) = same_name
    if network.spec == seen.spec:
        return True
    return network.spec == spec_of(replace(seen, parent=link.name) if link and carries(link, seen) else seen)
