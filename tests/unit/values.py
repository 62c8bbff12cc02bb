"""From JSON to the model: any of its dataclasses, by their type hints. A key or a type that is not theirs: an error."""

from collections.abc import Callable
from dataclasses import is_dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_address, ip_interface, ip_network
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from macvland.condition import KINDS, Condition

Value = TypeVar("Value")

# Each is for both versions.
PARSERS: dict[object, Callable[[str], object]] = {
    IPv4Address: ip_address,
    IPv4Interface: ip_interface,
    IPv4Network: ip_network,
}  # each for both versions


def value_of(kind: type[Value], data: dict[str, Any]) -> Value:
    """Return the *kind*, a dataclass of the model, that *data* spells out."""
    hints = get_type_hints(kind)
    return kind(**{name: _value(hints[name], one) for name, one in data.items()})


def _value(hint: Any, data: Any) -> Any:  # noqa: PLR0911 - one for each kind of hint
    members = get_args(hint)
    if get_origin(hint) is frozenset:
        return frozenset(_value(members[0], one) for one in data)
    if get_origin(hint) is tuple:
        return tuple(_value(member, one) for member, one in zip(members, data, strict=True))
    if members:  # a union: of an IPv4 and an IPv6 type, of None
        return None if data is None and NoneType in members else _value(members[0], data)
    if hint is Condition:
        return KINDS[data["kind"]](data["network"], **data["fields"])
    if hint in PARSERS:
        return PARSERS[hint](data)
    if isinstance(hint, type) and is_dataclass(hint):
        return value_of(hint, data)
    if issubclass(hint, Enum):
        return hint(data)
    if type(data) is not hint:
        raise TypeError(f"{data!r} is no {hint.__name__}")
    return data
