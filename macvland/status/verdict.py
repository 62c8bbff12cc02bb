"""What a pass means for each network. Refuses to look at anything: it tells what the pass saw."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from macvland.condition import Condition, State
from macvland.condition.daemon import NOT_DONE
from macvland.condition.docker import NOT_YET
from macvland.condition.obstacle import FOREIGN
from macvland.config import Config, Declaration
from macvland.model import Dad, Heard
from macvland.reconcile import Pass
from macvland.status.report import AttachmentStatus, ConditionStatus, DisputeStatus, NetworkStatus, Status, told


def status(config: Config, ended: Pass, now: str, retries: Mapping[str, str], before: Status | None = None) -> Status:
    """Return what *ended* means for each network; *before* tells since when, and why if it was not tried again.

    *now* and the values of *retries* (by network) are RFC 3339 UTC.
    """
    last = {network.name: network for network in before.networks} if before else {}
    declared = {declaration.name: declaration for declaration in config.declarations}
    known = {name: network.conditions for name, network in last.items()}
    told_of = _by_network(config, ended, known | {"": before.failures if before else ()}, now)
    show = _Views(ended)
    return Status(
        time=now,
        pid=os.getpid(),
        converged=ended.converged and not config.errors,
        engine=ended.seen.engine.version if ended.seen.engine else "",
        networks=tuple(
            _since(show.network(name, declared.get(name), told_of[name], retries.get(name, "")), last, now)
            for name in sorted(declared.keys() | {name for name, found in told_of.items() if name and _held(found)})
        ),
        conditions=(*_of_host(config, ended, before, now), *told_of[""]),
        elsewhere=tuple(declaration.name for declaration in config.elsewhere),
        disputes=_disputes(ended.seen.heard),
    )


def _held(conditions: Iterable[ConditionStatus]) -> bool:
    return any(one.state for one in conditions)


def _of_host(config: Config, ended: Pass, before: Status | None, now: str) -> tuple[ConditionStatus, ...]:
    """Return what is wrong with files, in their order, and why Docker does not answer."""
    found = [told(error.condition) for error in config.errors]
    if ended.seen.engine is None:
        found.append(told(ended.seen.absent or NOT_YET()))
    return _dated(found, before.conditions if before else (), now)


def _by_network(
    config: Config, ended: Pass, last: Mapping[str, tuple[ConditionStatus, ...]], now: str
) -> dict[str, tuple[ConditionStatus, ...]]:
    """Return the conditions by network, those that give it a state first, the worst of them at the beginning.

    Under "" is what failed of things that belong to no network.
    """
    found: dict[str, list[ConditionStatus]] = defaultdict(list)
    for one in _conditions(config, ended):
        found[one.network].append(told(one))
    for name, left in _left_over(ended, last):
        found[name].append(left)
    dated = {name: _dated(sorted(some, key=_order), last.get(name, ()), now) for name, some in found.items()}
    return defaultdict(tuple, dated)


def _dated(found: Iterable[ConditionStatus], last: Iterable[ConditionStatus], now: str) -> tuple[ConditionStatus, ...]:
    """Return each of *found* once, with the time since when it is so."""
    since = {(one.network, one.key): one.since for one in last}
    once = {(one.network, one.key): one for one in found}
    return tuple(replace(one, since=since.get(key) or now) for key, one in once.items())


def _order(one: ConditionStatus) -> tuple[int, str]:
    return State[one.state.upper()] if one.state else len(State), one.text


def _conditions(config: Config, ended: Pass) -> Iterator[Condition]:
    """Yield what the pass met."""
    yield from (it for error in config.errors if (it := error.condition).network)
    yield from (it.condition.during(it.action, it.action.network) for it in ended.failures)
    yield from ended.goal.obstacles
    clashing = {one.network for one in ended.goal.obstacles if one.state is State.CONFLICT}
    for network in ended.seen.networks:
        if not network.spec and network in ended.goal.host.networks and network.name not in clashing:
            yield FOREIGN(network.name)


def _left_over(ended: Pass, last: Mapping[str, tuple[ConditionStatus, ...]]) -> Iterator[tuple[str, ConditionStatus]]:
    """Yield what the status before told and this pass had no occasion to meet again.

    That is why a network failed that was not tried again, and while Docker does not answer, what was warned of.
    """
    failed = {failure.action.network for failure in ended.failures}
    left = {action.network: action for action in reversed(ended.undisputed) if action.network not in failed}
    for name, action in left.items():
        known = [one for one in last.get(name, ()) if one.state == str(State.FAILED)]
        unknown = NOT_DONE(name) if name else NOT_DONE().during(action, "")
        yield from ((name, one) for one in known or [told(unknown)])
    if ended.seen.engine is None:
        yield from ((name, one) for name, some in last.items() for one in some if not one.state)


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
        self, name: str, declaration: Declaration | None, conditions: tuple[ConditionStatus, ...], retry: str
    ) -> NetworkStatus:
        seen = self.networks.get(name)
        shim = self.shims.get(name)
        subnets = declaration.subnets if declaration else seen.subnets if seen else ()
        return NetworkStatus(
            name=name,
            state=min((State[one.state.upper()] for one in conditions if one.state), default=State.READY),
            conditions=conditions,
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
