"""Which hosts a pattern means, as systemd has it: ConditionHost= in systemd.unit(5), Host= in systemd.network(5). Pure.

A pattern is a machine-id, or a glob that the whole hostname is held against, upper and lower case alike. Read, it is in
lower case, and a machine-id without dashes.
"""

import re
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from macvland.config.value import RefusalError, string
from macvland.config.wording import escaped, quoted
from macvland.model import Machine

A_HOST = 'write its name ("node1"), a pattern of names ("web-*") or its machine-id'
NOT = "!"

# What a hostname may have (hostname(7), and the underscore that some have all the same), and `*`, `?`, `[a-c]`, `[!x]`.
RANGE = "[0-9]-[0-9]|[A-Za-z]-[A-Za-z]"
PATTERN = rf"(?:[A-Za-z0-9._*?-]|\[[!^]?(?:{RANGE}|[A-Za-z0-9._])+\])+"
BRACKETS = re.compile(r"\[[!^]?([^\]]*)\]")
MACHINE_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Means = Callable[[str], bool]  # tells of one host, the one in question, whether a pattern means it


def pattern(value: object) -> str:
    """Return the pattern *value*."""
    text = string(value)
    if not re.fullmatch(PATTERN, text):
        raise RefusalError(f"{quoted(text)} can mean no host", A_HOST)
    lower = text.lower()
    if MACHINE_ID.fullmatch(lower):
        return lower.replace("-", "")
    for inside in BRACKETS.findall(lower):
        for first, last in re.findall(r"(.)-(.)", inside):
            if first > last:
                raise RefusalError(f"{first}-{last} in {quoted(text)} ends before it begins", f"write {last}-{first}")
    return lower.replace("[^", "[!")


def admission(value: object) -> str:
    """Return *value* as a pattern, with a "!" before it where those that it means are not meant."""
    text = string(value)
    words = re.findall("[^ ,]+", text)
    if len(words) > 1 and all(re.fullmatch(PATTERN, word.removeprefix(NOT)) for word in words):
        listed = ", ".join(f'"{escaped(word)}"' for word in words)
        raise RefusalError(f"{quoted(text)} can mean no host", f"write an array: [{listed}]")
    return f"{NOT}{pattern(text[1:])}" if text.startswith(NOT) else pattern(text)


def is_machine_id(pattern: str) -> bool:
    """Tell whether *pattern* is a machine-id."""
    return MACHINE_ID.fullmatch(pattern) is not None


def is_exact(pattern: str) -> bool:
    """Tell whether *pattern* means one host at most."""
    return not re.search(r"[*?\[]", pattern)


def fits(pattern: str, hostname: str) -> bool:
    """Tell whether *pattern*, which is no machine-id, means whoever is called *hostname*."""
    return fnmatchcase(hostname.lower(), pattern)


def means(pattern: str, machine: Machine) -> bool:
    """Tell whether *pattern* means *machine*."""
    return pattern == machine.id if is_machine_id(pattern) else fits(pattern, machine.hostname)


def admits(match: Iterable[str], meant: Means) -> bool:
    """Tell whether a file is for a host: one of the patterns *match* that have no "!" means it, and none of the others.

    Where there are none without a "!", every host is meant.
    """
    refused = [one[1:] for one in match if one.startswith(NOT)]
    asked = [one for one in match if not one.startswith(NOT)]
    return (not asked or any(map(meant, asked))) and not any(map(meant, refused))
