"""Findings as text for people: each as symptom, evidence, remedy. Pure.

A remedy is never wrapped: it is to be copied.
"""

from collections.abc import Iterator, Sequence

from macvland.cli.doctor.finding import Finding
from macvland.cli.text.columns import printable
from macvland.cli.text.layout import filled
from macvland.cli.text.terminal import BOLD, RED, Paint, plain
from macvland.condition import CODES

SEEN, DO = "  seen: ", "  do:   "
FURTHER = "        "


def told(findings: Sequence[Finding], columns: int, paint: Paint = plain) -> str:
    """Lay *findings* out for *columns*."""
    if not findings:
        return "nothing found"
    return "\n\n".join("\n".join(_lines(one, columns, paint)) for one in findings)


def _lines(one: Finding, columns: int, paint: Paint) -> Iterator[str]:
    where = f"{printable(one.network)}: " if one.network else ""
    first, *others = filled(f"{where}{CODES[one.code]}", columns, f"{one.code}  ", "       ")
    yield paint(first, RED)
    yield from (paint(line, RED) for line in others)
    yield from filled(printable(one.symptom), columns, "  ")
    for text in one.seen:
        yield from filled(printable(text), columns, SEEN, FURTHER)
    for number, command in enumerate(one.remedy):
        yield (DO if number == 0 else FURTHER) + paint(printable(command), BOLD)
