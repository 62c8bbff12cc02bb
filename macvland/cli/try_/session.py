"""The SSH session that a command runs in, and which actions touch the links that it goes over.

sshd tells the addresses in SSH_CONNECTION (ssh(1)). sudo and su take that away, so the programs that started this one
are asked as well.
"""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from macvland.action import Action, Replace
from macvland.kernel.survey import way_to
from macvland.model import Address, Host, Neighbour, Network, Promiscuity, Proxy, Route, Shim, ShimAddress, Vlan

VARIABLE = "SSH_CONNECTION"
PROC = Path("/proc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is at the other end, at which address of this host, and over which link: "" where there is no way."""

    peer: Address
    own: Address
    link: str

    def __str__(self) -> str:
        over = f"over '{self.link}'" if self.link else "over a link that is not known"
        return f"this SSH session with {self.peer} goes {over}"


def session() -> Session | None:
    """Return the SSH session of this process, None if it is in none. ApplyError where the kernel does not answer."""
    found = addresses(os.environ.get(VARIABLE) or inherited(os.getppid()))
    return None if found is None else Session(peer=_plain(found[0]), own=_plain(found[1]), link=_link_to(found[0]))


def addresses(words: str) -> tuple[Address, Address] | None:
    """Return the peer's address and the own one from the value of SSH_CONNECTION; None if it has no such."""
    parts = words.split()
    try:
        return (_address(parts[0]), _address(parts[2])) if len(parts) == 4 else None
    except ValueError:  # "UNKNOWN": sshd does not speak over a network
        return None


def _address(text: str) -> Address:
    found = ip_address(text)
    return found.ipv4_mapped or found if isinstance(found, IPv6Address) else found


def _plain(address: Address) -> Address:
    """Return *address* without the link that it may name, as the model has it."""
    return IPv6Address(address.packed) if isinstance(address, IPv6Address) else address


def inherited(pid: int, proc: Path = PROC) -> str:
    """Return SSH_CONNECTION as the nearest of *pid* and those who started it has it; "" where none has."""
    with suppress(OSError, ValueError, IndexError):
        while pid > 1:
            for word in (proc / str(pid) / "environ").read_bytes().split(b"\0"):
                name, _, value = word.decode(errors="replace").partition("=")
                if name == VARIABLE and value:
                    return value
            # proc_pid_stat(5): the name, in parentheses, may hold anything, these included.
            pid = int((proc / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    return ""


def _link_to(peer: Address) -> str:
    if isinstance(peer, IPv6Address) and peer.scope_id:
        return peer.scope_id  # a link-local address says its link
    try:
        return socket.if_indextoname(way_to(peer))
    except OSError:
        return ""


def touching(actions: Sequence[Action], seen: Host, it: Session) -> tuple[Action, ...]:
    """Return those of *actions* that touch what *it* goes over; all, where nobody knows what that is. Pure."""
    links = carriers(seen, it)
    if not links:
        return tuple(actions)
    return tuple(
        action for action in actions if links & set(_links(action)) or {it.peer, it.own} & set(_spoken(action))
    )


def carriers(seen: Host, it: Session) -> frozenset[str]:
    """Return the links that *it* goes over: the way to the peer, who has the own address, and all that is below."""
    below: Mapping[str, str | None] = {link.name: link.below for link in seen.links} | {
        shim.name: shim.parent for shim in seen.shims
    }
    holders = {link.name for link in seen.links if any(own.ip == it.own for own in link.addresses)}
    holders |= {one.shim for one in seen.addresses if one.address == it.own}
    found: set[str] = set()
    new = holders | {it.link} - {""}
    while new:
        found |= new
        ports = {link.name for link in seen.links if link.master in new}
        new = (ports | {lower for name in new if (lower := below.get(name))}) - found
    return frozenset(found)


def _links(action: Action) -> Iterator[str]:
    """Yield the links that *action* makes, changes or takes away, or makes something on."""
    things = (action.thing, action.seen) if isinstance(action, Replace) else (action.thing,)
    for thing in things:
        match thing:
            case Shim(name=name, parent=parent) | Vlan(name=name, parent=parent):
                yield from (name, parent)
            case Network(parent=parent) | Promiscuity(parent=parent):
                yield parent or ""
            case ShimAddress(shim=shim) | Route(shim=shim) | Neighbour(shim=shim) | Proxy(shim=shim):
                yield shim


def _spoken(action: Action) -> Iterator[Address]:
    """Yield the addresses whose way *action* changes, or that it gives to a link of the host."""
    match action.thing:
        case ShimAddress(address=address) | Neighbour(address=address) | Proxy(address=address):
            yield address
        case Route(destination=address):
            yield address
