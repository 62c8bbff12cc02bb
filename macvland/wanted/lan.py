"""What the LAN is asked for a network, and what its answers mean: a warning, or a container that is taken off.

An address of a shim's own that is not there yet waits for its answer; that is decided with the other addresses, in
`standing`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice

from macvland.condition import Condition
from macvland.condition.lan import ALSO, PROXY_ARP, SILENT_GATEWAY, TWIN
from macvland.config import Config, Declaration
from macvland.model import (
    About,
    Address,
    Attachment,
    Dad,
    Device,
    Expulsion,
    Finding,
    Goal,
    Host,
    Link,
    OnConflict,
    Prefix,
    Question,
    Subnet,
)
from macvland.wanted.facts import NOTHING, Facts, hosts
from macvland.wanted.own import own_addresses
from macvland.wanted.parent import carries, carrying
from macvland.wanted.remembered import REMEMBERED
from macvland.wanted.used import in_range

CONTROLS = 2  # of an address that is in use, its owner may have another one that is tried; hardly two
TRIES = 16


def asked_of_lan(declaration: Declaration, link: Link, facts: Facts) -> Goal:
    """Return what the LAN of *link* is asked for *declaration*, and what follows from what it said."""
    if facts.seen.heard is None or not declaration.probe:
        return Goal(host=NOTHING)
    users = list(_attachments(declaration, link, facts))
    questions = frozenset(_questions(declaration, link, users, facts))
    if link.name not in facts.disputed:
        return Goal(host=NOTHING, questions=questions)
    wrong = [it for question in questions if (it := facts.finding(question)) and it.wrong]
    obstacles = frozenset(_obstacles(declaration, link, wrong, facts))
    expulsions = frozenset[Expulsion]()
    if declaration.on_conflict is OnConflict.DISCONNECT:
        expulsions = frozenset(
            Expulsion(attachment=user, condition=_has(declaration.name, it, "its address"))
            for it in wrong
            for user in users
            if it.question.about is About.CONTAINER and it.question.address in user.addresses
        )
    return Goal(host=Host(expulsions=expulsions), obstacles=obstacles, questions=questions)


def _attachments(declaration: Declaration, link: Link, facts: Facts) -> Iterator[Attachment]:
    """Yield those that run on *link*."""
    for network in facts.networks[declaration.name]:
        if carries(link, network):
            yield from (it for it in facts.attachments[network.id] if it.mac and it.addresses)


def _questions(declaration: Declaration, link: Link, users: Iterable[Attachment], facts: Facts) -> Iterator[Question]:
    mine = tuple(_hosts(declaration, link, facts))
    theirs = [(address, user.mac) for user in users for address in user.addresses]
    pool = tuple(in_range(declaration, link, facts))
    for subnet in declaration.subnets:
        controls = _controls(subnet, facts)
        ask = partial(Question, parent=link.name, controls=controls)
        yield from (ask(address=it, about=About.SHIM) for it in mine if it in subnet.cidr)
        if subnet.gateway and subnet.gateway not in facts.local:
            yield ask(address=subnet.gateway, about=About.GATEWAY)
        yield from (ask(address=it, about=About.CONTAINER, of=mac) for it, mac in theirs if it in subnet.cidr)
        yield from (replace(it, controls=controls) for it in pool if it.address in subnet.cidr)


def _hosts(declaration: Declaration, link: Link, facts: Facts) -> Iterator[Address]:
    """Yield the addresses that containers meet the host at; of the shim's IPv6 ones, those that are there.

    For these the kernel asks before it takes them.
    """
    if declaration.shim is None:
        return
    own = own_addresses(declaration, facts)
    shims = facts.shims[declaration.name]
    there = {it.address for shim in shims for it in facts.addresses[shim.name]}
    yield from (address for cidr, address in own.items() if cidr.version == 4 or address in there)
    yield from hosts(link.addresses) - link.tentative


def _controls(subnet: Subnet, facts: Facts) -> tuple[Address, ...]:
    """Return addresses of *subnet* that nobody should have."""
    free = (it for it in _drawn(subnet.cidr) if it not in facts.local and it not in subnet.reserved)
    return tuple(islice((it for it in free if it != subnet.gateway), CONTROLS))


@REMEMBERED.keeps
def _drawn(cidr: Prefix) -> tuple[Address, ...]:
    """Return some addresses of *cidr*: always the same, and as good as drawn by lot."""
    digests = (sha256(f"{cidr} {number}".encode()).digest() for number in range(TRIES))
    drawn = (cidr[int.from_bytes(digest[:16]) % cidr.num_addresses] for digest in digests)
    return tuple(dict.fromkeys(it for it in drawn if it not in (cidr.network_address, cidr.broadcast_address)))


def _obstacles(declaration: Declaration, link: Link, wrong: Iterable[Finding], facts: Facts) -> Iterator[Condition]:
    """Yield what the LAN has against what is in place: of what is *wrong*, all but what Docker may hand out."""
    shims = facts.shims[declaration.name]
    there = {it.address for shim in shims for it in facts.addresses[shim.name] if it.dad is Dad.DONE}
    there |= hosts(link.addresses)
    for it in wrong:
        about, address = it.question.about, it.question.address
        if about is About.GATEWAY:
            yield SILENT_GATEWAY(declaration.name, address=address, parent=link.name)
        elif about is About.SHIM and address in there:
            yield _has(declaration.name, it, "the host's address")
        elif about is About.CONTAINER:
            yield _has(declaration.name, it, f"the address of {_owner(declaration.name, address, facts)}")


def _owner(network: str, address: Address, facts: Facts) -> str:
    owners = (it.container for it in facts.attachments_by_name[network] if address in it.addresses)
    return next((f"container '{owner}'" for owner in owners), "a container")


def _has(network: str, finding: Finding, whose: str) -> Condition:
    question = finding.question
    return ALSO(
        network,
        parent=question.parent,
        address=question.address,
        whose=whose,
        devices=devices(finding.devices),
    )


def devices(found: Iterable[Device]) -> tuple[str, ...]:
    """Return *found* as a condition has them."""
    return tuple(sorted(map(str, found)))


def of_whole_lans(config: Config, facts: Facts) -> frozenset[Condition]:
    """Return what concerns all networks of a parent: told once, of the first of them."""
    heard = facts.seen.heard
    if heard is None:
        return frozenset()
    firsts: dict[str, str] = {}
    for declaration in config.declarations:
        if declaration.probe and (link := carrying(declaration, facts)):
            firsts.setdefault(link.name, declaration.name)
    on: dict[str, list[Device]] = defaultdict(list)
    for parent, device in heard.proxies:
        if parent in firsts:
            on[parent].append(device)
    proxies = {PROXY_ARP(firsts[parent], devices=devices(those), parent=parent) for parent, those in on.items()}
    twins = {
        TWIN(firsts[parent], parent=parent, mac=device.mac, owner=_who(device.mac, facts), address=address)
        for parent, address, device in heard.twins
        if parent in firsts
    }
    return frozenset(proxies | twins)


def _who(mac: str, facts: Facts) -> str:
    names = [f"container '{it.container}'" for it in facts.seen.attachments if it.mac == mac]
    names += [f"shim '{it.name}'" for it in facts.seen.shims if it.mac == mac]
    names += [f"'{it.name}'" for it in sorted(facts.seen.links, key=lambda it: it.index) if it.mac == mac]
    return next(iter(names), "nobody any more")
