"""The command: gather what is known of the LANs, ask them if wanted, print who has which address."""

import argparse
import json
import sys
from collections.abc import Sequence
from ipaddress import IPv4Address, ip_network

from macvland import config
from macvland.cli.arp.lan import Claim, Lan, claims, contested, heard_of, lans, targets
from macvland.cli.daemon import remembered
from macvland.cli.ending import FINE, OTHERWISE, fail
from macvland.cli.text.columns import laid_out, printable
from macvland.cli.text.terminal import RED, Paint, columns, paint, plain
from macvland.condition.daemon import NO_SWEEP
from macvland.engine import Docker
from macvland.error import ApplyError
from macvland.kernel import Kernel
from macvland.kernel.survey import arp_settings, known
from macvland.lan.sweep import sweep
from macvland.machine import this_machine
from macvland.model import Host, Prefix
from macvland.reconcile import look

TEXT = "show which MAC the LAN sees for each address (exit 2: an address has two)"

RATE = 200  # probes in a second; a frame has 60 octets, so that is 0.1 Mbit/s
FASTEST = 1000
HEAD = ("", "ADDRESS", "MAC", "WHO", "KNOWN FROM")
WHO = 3
ONLY_KNOWN = "IPv6 is not swept, for a subnet has too many addresses: what the neighbour table knows is shown"

Found = list[tuple[Lan, list[Claim]]]


def add_options(command: argparse.ArgumentParser) -> None:
    """Add what the verb takes."""
    command.add_argument("network", nargs="?", metavar="NETWORK", help="default: all")
    command.add_argument("--probe", action="store_true", help="ask the LAN by ARP for every address")
    command.add_argument("--range", type=_prefix, metavar="CIDR", help="probe these addresses only")
    command.add_argument(
        "--rate", type=_rate, default=RATE, metavar="NUMBER", help=f"probes in a second, {RATE} by default"
    )


def _prefix(text: str) -> Prefix:
    return ip_network(text)


def _rate(text: str) -> int:
    rate = int(text)
    if not 1 <= rate <= FASTEST:
        raise ValueError
    return rate


def run(options: argparse.Namespace) -> int:
    """Look, ask where it is wanted, and print who has what."""
    if options.range and not options.probe:
        return fail("--range says what to probe: add --probe")
    seen = look(Kernel(), Docker())
    every = lans(config.read(this_machine()), seen)
    chosen = [lan for lan in every if options.network in (None, lan.network)]
    if not chosen:
        return fail(_none(options.network, [lan.network for lan in every]))
    try:
        asked = _asked(chosen, options) if options.probe else [[] for _ in chosen]
    except ValueError as error:
        return fail(str(error))
    found = _found(seen, chosen, asked, options.rate)
    two = frozenset().union(*(contested(it) for _, it in found))
    notes = (
        [f"Docker does not answer ({seen.absence}): the status file tells the containers"]
        if seen.engine is None
        else []
    )
    if options.probe and any(subnet.cidr.version == 6 for lan in chosen for subnet in lan.subnets):
        notes.append(ONLY_KNOWN)
    if options.json:
        print(json.dumps({"version": 1, "networks": [_row(*it) for it in found], "notes": notes}, indent=1))
    else:
        print("\n\n".join(table(lan, it, columns(), paint()) for lan, it in found))
        for note in notes:
            print(note, file=sys.stderr)
    return OTHERWISE if two else FINE


def _asked(chosen: Sequence[Lan], options: argparse.Namespace) -> list[list[IPv4Address]]:
    """Return what to probe on each LAN: of several, those are left alone that have nothing of it."""
    fitting = [lan for lan in chosen if lan.sweeps(options.range)] or chosen[:1]
    return [targets(lan, options.range) if lan in fitting else [] for lan in chosen]


def _none(name: str | None, names: Sequence[str]) -> str:
    if name and names:
        return f"there is no network '{name}' with a parent: known are {', '.join(names)}"
    return "there is no macvlan network with a parent: declare one in /etc/macvlan.d, see macvlan.d(5)"


def _found(seen: Host, chosen: Sequence[Lan], asked: Sequence[Sequence[IPv4Address]], rate: int) -> Found:
    try:
        swept = sweep([(lan.link, those) for lan, those in zip(chosen, asked, strict=True)], rate)
    except ApplyError as error:
        if error.condition.kind is NO_SWEEP:
            raise ApplyError(f"{error}, or leave out --probe") from None
        raise
    for one in swept.values():
        if one.error:
            raise one.error
    # Looked at after the sweep: no name is older than the answer that it explains.
    neighbours = known({lan.link.index: lan.link.name for lan in chosen})
    names = [link.name for link in seen.links if link.kind == "macvlan"] + [shim.name for shim in seen.shims]
    settings = {name: arp_settings(name) for name in (*(lan.link.name for lan in chosen), *names)}
    last = remembered(seen)
    found = []
    for lan, those in zip(chosen, asked, strict=True):
        probed = [it for it in swept[lan.link.name].answers if it[0] in those] if those else []
        found.append((lan, claims(lan, seen, settings, heard_of(lan, neighbours, probed), last)))
    return found


def table(lan: Lan, found: Sequence[Claim], wide: int, paint: Paint = plain) -> str:
    """Return *found* as lines of at most *wide* columns; one with two MACs is marked, and red as *paint* has it."""
    two = contested(found)
    cidrs = ", ".join(str(subnet.cidr) for subnet in lan.subnets)
    rows = [
        ("!" if it.address in two else "", str(it.address), it.mac or "-", it.who, ", ".join(sorted(it.sources)) or "-")
        for it in found
    ]
    lines = [paint(line, RED) if line.startswith("!") else line for line in laid_out([HEAD, *rows], wide, WHO)]
    lines.insert(0, printable(f"{lan.network} on {lan.link.name}: {cidrs}"))
    lines += [f"{address} has {_count(found, address)} MACs on this LAN" for address in sorted(two, key=int)]
    return "\n".join(lines)


def _count(found: Sequence[Claim], address: object) -> int:
    return sum(1 for claim in found if claim.address == address)


def _row(lan: Lan, found: Sequence[Claim]) -> dict[str, object]:
    two = contested(found)
    addresses = [
        {
            "address": str(it.address),
            "mac": it.mac,
            "who": it.who,
            "sources": sorted(it.sources),
            "contested": it.address in two,
        }
        for it in found
    ]
    return {
        "network": lan.network,
        "link": lan.link.name,
        "subnets": [str(subnet.cidr) for subnet in lan.subnets],
        "addresses": addresses,
    }
