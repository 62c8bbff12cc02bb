"""What the LAN says, and what it is asked."""

from functools import partial

from macvland.condition.value import Kind, Severity, State
from macvland.condition.wording import several

SHOWN = 4  # addresses of many

_asked = partial(Kind, code="MV803")
_checking = partial(_asked, severity=Severity.INFO, state=State.CHECKING)
_postponed = partial(_asked, severity=Severity.WARNING, state=State.WAITING)
_warning = partial(Kind, severity=Severity.WARNING, state=None)

ADDRESS_ASKED = _checking(name="address-asked", sentence="asks the LAN whether {address}, its shim's address, is free")
ADDRESS_POSTPONED = _postponed(
    name="address-postponed",
    sentence="asks the LAN whether {address}, its shim's address, is free once '{parent}' has a carrier",
)
RANGE_ASKED = _checking(
    name="range-asked",
    sentence="asks the LAN which addresses are in use, before Docker may hand them out",
)
RANGE_POSTPONED = _postponed(
    name="range-postponed", sentence="asks the LAN which addresses are in use once '{parent}' has a carrier"
)


def _taken(address: str, devices: tuple[str, ...]) -> str:
    who = f": {several(devices)}" if devices else ""
    return (
        f"another device on the LAN has {address}, its shim's address{who}: "
        "change that device, or write another [shim] address"
    )


def _also(parent: str, address: str, whose: str, devices: tuple[str, ...]) -> str:
    have = "has" if len(devices) == 1 else "have"
    return f"{several(devices)} on the LAN of '{parent}' {have} {address}, {whose}, as well"


def _in_use(addresses: tuple[str, ...], devices: tuple[str, ...]) -> str:
    pairs = zip(addresses[:SHOWN], devices[:SHOWN], strict=True)
    shown = ", ".join(f"{address} ({device})" for address, device in pairs)
    more = f" and {len(addresses) - SHOWN} more" if len(addresses) > SHOWN else ""
    return f"the LAN has in use what Docker may give to a container: {shown}{more}; write it into `reserved`"


def _proxies(parent: str, devices: tuple[str, ...]) -> str:
    answer, whose = ("answers", "its") if len(devices) == 1 else ("answer", "their")
    return (
        f"{several(devices)} {answer} for every address on the LAN of '{parent}' (proxy ARP): "
        f"{whose} answers do not count"
    )


TAKEN = Kind(name="shim-address-taken", code="MV504", severity=Severity.ERROR, state=State.FAILED, sentence=_taken)
ALSO = _warning(name="address-twice", code="MV501", sentence=_also)
SILENT_GATEWAY = _warning(
    name="gateway-silent",
    code="MV502",
    sentence="its gateway {address} does not answer on the LAN of '{parent}'",
)
RANGE_IN_USE = _warning(name="range-in-use", code="MV503", sentence=_in_use)
HANDED_OUT = _warning(
    name="shim-address-handed-out",
    code="MV503",
    sentence="Docker may give {address}, its shim's address, to a container: write one that is in no `range`, or "
    "reserve it: then the network is made anew as `replace` says",
)
PROXY_ARP = _warning(name="proxy-arp", code="MV504", sentence=_proxies)
TWIN = _warning(
    name="mac-twice",
    code="MV504",
    sentence="somebody on the LAN of '{parent}' sends with {mac}, the MAC of {owner}, and the address {address}",
)
