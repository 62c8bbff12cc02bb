"""What Docker cannot change of a network: its hash, and how two of them differ."""

from collections.abc import Iterator
from hashlib import sha256

from macvland.model.address import Address
from macvland.model.docker import Network


def spec_of(network: Network) -> str:
    """Return the hash of all that Docker cannot change in place; the leading number is the hash's own version."""
    pools = sorted(
        f"{pool.cidr} {pool.gateway} {pool.range} {','.join(sorted(map(str, pool.reserved)))}"
        for pool in network.subnets
    )
    text = "\n".join((network.name, str(network.parent), network.mode, str(network.internal), *pools))
    return f"1:{sha256(text.encode()).hexdigest()[:32]}"


def differences(was: Network, now: Network) -> Iterator[tuple[str, str, str]]:
    """Yield in words what of *was* Docker would have to change to make it *now*, each with its old and new value."""
    for name in ("parent", "mode", "internal"):
        if getattr(was, name) != getattr(now, name):
            yield name, _word(getattr(was, name)), _word(getattr(now, name))
    pools = {pool.cidr: pool for pool in was.subnets}, {pool.cidr: pool for pool in now.subnets}
    for cidr in sorted(pools[0].keys() ^ pools[1].keys(), key=str):
        yield f"subnet {cidr}", *(("there", "none") if cidr in pools[0] else ("none", "there"))
    for cidr in sorted(pools[0].keys() & pools[1].keys(), key=str):
        old, new = pools[0][cidr], pools[1][cidr]
        for name in ("gateway", "range"):
            if getattr(old, name) != getattr(new, name):
                yield f"{name} of {cidr}", str(getattr(old, name) or "none"), str(getattr(new, name) or "none")
        if old.reserved != new.reserved:
            yield f"reserved of {cidr}", _listed(old.reserved), _listed(new.reserved)


def _listed(addresses: frozenset[Address]) -> str:
    shown = [str(address) for address in sorted(addresses, key=int)]
    return " ".join(shown[:4]) + (f" and {len(shown) - 4} more" if len(shown) > 4 else "") or "none"


def _word(value: object) -> str:
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)
