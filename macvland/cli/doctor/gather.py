"""The edges: everything that the finders know is looked at here, once, and changes nothing.

What cannot be looked at is told, and costs only the findings that rest on it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from socket import if_nametoindex
from time import monotonic, sleep
from typing import TypeVar

from macvland.cli.adopt.handmade import candidates
from macvland.cli.arp.lan import Claim, Lan, claims, heard_of, lans
from macvland.cli.daemon import NOT_HERE, is_current, last, remembered
from macvland.cli.doctor.docker import of_reports
from macvland.cli.doctor.machine import read_machine
from macvland.cli.doctor.manager import claims_on
from macvland.cli.doctor.snapshot import Contained, Sighting, Snapshot
from macvland.cli.doctor.wire import free, in_use
from macvland.cli.outlook import look_ahead
from macvland.engine import Docker
from macvland.error import ApplyError
from macvland.kernel.firewall import Chain, nftables
from macvland.kernel.inside import Inside, inside
from macvland.kernel.survey import arp_settings, children, filtering, known, ways, ways_out
from macvland.lan.sweep import Answer, Swept, sweep
from macvland.model import Host
from macvland.wanted.facts import Facts
from macvland.wanted.fitness import unfit

RATE, FASTEST = 200, 1000  # probes in a second for one network, and for all that are on one link
CONTAINERS = 200  # that are looked into: Docker takes about a millisecond for each
SETTLES = 1.5  # seconds after which a daemon that runs has acted on what it can act on
LEGACY = Path("/proc/net/ip_tables_names"), Path("/proc/net/ip6_tables_names")

T = TypeVar("T")


class Notes:
    """What could not be told, in words; each once."""

    def __init__(self) -> None:
        """Begin with none."""
        self.words: list[str] = []

    def tried(self, read: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
        """Return what *read* returns; where it cannot, nothing, and note why."""
        try:
            return read()
        except ApplyError as error:
            self.add(f"cannot be told: {error}")
            return ()

    def add(self, text: str) -> None:
        """Note *text*, unless it is noted."""
        if text not in self.words:
            self.words.append(text)


def gather(network: str | None) -> tuple[Snapshot, list[str]]:
    """Look at the host, and at the LAN of *network* or of all; return it, and what could not be told.

    Raises ApplyError where there is no such network, and where the kernel cannot be looked at.
    """
    began = monotonic()
    notes = Notes()
    docker = Docker()
    ahead = look_ahead(docker)
    seen = ahead.seen
    shot = Snapshot(config=ahead.declared, seen=seen, goal=ahead.goal, actions=ahead.actions)
    if network is not None and network not in shot.names:
        if any(one.name == network for one in ahead.declared.elsewhere):
            raise ApplyError(NOT_HERE.format(network))
        raise ApplyError(f"there is no network '{network}': {_known(shot.names)}")
    refusals = docker.rehearse(ahead.actions) if seen.engine else ()
    chosen = [lan for lan in lans(ahead.declared, seen) if network in (None, lan.network)]
    shot = _with_links(replace(shot, machine=read_machine()), notes)
    shot = replace(
        shot,
        refusals=tuple(one.condition for one in refusals),
        contained=_contained(docker, seen, notes),
        firewall=_firewall(notes),
        sightings=tuple(_sightings(chosen, shot, notes)),
    )
    return _with_daemon(shot, began, docker), notes.words


def _known(names: Sequence[str]) -> str:
    return f"known are {', '.join(names)}" if names else "declare one in /etc/macvlan.d, see macvlan.d(5)"


def _with_links(shot: Snapshot, notes: Notes) -> Snapshot:
    seen = shot.seen
    hand_made = candidates(seen)
    macvlan = notes.tried(children)
    names = sorted(
        {child.name for child in macvlan} | {link.name for one in seen.networks if (link := shot.carrier_of(one))}
    )
    indexes = {link.index: link.name for link in seen.links} | _indexes(shim.name for shim in seen.shims)
    return replace(
        shot,
        children=macvlan,
        filtering=tuple(filtering(name) for name in names),
        ways=notes.tried(lambda: ways(hand_made)),
        ways_out=notes.tried(lambda: ways_out(indexes)),
        claimed=claims_on({name: index for index, name in indexes.items()}),
    )


def _indexes(names: Iterable[str]) -> dict[int, str]:
    """Return links by index; the model has none for a shim."""
    found = {}
    for name in names:
        try:
            found[if_nametoindex(name)] = name
        except OSError:
            continue  # it is gone meanwhile
    return found


def _contained(docker: Docker, seen: Host, notes: Notes) -> tuple[Contained, ...]:
    running = sorted({one.id for one in seen.attachments if one.id and one.addresses})
    if len(running) > CONTAINERS:
        notes.add(f"of {len(running)} containers, {CONTAINERS} are looked into")
    if not running or seen.engine is None:
        return ()
    found = of_reports(notes.tried(lambda: tuple(docker.containers(running[:CONTAINERS]))))
    return tuple(replace(one, inside=_inside(pid, notes)) for one, pid in found)


def _inside(pid: int, notes: Notes) -> Inside:
    looked = notes.tried(lambda: (inside(pid),)) if pid else ()
    return looked[0] if looked else Inside()


def _firewall(notes: Notes) -> tuple[Chain, ...]:
    for file in LEGACY:
        try:
            tables = file.read_text(encoding="ascii").split()
        except (OSError, UnicodeDecodeError):
            continue
        if "filter" in tables:
            tool = "ip6tables" if "6" in file.name else "iptables"
            notes.add(f"cannot be told: what {tool}-legacy filters; '{tool}-legacy -S' shows it")
    return notes.tried(nftables)


def _sightings(chosen: Sequence[Lan], shot: Snapshot, notes: Notes) -> Iterator[Sighting]:
    """Yield what there is to see of each LAN: all are asked at the same time, for each takes a second."""
    seen = shot.seen
    neighbours = notes.tried(lambda: known({lan.link.index: lan.link.name for lan in chosen})) if chosen else ()
    names = [lan.link.name for lan in chosen] + [link.name for link in seen.links if link.kind == "macvlan"]
    settings = {name: arp_settings(name) for name in (*names, *(shim.name for shim in seen.shims))}
    last = remembered(seen)
    for lan, asked, answers in _answers(chosen, shot, notes):
        said = _counting(heard_of(lan, neighbours, answers), lan, seen)
        counting = answers & frozenset((it.address, it.mac) for it, _ in said)
        found = claims(lan, seen, settings, said, last)
        yield Sighting(lan=lan, claims=tuple(found), asked=asked, answers=counting)


def _answers(
    chosen: Sequence[Lan], shot: Snapshot, notes: Notes
) -> Iterator[tuple[Lan, frozenset[IPv4Address], frozenset[Answer]]]:
    """Ask every LAN; yield for each who was asked, and who answered."""
    facts = shot.facts
    asked = [_asked(lan, shot.seen, facts) for lan in chosen]
    on_one = max(Counter(lan.link.index for lan in chosen).values(), default=1)
    try:
        swept = sweep(
            [(lan.link, those) for lan, those in zip(chosen, asked, strict=True)], min(RATE * on_one, FASTEST)
        )
    except ApplyError as error:
        swept = {lan.link.name: Swept(error=error) for lan, those in zip(chosen, asked, strict=True) if those}
    for lan, those in zip(chosen, asked, strict=True):
        found = swept.get(lan.link.name, Swept())
        if those and found.error:
            notes.add(f"the LAN was not asked: {found.error}")
        mine = frozenset[IPv4Address]() if found.error else frozenset(those)
        yield lan, mine, frozenset(it for it in found.answers if it[0] in mine)


def _counting(said: Sequence[tuple[Claim, bool]], lan: Lan, seen: Host) -> list[tuple[Claim, bool]]:
    """Return *said* without who claims everything, as the daemon knows; he may be the gateway if nobody else is."""
    proxies = {device.mac for parent, device in seen.heard.proxies if parent == lan.link.name} if seen.heard else ()
    others = [(claim, fresh) for claim, fresh in said if claim.mac not in proxies]
    mute = {subnet.gateway for subnet in lan.subnets} - {claim.address for claim, _ in others}
    return others + [(claim, fresh) for claim, fresh in said if claim.mac in proxies and claim.address in mute]


def _asked(lan: Lan, seen: Host, facts: Facts) -> list[IPv4Address]:
    """Return whom to ask: gateways once more at the end, for one frame may get lost.

    Nobody over a link that cannot send, or whose frames others take: a silence would say nothing.
    """
    if not (lan.link.up and lan.link.carrier) or (unfit(lan.link, facts) and not lan.link.wireless):
        return []
    used = in_use(lan, seen)
    gateways = [it for it in used if it in {subnet.gateway for subnet in lan.subnets}]
    return [*used, *free(lan, seen), *gateways]


def _with_daemon(shot: Snapshot, began: float, docker: Docker) -> Snapshot:
    """Add what the daemon tells; where it says that all is done and it is not, it has a moment to act."""
    told = last()
    running = told is not None and is_current(told)
    if told and running and told.converged and shot.actions:
        sleep(max(0.0, began + SETTLES - monotonic()))
        again = look_ahead(docker)
        told = last() or told
        lasting = tuple(action for action in again.actions if action in shot.actions)
        return replace(shot, status=told, running=running, actions=lasting)
    return replace(shot, status=told, running=running)
