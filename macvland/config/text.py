"""From a file's bytes to TOML: what is not a text of tables is refused here, with its line."""

import re
from typing import Any

import tomli

from macvland.config.value import RefusalError
from macvland.config.wording import escaped

BOM = b"\xef\xbb\xbf"
EMPTY = "write a [network] table; to remove the network remove the file, to mask it link it to /dev/null"
POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
LONG_NUMBER = re.compile(r"[0-9A-Fa-f_]{1000,}")
# tomli 2.0 takes 25 s for a dotted key of 30,000 parts.
MANY_PARTS = re.compile(r"""(?:(?:[\w-]{1,64}|"[^"\n]{0,64}"|'[^'\n]{0,64}')[ \t]*\.[ \t]*){200}""")
UNQUOTED = re.compile(r"""\s*[\w.-]+\s*=\s*(?P<word>\w[^\s"'#,]*)\s*(?:\#.*)?""")


def decoded(raw: bytes) -> str:
    """Return *raw* as text, with the line ends that tomli counts."""
    if not raw.strip():
        raise RefusalError("is empty", EMPTY)
    if raw.startswith(BOM):
        right = "save the file without the byte order mark"
        raise RefusalError("begins with a byte order mark", right, line=1, column=1)
    try:
        return raw.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        wrong = f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise RefusalError(wrong, "save the file as UTF-8", **_end_of(before)) from None


def tables(text: str) -> dict[str, Any]:
    """Return what the TOML of *text* says."""
    if long := MANY_PARTS.search(text):
        place = _end_of(text[: long.start()])
        raise RefusalError("a dotted name is too long", "no key here has more than a few parts", **place)
    try:
        return tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise _not_toml(text, str(error)) from None
    except ValueError:  # Python converts no number of more than 4300 digits
        long = LONG_NUMBER.search(text)
        place = _end_of(text[: long.start()]) if long else {}
        raise RefusalError("a number is too long", "no key here takes a number", **place) from None
    except RecursionError:
        raise RefusalError("arrays are nested too deep", "no key here takes more than an array of strings") from None


def _end_of(before: str) -> dict[str, int]:
    """Return the place of the character that follows *before*."""
    return {"line": before.count("\n") + 1, "column": len(before) - before.rfind("\n")}


def _not_toml(text: str, message: str) -> RefusalError:
    position = POSITION.search(message)
    place = _end_of(text.rstrip())
    if position and position[1]:
        place = {"line": int(position[1]), "column": int(position[2])}
    reason = escaped(POSITION.sub("", message))
    return RefusalError(f"is not TOML: {reason}", _toml_for(text.split("\n")[place["line"] - 1], reason), **place)


def _toml_for(line: str, reason: str) -> str:
    """Return what the writer of *line* may have wanted."""
    if "twice" in reason:
        return "write each table once; only [[subnet]] repeats, in double brackets"
    if "overwrite" in reason or "Duplicate" in reason:
        return "write each key once"
    if unquoted := UNQUOTED.fullmatch(line):
        word = escaped(unquoted["word"])
        return f"write {word.lower()}" if word.lower() in {"true", "false"} else f'write it in quotes: "{word}"'
    return 'a line is `key = "value"`, a [table] or a # comment'
