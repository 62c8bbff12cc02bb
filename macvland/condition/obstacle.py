"""What is in the way of a network, and macvland will not touch; and what it waits for."""

from functools import partial

from macvland.condition.value import Kind, Severity, State
from macvland.condition.wording import names

NO_ADDRESS = "its shim has no address to use in {cidr}: "
MOVE = "change the file, or make that container anew with another address"

_conflict = partial(Kind, code="MV105", severity=Severity.ERROR, state=State.CONFLICT)
_no_address = partial(Kind, code="MV105", severity=Severity.WARNING, state=State.WAITING)


def _same_name(ids: tuple[str, ...]) -> str:
    return f"Docker has {len(ids)} networks of this name ({', '.join(ids)}): remove all but one by its id"


SAME_NAME = _conflict(name="network-name-twice", sentence=_same_name)
FOREIGN_DIFFERS = _conflict(
    name="network-foreign-differs",
    sentence="a network of this name that macvland did not make has other settings: {differences}; write these into "
    "the file, or remove it with 'docker network rm {name}'",
)
ADDRESS_OUTSIDE = _conflict(
    name="container-address-outside",
    sentence=f"'{{container}}' has the fixed address {{address}}, which is in no subnet of the file: {MOVE}",
)
ADDRESS_GIVEN_AWAY = _conflict(
    name="container-address-given-away",
    sentence=f"'{{container}}' has the fixed address {{address}}, which the file gives away: {MOVE}",
)
ADDRESS_OF_CONTAINER = _conflict(
    name="shim-address-of-container",
    sentence="container '{container}' has {address}, its shim's address: write another [shim] address, or make that "
    "container anew with another one",
)
LINK_IN_PLACE = _conflict(
    name="shim-name-taken",
    sentence="a link '{link}' that macvland did not make is in the place of its shim: rename or delete it",
)
ALTNAME_IN_PLACE = _conflict(
    name="shim-name-is-altname",
    sentence="the link '{link}' has the name of its shim, '{altname}', as an altname: take it away",
)
VLAN_NAME_TAKEN = _conflict(
    name="vlan-name-taken",
    sentence="the link '{link}' ({kind}) is in the place of its VLAN link: rename or delete it",
)
VLAN_NAME_IS_ALTNAME = _conflict(
    name="vlan-name-is-altname",
    sentence="the link '{link}' has the name of its VLAN link, '{altname}', as an altname: take it away",
)
NOTHING_TO_BORROW = _no_address(
    name="shim-address-not-lent",
    sentence=NO_ADDRESS + "'{parent}' has none there; give it one, or set [shim] address",
)
MTU_BELOW_IPV6 = _no_address(
    name="shim-address-mtu",
    sentence=NO_ADDRESS + "the MTU {mtu} of '{parent}' is below the {least} that IPv6 needs",
)
TOO_FEW_FREE = _no_address(
    name="shim-address-few-free",
    sentence=NO_ADDRESS + "too few are free to derive one; set [shim] address",
)
ADDRESS_OF_PARENT = _no_address(
    name="shim-address-of-parent",
    sentence=NO_ADDRESS + "{address} is that of '{parent}', and the LAN would see two MACs "
    "for it; write another [shim] address",
)
UNDONE = Kind(
    name="repair-undone",
    code="MV105",
    severity=Severity.WARNING,
    state=State.WAITING,
    sentence="somebody keeps undoing '{repair}': macvland does it again, after pauses that grow",
)


def _used(differences: str, containers: tuple[str, ...]) -> str:
    leave = "leaves it" if len(containers) == 1 else "have left it"
    return f"is to be replaced ({differences}) once {names(containers)} {leave}"


IN_USE = Kind(name="replacement-in-use", code="MV802", severity=Severity.WARNING, state=State.WAITING, sentence=_used)
FOREIGN = Kind(
    name="network-foreign",
    code="MV805",
    severity=Severity.INFO,
    state=State.FOREIGN,
    sentence="met by a network that macvland did not make and leaves alone",
)
