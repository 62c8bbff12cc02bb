"""From Docker's report of a network to the file that declares the same one, or why no file can. Pure.

What it writes was read back by the daemon's own grammar and is the same network: such a file changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from macvland.cli.adopt.handmade import Handmade, commented, shim_of
from macvland.cli.adopt.toml import written
from macvland.config import Declaration, parse
from macvland.config.declare import DOCKERS_OWN, NAME
from macvland.config.network import THEIRS
from macvland.config.overlap import rivalries
from macvland.config.wording import quoted
from macvland.engine.translate import is_ours, network_of
from macvland.model import Network, differences

Json = Mapping[str, Any]

UNDERSTOOD = {"parent", "macvlan_mode"}  # options of Docker's macvlan driver; it drops all others silently
A_NAME = "of letters, digits, '_', '.' and '-'"
LONGEST_FILE = 255  # octets: NAME_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What became of one network: a *text* for its file, or a reason why there is none."""

    network: str
    text: str = ""
    notes: tuple[str, ...] = ()  # what is not in the text, or needs to be known with it
    refusal: str = ""

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.network}.toml"


def adoption(report: Json, source: str, shims: Sequence[Handmade] = (), *, live: bool = False) -> Adoption:
    """Return what a file can say of the network of *report*; *live*: macvland is to make a shim beside *shims*."""
    name = str(report.get("Name") or "")
    if refusal := _refusal(name, report):
        return Adoption(network=name, refusal=refusal)
    network = network_of(report)
    labels = frozenset(pair for pair in network.labels if not _label_trouble(*pair))
    table, shim_notes = shim_of(network, shims)
    notes = (*_notes(report, network), *shim_notes)
    head = [f"Written by 'macvlanctl adopt' from {source}.", *(["Not in this file:"] if notes else [])]
    lines = table if live or not table else commented(table, shims)
    text = written(replace(network, labels=labels), [*head, *(f"- {note}" for note in notes)], lines)
    refusal = _difference(network, text)
    return Adoption(network=name, refusal=refusal) if refusal else Adoption(network=name, text=text, notes=notes)


def _refusal(name: str, report: Json) -> str:
    """Return why no file can declare the network of *report*, as far as that is told before it is written."""
    if not NAME.fullmatch(name) or name in DOCKERS_OWN or len(f"{name}.toml".encode()) > LONGEST_FILE:
        return (
            f"has a name that no file can have, and a network has its file's name: make it anew with another, {A_NAME}"
        )
    return _kind_refusal(report)


def _kind_refusal(report: Json) -> str:
    if report.get("External"):
        return "is external, so the file says nothing of it: adopt it from Docker, with 'macvlanctl adopt' and its name"
    driver, scope = report.get("Driver"), report.get("Scope") or "local"
    if driver != "macvlan":
        return f"is a {quoted(driver or 'bridge')} network, and macvland makes macvlan networks only"
    if report.get("ConfigOnly"):
        return "is config-only: it carries no container; adopt the networks that are made from it"
    if scope != "local":
        return f"has the scope {quoted(scope)}, and macvland's networks are of one host; make it with scope local"
    if is_ours(report):
        return "is macvland's already: its file is in /etc/macvlan.d, or was"
    return ""


def _difference(network: Network, text: str) -> str:
    """Return why *text* does not declare *network*; "" where it does."""
    declaration, errors = parse(text.encode(), Path(f"{network.name}.toml"))
    if declaration is None:
        wrong = "; ".join(f"{error.key}: {error.wrong}" if error.key else error.wrong for error in errors)
        return f"cannot be declared: {wrong}"
    differing = [what for what, *_ in differences(network, _as_network(declaration))]
    if differing:
        return f"cannot be declared as it is: no file says the same for {', '.join(differing)}"
    return ""


def _as_network(declaration: Declaration) -> Network:
    return Network(
        name=declaration.name,
        parent=declaration.parent,
        mode=declaration.mode,
        internal=declaration.internal,
        subnets=frozenset(declaration.subnets),
    )


def _notes(report: Json, network: Network) -> Iterator[str]:
    """Yield what of *report* the file does not say."""
    for key, value in sorted(_pairs(report.get("Options"))):
        if key not in UNDERSTOOD:
            yield f"option {quoted(key)} = {quoted(value)}: Docker's macvlan driver ignores it"
    for key, value in sorted(network.labels):
        if trouble := _label_trouble(key, value):
            yield f"label {quoted(key)}: {trouble}"
    ipam = report.get("IPAM")
    ipam = ipam if isinstance(ipam, dict) else {}
    driver = ipam.get("Driver") or "default"
    if driver != "default":
        yield f"IPAM driver {quoted(driver)}: a network that macvland makes has Docker's own"
    for key, value in sorted(_pairs(ipam.get("Options"))):
        yield f"IPAM option {quoted(key)} = {quoted(value)}: macvland sets none"
    if report.get("Attachable"):
        yield "attachable: it means something in a swarm only"
    if not network.internal and any(subnet.gateway is None for subnet in network.subnets):
        yield "a gateway: none is said there; Docker before 29 took the first free address, and can make no other"


def _label_trouble(key: str, value: str) -> str:
    reason = next((why for start, why in THEIRS.items() if f"{key}.".startswith(start)), "")
    if reason:
        return reason
    return "" if key and (key + value).isprintable() else "it is empty or holds a character that does not print"


def _pairs(value: Any) -> list[tuple[str, str]]:
    return [(str(key), str(it)) for key, it in value.items()] if isinstance(value, dict) else []


def together(adoptions: Iterable[Adoption]) -> list[Adoption]:
    """Return *adoptions* such that their files can stand in one directory: who comes second there has none."""
    known: dict[str, Adoption] = {}
    for one in adoptions:
        twice = "is there more than once: remove all networks of this name but one, by their ids"
        known[one.network] = Adoption(network=one.network, refusal=twice) if one.network in known else one
    parsed = (parse(one.text.encode(), Path(one.file))[0] for one in known.values() if one.text)
    for declaration, problems in rivalries(sorted((it for it in parsed if it), key=lambda it: it.name)):
        if problems:
            wrong = "; ".join(problem.wrong for problem in problems)
            known[declaration.name] = Adoption(
                network=declaration.name, refusal=f"cannot stand beside the rest: {wrong}"
            )
    return list(known.values())
