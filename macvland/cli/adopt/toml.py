"""A declaration written out as the TOML of its file, with comments. Reads nothing, and judges nothing."""

import json
from collections.abc import Iterable, Iterator, Sequence

from macvland.config.wording import escaped
from macvland.model import Address, Network, Subnet


def quoted(text: str) -> str:
    """Return *text* as a basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(text, ensure_ascii=False)


def comment(text: str) -> str:
    """Return *text* as one comment: nothing in it can end the line."""
    shown = "".join(letter if letter.isprintable() else escaped(letter) for letter in text)
    return f"# {shown}".rstrip()


def written(network: Network, head: Sequence[str], shim: Sequence[str]) -> str:
    """Return the file of *network*: *head* as comments, its tables, and the lines of *shim* as they are."""
    blocks = [[comment(line) for line in head], list(_network(network))]
    blocks += [list(_subnet(subnet, internal=network.internal)) for subnet in _ordered(network.subnets)]
    blocks += [list(shim)] if shim else []
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def spans(addresses: Iterable[Address]) -> list[str]:
    """Return *addresses* as the file writes them: neighbours as one range."""
    runs: list[list[Address]] = []
    for address in sorted(addresses, key=lambda one: (one.version, int(one))):
        last = runs[-1][-1] if runs else None
        if last and last.version == address.version and int(last) + 1 == int(address):
            runs[-1].append(address)
        else:
            runs.append([address])
    return [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]


def shim_table(addresses: Sequence[Address]) -> list[str]:
    """Return the lines of a [shim] with *addresses* of its own."""
    words = [quoted(str(address)) for address in addresses]
    if not words:
        return ["[shim]"]
    return ["[shim]", f"address = {words[0]}" if len(words) == 1 else f"address = [{', '.join(words)}]"]


def _network(network: Network) -> Iterator[str]:
    yield "[network]"
    if network.parent is not None:
        yield f"parent = {quoted(network.parent)}"
    yield f"mode = {quoted(network.mode)}"
    if network.internal:
        yield "internal = true"
    if network.labels:
        pairs = ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in sorted(network.labels))
        yield f"labels = {{ {pairs} }}"


def _subnet(subnet: Subnet, *, internal: bool) -> Iterator[str]:
    yield "[[subnet]]"
    yield f"cidr = {quoted(str(subnet.cidr))}"
    if subnet.gateway is not None:
        yield f"gateway = {quoted(str(subnet.gateway))}"
    elif not internal:
        yield "gateway = false"
    if subnet.range is not None:
        yield f"range = {quoted(str(subnet.range))}"
    if subnet.reserved:
        yield f"reserved = [{', '.join(map(quoted, spans(subnet.reserved)))}]"


def _ordered(subnets: Iterable[Subnet]) -> list[Subnet]:
    return sorted(subnets, key=lambda pool: (pool.cidr.version, int(pool.cidr.network_address), str(pool)))
