"""A pass as people and programs read it: JSON in /run/macvland/status.json, one line.

Refuses to look at anything: it tells what the pass saw.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

from macvland.config import Config, Declaration
from macvland.model import Dad, Hold
from macvland.reconcile import Pass

VERSION = 1  # of the file's form; a reader refuses another
FILE = Path("/run/macvland/status.json")


class State(IntEnum):
    """How a network is, worst first: the first that applies counts."""

    FAILED = 0
    CONFLICT = 1
    WAITING = 2
    CHECKING = 3  # will be ready in a moment, unless the LAN objects
    LEAVING = 4
    FOREIGN = 5  # met by a network that macvland did not make and will not touch
    READY = 6

    def __str__(self) -> str:
        return self.name.lower()


STATE_OF = {
    Hold.DEFECT: State.FAILED,
    Hold.TAKEN: State.FAILED,
    Hold.CONFLICT: State.CONFLICT,
    Hold.PARENT: State.WAITING,
    Hold.CARRIER: State.WAITING,
    Hold.ADDRESS: State.WAITING,
    Hold.ENGINE: State.WAITING,
    Hold.UNDONE: State.WAITING,
    Hold.USED: State.WAITING,
    Hold.CHECK: State.CHECKING,
    Hold.LEAVING: State.LEAVING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentStatus:
    """One container on one network."""

    container: str
    addresses: tuple[str, ...]
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkStatus:
    """One network: its state, every reason for it, and what there is of it."""

    name: str
    state: State
    reasons: tuple[str, ...]
    since: str  # when it came into this state, RFC 3339 UTC
    retry: str  # when the next try is due, RFC 3339 UTC; "" if none is
    file: str
    parent: str  # as the file has it
    link: str  # that carries it now; "" if none does
    mode: str
    subnets: tuple[str, ...]
    shim: str
    host: tuple[str, ...]  # the addresses that containers meet the host at
    attachments: tuple[AttachmentStatus, ...]
    warnings: tuple[str, ...] = ()  # what the LAN has against it, though it is in place


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the last pass found."""

    time: str  # RFC 3339 UTC
    pid: int
    converged: bool
    engine: str  # its version; "" if none answers
    absence: str  # why none answers
    networks: tuple[NetworkStatus, ...]
    errors: tuple[str, ...]  # of the files
    reloads: int = 0  # how often the daemon was asked to look at everything anew; 0 in what an older one wrote
    elsewhere: tuple[str, ...] = ()  # the networks whose files are not for this host; () in what an older one wrote


def status(config: Config, ended: Pass, now: str, retries: Mapping[str, str], before: Status | None = None) -> Status:
    """Return what *ended* means for each network; *before* tells since when, and why if it was not tried again.

    *now* and the values of *retries* (by network) are RFC 3339 UTC.
    """
    last = {network.name: network for network in before.networks} if before else {}
    declared = {declaration.name: declaration for declaration in config.declarations}
    reasons: dict[str, list[tuple[State, str]]] = defaultdict(list)
    for name, state, reason in _reasons(config, ended, last):
        reasons[name].append((state, reason))
    show = _Views(ended)
    warnings = _warnings(ended, last)
    return Status(
        time=now,
        pid=os.getpid(),
        converged=ended.converged and not config.errors,
        engine=ended.seen.engine.version if ended.seen.engine else "",
        absence=ended.seen.absence,
        networks=tuple(
            replace(
                _since(
                    show.network(name, declared.get(name), sorted({*reasons[name]}), retries.get(name, "")), last, now
                ),
                warnings=tuple(sorted(warnings[name])),
            )
            for name in sorted(declared.keys() | {name for name in reasons if name})
        ),
        errors=tuple(str(error) for error in config.errors),
        elsewhere=tuple(declaration.name for declaration in config.elsewhere),
    )


def _reasons(config: Config, ended: Pass, last: Mapping[str, NetworkStatus]) -> Iterator[tuple[str, State, str]]:
    failed = {failure.action.network for failure in ended.failures}
    yield from ((error.file.stem, State.FAILED, str(error)) for error in config.errors if error.file.suffix == ".toml")
    yield from (
        (failure.action.network, State.FAILED, f"{failure.action}: {failure.reason}") for failure in ended.failures
    )
    for name in {action.network for action in ended.undisputed} - failed:
        known = last[name].reasons if name in last and last[name].state is State.FAILED else ("not done yet",)
        yield from ((name, State.FAILED, reason) for reason in known)
    for one in ended.goal.obstacles:
        if one.hold is Hold.DISPUTED:
            continue
        if one.hold is Hold.CHECK and one.network in last and last[one.network].state is State.FAILED:
            # Asked again, later and later, is not news: what was in the way counts until the answer.
            yield from ((one.network, State.FAILED, reason) for reason in last[one.network].reasons)
        else:
            yield one.network, STATE_OF[one.hold], one.reason
    clashing = {one.network for one in ended.goal.obstacles if one.hold is Hold.CONFLICT}
    for network in ended.seen.networks:
        if not network.spec and network in ended.goal.host.networks and network.name not in clashing:
            yield network.name, State.FOREIGN, "met by a network that macvland did not make and leaves alone"


def _warnings(ended: Pass, last: Mapping[str, NetworkStatus]) -> dict[str, set[str]]:
    """Return the warnings by network; while Docker does not answer, those that there were stay."""
    warnings: dict[str, set[str]] = defaultdict(set)
    if ended.seen.engine is None:
        warnings |= {name: set(network.warnings) for name, network in last.items()}
    for one in ended.goal.obstacles:
        if one.hold is Hold.DISPUTED:
            warnings[one.network].add(one.reason)
    return warnings


def _since(network: NetworkStatus, last: Mapping[str, NetworkStatus], now: str) -> NetworkStatus:
    before = last.get(network.name)
    return replace(network, since=before.since if before and before.state is network.state else now)


class _Views:
    """The parts of a pass, by network."""

    def __init__(self, ended: Pass) -> None:
        seen = ended.seen
        self.links = {link.name for link in seen.links}
        self.networks = {network.name: network for network in seen.networks}
        self.shims = {shim.network: shim for shim in seen.shims}
        self.sources: dict[str, set[str]] = defaultdict(set)
        for route in seen.routes:
            self.sources[route.shim].add(str(route.source))
        for proxy in seen.proxies:
            self.sources[proxy.shim].add(str(proxy.address))
        for address in seen.addresses:
            if address.dad is Dad.DONE:
                self.sources[address.shim].add(str(address.address))
        self.attachments: dict[str, list[AttachmentStatus]] = defaultdict(list)
        for one in seen.attachments:
            addresses = tuple(sorted(map(str, one.addresses)))
            self.attachments[one.network].append(
                AttachmentStatus(container=one.container, addresses=addresses, mac=one.mac)
            )

    def network(
        self, name: str, declaration: Declaration | None, reasons: Sequence[tuple[State, str]], retry: str
    ) -> NetworkStatus:
        seen = self.networks.get(name)
        shim = self.shims.get(name)
        subnets = declaration.subnets if declaration else seen.subnets if seen else ()
        return NetworkStatus(
            name=name,
            state=reasons[0][0] if reasons else State.READY,
            reasons=tuple(reason for _, reason in reasons),
            since="",
            retry=retry,
            file=str(declaration.file) if declaration else "",
            parent=(declaration.parent if declaration else seen.parent if seen else "") or "",
            link=next((it.parent for it in (shim, seen) if it and it.parent in self.links), None) or "",
            mode=str(declaration.mode if declaration else seen.mode if seen else ""),
            subnets=tuple(sorted(str(subnet.cidr) for subnet in subnets)),
            shim=shim.name if shim else "",
            host=tuple(sorted(self.sources[shim.name])) if shim else (),
            attachments=tuple(sorted(self.attachments[name], key=lambda one: one.container)),
        )


# As JSON


def dump(status: Status) -> str:
    """Return *status* as JSON text, in one line: Python indents ten times as slowly, and jq does that as well."""
    return json.dumps({"version": VERSION, **_fields(status)}, default=_fields)


def _fields(value: Status | NetworkStatus | AttachmentStatus) -> dict[str, Any]:
    fields = {name: getattr(value, name) for name in value.__slots__}
    return fields | {"state": str(value.state)} if isinstance(value, NetworkStatus) else fields


def load(text: str) -> Status:
    """Return the status that `dump` wrote; ValueError on anything else, a later version included."""
    try:
        data = json.loads(text)
        if data.pop("version") != VERSION:
            raise ValueError("written by another version of macvland")
        networks = tuple(_load_network(network) for network in data.pop("networks"))
        data |= {name: tuple(data.get(name, ())) for name in ("errors", "elsewhere")}
        return Status(networks=networks, **data)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a status of macvland: {error}") from error


def _load_network(data: dict[str, Any]) -> NetworkStatus:
    attachments = tuple(
        AttachmentStatus(container=one["container"], addresses=tuple(one["addresses"]), mac=one["mac"])
        for one in data.pop("attachments")
    )
    data |= {name: tuple(data[name]) for name in ("reasons", "subnets", "host")}
    data["warnings"] = tuple(data.get("warnings", ()))
    return NetworkStatus(state=State[data.pop("state").upper()], attachments=attachments, **data)


def write(status: Status, file: Path = FILE) -> None:
    """Replace *file* by *status*, at once or not at all; OSError where that cannot be done."""
    new = file.with_name(f".{file.name}.new")  # one name: what a crash leaves behind, the next write takes over
    new.write_text(dump(status), encoding="utf-8")
    new.chmod(0o644)
    new.replace(file)


def read(file: Path = FILE) -> Status:
    """Return the status in *file*; OSError or ValueError where there is none that can be read."""
    return load(file.read_text(encoding="utf-8"))


# As text


def line(status: Status) -> str:
    """Sum *status* up in one line, as `systemctl status` shows it."""
    counts = Counter(network.state for network in status.networks)
    states = ", ".join(f"{counts[state]} {state}" for state in sorted(counts, reverse=True)) or "no networks declared"
    errors = f"; problems in files: {len(status.errors)}" if status.errors else ""
    return f"{states}{errors}" + ("" if status.engine else "; Docker does not answer")


def rfc3339(moment: datetime) -> str:
    """Return *moment*, which is UTC, as everything here has it: to the second."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
