"""The [network] table: what carries the network, and how."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from macvland.config.table import Table
from macvland.config.value import RefusalError, string
from macvland.config.wording import dotted, escaped, quoted
from macvland.model import Mode, OnConflict, Replacing

A_PARENT = 'write the name of a link (`parent = "eth0"`), its MAC address, or "auto" for the link of the default route'
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
DASHED_MAC = re.compile(r"[0-9a-f]{2}(-[0-9a-f]{2}){5}", re.IGNORECASE)
LONGEST_ALTNAME = 127  # bytes: ALTIFNAMSIZ - 1, linux/if.h; plain names are shorter, IFNAMSIZ - 1 = 15

# Ours, and those by which other programs know their own networks and remove them (docker/compose#10797).
THEIRS = {
    "io.macvland.": "macvland marks its networks by these itself",
    "com.docker.": "Docker and Compose know their own by these, and Compose would remove the network",
}


def parent_of(table: Table, *, internal: bool) -> str | None:
    """Return the `parent`; None where an internal network does without, or where it is wrong."""
    if "parent" not in table.content and not internal:
        table.complain(("parent",), "is missing", A_PARENT)
    return table.read("parent", link)


def mode_of(table: Table) -> Mode | None:
    """Return the `mode`; None where it is wrong."""
    return table.read("mode", _mode) if "mode" in table.content else Mode.BRIDGE


def replacing_of(table: Table) -> Replacing | None:
    """Return what `replace` says; None where it is wrong."""
    return table.read("replace", _replacing) if "replace" in table.content else Replacing.WHEN_LOSSLESS


def on_conflict_of(table: Table) -> OnConflict | None:
    """Return what `on_conflict` says; None where it is wrong."""
    return table.read("on_conflict", _on_conflict) if "on_conflict" in table.content else OnConflict.WARN


def labels_of(table: Table) -> frozenset[tuple[str, str]]:
    """Return the good ones of the `labels`."""
    labels = table.table("labels")
    if labels is None:
        return frozenset()
    found: set[tuple[str, str]] = set()
    for key, value in labels.content.items():
        if (trouble := _label_trouble(key, value)) is not None:
            labels.refuse_key((key,), *trouble)
        elif (text := labels.read(key, _label)) is not None:
            found.add((key, text))
    return frozenset(found)


def link(value: object) -> str:
    """Return *value* if it can name the link that carries a network."""
    name = string(value)
    if MAC.fullmatch(name.lower()):
        if int(name[:2], 16) & 1 or not int(name.replace(":", ""), 16):
            raise RefusalError(f"{quoted(name)} is not the MAC address of a single link", A_PARENT)
        return name.lower()
    if DASHED_MAC.fullmatch(name):
        raise RefusalError(f"{quoted(name)} has dashes", f'write "{name.lower().replace("-", ":")}"')
    if name == "lo":
        raise RefusalError("'lo' cannot carry a macvlan network", A_PARENT)
    # dev_valid_name, net/core/dev.c
    if name in {".", ".."} or len(name.encode()) > LONGEST_ALTNAME or re.search(r"[/:\s]", name):
        raise RefusalError(f"{quoted(name)} can be neither the name nor the MAC address of a link", A_PARENT)
    return name


def _mode(value: object) -> Mode:
    return Mode(_one_of(list(Mode), value, "is no macvlan mode"))


def _replacing(value: object) -> Replacing:
    return Replacing(_one_of(list(Replacing), value, "does not say when"))


def _on_conflict(value: object) -> OnConflict:
    return OnConflict(_one_of(list(OnConflict), value, "does not say what to do"))


def _one_of(words: Sequence[str], value: object, wrong: str) -> str:
    """Return *value* if it is one of *words*."""
    name = string(value)
    if name in words:
        return name
    near = get_close_matches(name.lower(), words, 1)
    right = f'did you mean "{near[0]}"?' if near else "write one of " + ", ".join(f'"{word}"' for word in words)
    raise RefusalError(f"{quoted(name)} {wrong}", right)


def _label(value: object) -> str:
    return "" if value == "" else string(value)


def _label_trouble(key: str, value: object) -> tuple[str, str] | None:
    """Say what is wrong with a label and what would be right."""
    if not key or not key.isprintable():
        return "is empty or holds a character that does not print", "write another name for the label"
    for start, reason in THEIRS.items():
        if ".".join((*dotted(key, value), "")).startswith(start):
            return f"labels `{start}*` are not for files", f"leave it out: {reason}"
    if isinstance(value, dict):
        return "must be a string, is a table", f'quote the whole name: "{escaped(".".join(dotted(key, value)))}"'
    return None
