"""Addresses and networks as regular expressions, for the schema: exactly what `ipaddress` and `value.prefix` take.

Of regular expressions they use what ECMA 262, Python and Rust have in common, as JSON Schema asks for.
"""

from collections.abc import Iterator

# What does not print: controls, spaces that are none, directions, private use. Of the characters that Unicode may
# name some day, which do not print today, nothing is said here: a schema cannot know.
UNPRINTABLE = (
    r"[\u0000-\u001f\u007f-\u00a0\u00ad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e\u2000-\u200f"
    r"\u2028-\u202f\u205f-\u206f\u3000\ue000-\uf8ff\ufeff\ufff9-\ufffb]"
)

OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
HEX = "[0-9a-fA-F]"
GROUP = f"{HEX}{{1,4}}"
ANY = r"\w+"  # a group, where the address is known to be one
ZERO = "0+"
MULTIPLES = {1: "[08]", 2: "[048cC]", 3: "[02468aceACE]", 4: HEX}  # hex digits with so many free bits, then zeros

IPV4 = rf"(?:{OCTET}\.){{3}}{OCTET}"
IPV6 = "|".join(
    (
        f"(?:{GROUP}:){{7}}{GROUP}",
        f"(?:{GROUP}:){{1,7}}:",
        *(f"(?:{GROUP}:){{1,{left}}}(?::{GROUP}){{1,{7 - left}}}" for left in range(1, 7)),
        f":(?:(?::{GROUP}){{1,7}}|:)",
        # The last four octets may be written as those of IPv4 are.
        f"(?:{GROUP}:){{6}}{IPV4}",
        *(f"(?:{GROUP}:){{1,{left}}}(?::{GROUP}){{0,{5 - left}}}:{IPV4}" for left in range(1, 6)),
        f":(?::{GROUP}){{0,5}}:{IPV4}",
    )
)
ADDRESS = f"^(?:{IPV4}|{IPV6})$"

SPAN = f"^ *(?:{IPV4} *- *(?:{IPV4}|{OCTET})|(?:{IPV6}) *- *(?:{IPV6})) *$"

IPV4_NETWORK = f"^{IPV4}/[0-9]+$"
IPV6_NETWORK = f"^(?:{IPV6})/[0-9]+$"


def ipv4_networks() -> Iterator[str]:
    """Yield for each prefix length what an IPv4 network of it is: all host bits zero."""
    for length in range(33):
        whole, bits = divmod(length, 8)
        step = 256 >> bits
        part = [f"(?:{'|'.join(map(str, range(0, 256, step)))})"] if bits else []
        octets = [*[OCTET] * whole, *part, *["0"] * (4 - whole - len(part))]
        yield "^" + r"\.".join(octets) + f"/{length}$"


def ipv6_networks() -> Iterator[str]:
    """Yield for each prefix length which of the IPv6 addresses have all host bits zero."""
    for length in range(129):
        hexadecimal = _tails(length, "", 8)
        # With the last two groups as four octets: below /96 these are all host bits.
        octets = "0\\.0\\.0\\.0" if length <= 96 else _last_octets(length - 96)
        dotted = _tails(min(length, 96), octets, 6)
        yield f"^(?:{'|'.join((*hexadecimal, *dotted))})/{length}$"


def _tails(length: int, last: str, groups: int) -> Iterator[str]:
    """Yield the ways to write an address of so many *groups*, before *last*, of which *length* bits are free."""
    free, bits = divmod(length, 16)
    part = _group(bits)
    end = f":{last}" if last else ""
    if free >= groups:  # no group has host bits
        yield f"(?:{ANY}:){{{groups - 1}}}{ANY}{end}"
        yield f"(?:{ANY}(?::{ANY})*)?::(?:{ANY}:)*{last or f'(?:{ANY})?'}"
        return
    after = groups - free - 1  # groups of host bits alone
    yield f"(?:{ANY}:){{{free}}}{part}(?::{ZERO}){{{after}}}{end}"
    left = f"(?:{ANY}(?::{ANY}){{0,{free - 1}}})?" if free else ""
    zeros = f"(?:{ZERO}:){{0,{after}}}{last}" if last else f"(?:{ZERO}(?::{ZERO}){{0,{after - 1}}})?" if after else ""
    yield f"{left}::(?:{zeros}|(?:{ANY}:)*{part}(?::{ZERO}){{{after}}}{end})"
    yield f"(?:{ANY}:){{{free}}}{part}(?::{ZERO})*::(?:{ZERO}:)*{last or f'(?:{ZERO})?'}"


def _group(bits: int) -> str:
    """Return what a group with so many free bits is, the others zero."""
    if not bits:
        return ZERO
    digits = (bits - 1) // 4  # hexadecimal ones that are wholly free
    zeros = 3 - digits
    multiple = f"{HEX}{{0,{digits}}}{MULTIPLES[(bits - 1) % 4 + 1]}{'0' * zeros}"
    return f"(?:{multiple}|0{{1,{zeros}}})" if zeros else multiple


def _last_octets(bits: int) -> str:
    return list(ipv4_networks())[bits].removeprefix("^").rpartition("/")[0]
