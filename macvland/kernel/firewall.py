"""The host's nftables as far as they can be read without knowing every expression: chains, interfaces, verdicts.

Only reads. What a rule asks besides the interface is not decoded: such a rule is conditional. The numbers are those of
include/uapi/linux/netfilter/nf_tables.h; over nfnetlink they are big-endian.
"""

import errno
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from struct import Struct, error

from macvland.error import ApplyError
from macvland.kernel import codec
from macvland.kernel.channel import PATIENCE, SOL_NETLINK, TIMEVAL, Channel, widen
from macvland.kernel.codec import Message, attributes, members, text, wanted

NETLINK_NETFILTER = 12
GET_CHAIN, GET_RULE = 10 << 8 | 4, 10 << 8 | 7  # NFNL_SUBSYS_NFTABLES, NFT_MSG_GETCHAIN and NFT_MSG_GETRULE
ALL_FAMILIES = bytes(4)  # nfgenmsg: family, version, resource
FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}
HOOKS = {1: "input", 3: "output"}
RECEIVE_BUFFER = 4 << 20
META_IIF, META_OIF, META_IIFNAME, META_OIFNAME = 4, 5, 6, 7  # NFT_META_*
# What a register holds: the direction of an interface, and whether it is its index.
INTERFACES = {
    META_IIF: ("input", True),
    META_IIFNAME: ("input", False),
    META_OIF: ("output", True),
    META_OIFNAME: ("output", False),
}
NO_NFTABLES = {errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EINVAL}  # of this kernel: then it has no rules
LOADING = frozenset({"payload", "ct", "exthdr", "fib", "socket", "rt", "numgen", "hash", "bitwise", "byteorder", "osf"})
ASKING = frozenset({"match", "limit", "quota", "connlimit", "lookup", "range", "xfrm", "tunnel"})
VERDICTS = {0: "drop", 1: "accept", -3: "jump", -4: "goto", -5: "return"}  # NF_* and NFT_*
B32 = Struct("!I")
SIGNED = Struct("!i")

_CHAIN = wanted(1, 3, 4, 5)  # table, name, hook, policy
_RULE = wanted(1, 2, 4)  # table, chain, expressions
_PAIR = wanted(1, 2)
_THREE = wanted(1, 2, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: for which interfaces, whether it asks for more than these, and what it decides."""

    interfaces: tuple[tuple[str, str, bool], ...] = ()  # input or output, a name (or its start and *), equal or not
    conditional: bool = False
    verdict: str = ""  # accept, drop, jump, goto, return, or "": none, or one that depends
    target: str = ""  # the chain of a jump


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One chain; a base chain has a *hook*."""

    family: str
    table: str
    name: str
    hook: str = ""
    policy: str = "accept"
    rules: tuple[Rule, ...] = ()


def nftables() -> tuple[Chain, ...]:
    """Return the chains of the families for IP; ApplyError where the kernel does not tell."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER) as sock:
            widen(sock, RECEIVE_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, TIMEVAL.pack(PATIENCE, 0))
            sock.setsockopt(SOL_NETLINK, 10, 1)  # NETLINK_CAP_ACK
            channel = Channel(sock)
            chains = channel.dump(Message(GET_CHAIN, 0, ALL_FAMILIES))
            rules = channel.dump(Message(GET_RULE, 0, ALL_FAMILIES))
    except OSError as problem:
        if problem.errno in NO_NFTABLES:
            return ()
        words = problem.strerror or os.strerror(problem.errno or 0)
        raise ApplyError(f"nftables cannot be read: {words}") from problem
    return chains_of(chains, rules)


def chains_of(chains: list[bytes], rules: list[bytes]) -> tuple[Chain, ...]:
    """Return the chains in the bodies of two dumps, each with its rules in order."""
    found = {key: chain for body in chains if (decoded := _chain(body)) for key, chain in [decoded]}
    for body in rules:
        at = attributes(body, _RULE, 4)
        key = (body[0], text(at.get(1, b"")), text(at.get(2, b"")))
        if key in found:
            found[key] = replace(found[key], rules=(*found[key].rules, _rule(at.get(4, b""))))
    return tuple(found.values())


def _chain(body: bytes) -> tuple[tuple[int, str, str], Chain] | None:
    if body[0] not in FAMILIES:
        return None
    at = attributes(body, _CHAIN, 4)
    table, name = text(at.get(1, b"")), text(at.get(3, b""))
    hook = attributes(at.get(4, b""), _PAIR).get(1)
    kind = HOOKS.get(_number(hook), "other") if hook else ""
    policy = "drop" if 5 in at and _number(at[5]) == 0 else "accept"
    chain = Chain(family=FAMILIES[body[0]], table=table, name=name, hook=kind, policy=policy)
    return (body[0], table, name), chain


@dataclass(slots=True)
class _Reading:
    """A rule being read: what each register holds, and what is known so far."""

    registers: dict[int, tuple[str, bool]] = field(default_factory=dict)
    rule: Rule = field(default_factory=Rule)


def _rule(expressions: bytes) -> Rule:
    reading = _Reading()
    for name, data in _expressions(expressions):
        _step(reading, name, data)
    return reading.rule


def _expressions(data: bytes) -> Iterator[tuple[str, bytes]]:
    for _, element in members(data):
        at = attributes(element, _PAIR)
        yield text(at.get(1, b"")), at.get(2, b"")


def _step(reading: _Reading, name: str, data: bytes) -> None:
    if name == "meta":
        at = attributes(data, _PAIR)
        reading.registers.pop(_number(at.get(1, b"")), None)
        if (key := _number(at.get(2, b""))) in INTERFACES:
            reading.registers[_number(at.get(1, b""))] = INTERFACES[key]
    elif name in LOADING:
        reading.registers.clear()  # which register it writes is not worth knowing: no interface is in there
    elif name == "cmp":
        _compare(reading, data)
    elif name == "immediate":
        _decide(reading, data)
    elif name in ASKING:
        reading.rule = replace(reading.rule, conditional=True)
    elif name == "reject" or (name == "target" and text(attributes(data, _PAIR).get(1, b"")) == "REJECT"):
        reading.rule = replace(reading.rule, verdict="drop")


def _compare(reading: _Reading, data: bytes) -> None:
    at = attributes(data, _THREE)
    direction, is_index = reading.registers.get(_number(at.get(1, b"")), ("", False))
    value = attributes(at.get(3, b""), _PAIR).get(1, b"")
    name = (_indexed(value) if is_index else _named(value)) if direction else ""
    if not name:
        reading.rule = replace(reading.rule, conditional=True)
        return
    one = (direction, name, _number(at.get(2, b"")) == 0)  # NFT_CMP_EQ
    reading.rule = replace(reading.rule, interfaces=(*reading.rule.interfaces, one))


def _indexed(value: bytes) -> str:
    try:
        return socket.if_indextoname(codec.U32.unpack(value)[0])
    except (OSError, error):
        return ""


def _named(value: bytes) -> str:
    """Return the name in *value*, which a NUL ends; the start of one, and *, where none does."""
    name, end, _ = value.partition(b"\0")
    return name.decode(errors="surrogateescape") + ("" if end else "*")


def _decide(reading: _Reading, data: bytes) -> None:
    at = attributes(data, _PAIR)
    verdict = attributes(attributes(at.get(2, b""), _PAIR).get(2, b""), _PAIR)
    if _number(at.get(1, b"")) != 0 or 1 not in verdict:
        return  # a value, not a verdict
    word = VERDICTS.get(SIGNED.unpack(verdict[1])[0], "")
    reading.rule = replace(reading.rule, verdict=word, target=text(verdict.get(2, b"")))


def _number(payload: bytes) -> int:
    number: int = B32.unpack(payload)[0] if len(payload) == B32.size else -1
    return number
