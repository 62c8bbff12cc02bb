"""Single values: from what TOML has to what the model has, each reader whole in itself.

A reader refuses what it cannot take, by RefusalError, and never guesses: no host bits cut off, no prefix length
assumed, no name resolved.
"""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from macvland.config.wording import escaped, kind_of, quoted
from macvland.model import Address, Prefix

AN_ADDRESS = 'write for instance "192.168.1.2"'
A_NETWORK = 'write for instance "192.168.1.0/24"'


class RefusalError(ValueError):
    """A value that cannot be used: what is wrong and what would be right; *line* and *column* where no key tells it."""

    def __init__(self, wrong: str, right: str = "", *, line: int = 0, column: int = 0) -> None:
        """Say what is *wrong* and what would be *right*."""
        super().__init__(wrong)
        self.wrong, self.right, self.line, self.column = wrong, right, line, column


def string(value: object) -> str:
    """Return *value* if it is a string that prints whole: what does not print would reach logs and terminals."""
    if not isinstance(value, str):
        raise RefusalError(f"must be a string, is {kind_of(value)}", "write it in double quotes")
    if not value:
        raise RefusalError("is empty", "write a value, or leave the key out")
    if not value.isprintable():
        hidden = next(character for character in value if not character.isprintable())
        wrong = f"{quoted(value)} holds U+{ord(hidden):04X}, a character that does not print"
        raise RefusalError(wrong, "type it anew without that character")
    return value


def boolean(value: object) -> bool:
    """Return *value* if it is true or false."""
    if not isinstance(value, bool):
        raise RefusalError(f"must be true or false, is {kind_of(value)}", "write true or false, without quotes")
    return value


def number(value: object, *, least: int, most: int) -> int:
    """Return *value* if it is a whole number from *least* to *most*."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RefusalError(f"must be a number, is {kind_of(value)}", "write digits, without quotes")
    # A number with thousands of digits, written in hexadecimal, cannot even be shown.
    if isinstance(value, float) or not least <= value <= most:
        raise RefusalError(f"must be a whole number from {least} to {most}")
    return value


def array(value: object) -> list[object]:
    """Return *value* if it is an array."""
    if not isinstance(value, list):
        example = f'["{escaped(value)}"]' if isinstance(value, str) else "[…]"
        raise RefusalError(f"must be an array, is {kind_of(value)}", f"write it in square brackets: {example}")
    return value


def table(value: object) -> dict[str, Any]:
    """Return *value* if it is a table."""
    if not isinstance(value, dict):
        several = isinstance(value, list) and any(isinstance(element, dict) for element in value)
        right = "write it once, in single brackets" if several else "write it as a table"
        raise RefusalError(f"must be a table, is {kind_of(value)}", right)
    return value


def address(value: object, *, example: str = AN_ADDRESS) -> Address:
    """Return *value* if it is one IP address, without prefix length and zone; else *example* says what is right."""
    text = string(value)
    if "/" in text:
        raise RefusalError(f"{quoted(text)} has a prefix length", "write the address alone")
    try:
        found = ip_address(text)
    except ValueError:
        raise RefusalError(f"{quoted(text)} is not an IP address", example) from None
    if isinstance(found, IPv6Address) and found.scope_id:
        raise RefusalError(f"{quoted(text)} names a zone", "write the address alone")
    return found


def prefix(value: object, *, example: str = A_NETWORK) -> Prefix:
    """Return *value* if it is a network in CIDR notation with all host bits zero; else *example* says one."""
    text = string(value)
    start, slash, length = text.partition("/")
    if not slash:
        raise RefusalError(f"{quoted(text)} has no prefix length", example)
    try:
        first = address(start)
        network = ip_network((first, length), strict=False)  # type: ignore[arg-type]  # typeshed: the length as an int
    except ValueError:  # RefusalError is one
        raise RefusalError(f"{quoted(text)} is not a network", example) from None
    if length != str(network.prefixlen):
        raise RefusalError(f"{quoted(text)} has no plain prefix length", f'write "{network}"')
    if first != network.network_address:
        raise RefusalError(f"{quoted(text)} has host bits set", f'write "{network}"')
    return network
