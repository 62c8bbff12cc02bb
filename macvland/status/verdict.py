"""What a pass means for each network. Refuses to look at anything: it tells what the pass saw."""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from macvland.config import Config, Declaration
from macvland.model import Dad, Heard, Hold
from macvland.reconcile import Pass
from macvland.status.report import STATE_OF, AttachmentStatus, DisputeStatus, NetworkStatus, State, Status


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
        disputes=_disputes(ended.seen.heard),
        failures=_of_no_network(ended, before),
    )


def _of_no_network(ended: Pass, before: Status | None) -> tuple[str, ...]:
    """Return what failed, or is left to do, of things that belong to no network; one that waits keeps its reason."""
    failed = {failure.action: failure.reason for failure in ended.failures if not failure.action.network}
    known = before.failures if before else ()
    for action in ended.undisputed:
        if not action.network and action not in failed:
            start = f"{action}: "
            last = next((text.removeprefix(start) for text in known if text.startswith(start)), "not done yet")
            failed[action] = last
    return tuple(sorted(f"{action}: {reason}" for action, reason in failed.items()))


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
        if one.hold is not Hold.DISPUTED:
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


def _disputes(heard: Heard | None) -> tuple[DisputeStatus, ...]:
    if heard is None:
        return ()
    told = [
        DisputeStatus(parent=parent, address="", about="everything", macs=(device.mac,))
        for parent, device in heard.proxies
    ]
    told += (
        DisputeStatus(
            parent=it.question.parent,
            address=str(it.question.address),
            about=it.question.about.name.lower(),
            macs=tuple(sorted(device.mac for device in it.devices)),
        )
        for it in heard.findings
        if it.wrong
    )
    return tuple(sorted(told, key=lambda it: (it.parent, it.address, it.macs)))


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
