"""What the files declare, as frozen values. Nothing here reads or judges."""

from dataclasses import dataclass
from pathlib import Path

from macvland.error import ConfigError
from macvland.model import BCQUEUELEN, Address, Mode, OnConflict, Prefix, Replacing, Subnet


@dataclass(frozen=True, slots=True, kw_only=True)
class ShimDeclaration:
    """The [shim] table: at most one address per subnet; what a subnet without one gets is not said here."""

    addresses: frozenset[Address] = frozenset()
    bcqueuelen: int = BCQUEUELEN
    proxy_ndp: bool = True  # answer the containers that ask for the host's own IPv6 addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class HostDeclaration:
    """A [host.NAME] table: what is other on the hosts that it means. A range and an address count in their subnet."""

    key: str  # the NAME as written
    pattern: str  # what it means, see `host`
    parent: str | None = None
    ranges: frozenset[Prefix] = frozenset()
    addresses: frozenset[Address] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One network, as its file asks for it."""

    name: str
    file: Path
    parent: str | None  # as written: a name, an altname, a MAC in lower case, "auto"; None only where internal
    vlan: int | None = None  # the 802.1Q VLAN ID on that parent whose link carries the network
    parent_check: bool = True  # whether a parent that cannot carry macvlan links is refused before the kernel is asked
    mode: Mode = Mode.BRIDGE
    promiscuous: bool = False
    internal: bool = False
    probe: bool = True  # whether the LAN is asked for addresses, and listened to
    on_conflict: OnConflict = OnConflict.WARN
    avoid_used: bool = False  # whether what the LAN has in use already is reserved when the network is made
    replacing: Replacing = Replacing.WHEN_LOSSLESS
    labels: frozenset[tuple[str, str]] = frozenset()
    subnets: tuple[Subnet, ...]  # in the file's order; `reserved` holds what the file reserves and no more
    shim: ShimDeclaration | None = None
    match: tuple[
        str, ...
    ] = ()  # the patterns of the hosts that it is for, those with a "!" of hosts that it is not for
    hosts: tuple[HostDeclaration, ...] = ()  # in the file's order
    host: HostDeclaration | None = None  # the one of these that counts here, once that is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """A directory that was asked for; *identity* is (st_dev, st_ino), None where it is missing."""

    path: Path
    identity: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All that the files say, and all that is wrong with them."""

    declarations: tuple[Declaration, ...]  # by name
    errors: tuple[ConfigError, ...]  # by file and line
    frozen: frozenset[str]  # their file is there but cannot be used: nothing of theirs may be removed or changed
    directories: tuple[Directory, ...]
    unreadable: bool  # a directory could not be read: a name that is not here may be there, no removal counts
    changes: float | None = None  # seconds since boot at which the files mean something else, for a trial is over
    elsewhere: tuple[Declaration, ...] = ()  # by name: what files declare for other hosts
