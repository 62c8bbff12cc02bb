"""A topology as lines of text for a terminal. Pure."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from macvland.cli.show.topology import UNSAID, Node
from macvland.cli.text.columns import printable
from macvland.cli.text.terminal import RED, Paint, plain

NARROWEST = 24  # columns of text, however deep it stands: below that it overflows


def tree(nodes: Sequence[Node], columns: int, paint: Paint = plain) -> str:
    """Return *nodes* as a tree of at most *columns*, its problems red as *paint* has it."""
    on = [node for node in nodes if node.kind != "apart"]
    lines = ["LAN", *_branches(on, "", columns, paint)] if on else []
    for node in nodes:
        if node.kind == "apart":
            lines += [node.name, *_branches(node.children, "", columns, paint)]
    return "\n".join(lines) or "no macvlan network, and no file that declares one"


def _branches(nodes: Sequence[Node], indent: str, columns: int, paint: Paint) -> Iterator[str]:
    for node in nodes:
        last = node is nodes[-1]
        inner = indent + ("   " if last else "│  ")
        rail = "│  " if node.children else "   "
        lines = _wrapped(_label(node), columns - len(inner), "    ")
        yield indent + ("└─ " if last else "├─ ") + lines[0]
        yield from (inner + rail + line.strip() for line in lines[1:])
        for problem in node.problems:
            for line in _wrapped(f"! {printable(problem)}", columns - len(inner) - 3, "  "):
                yield f"{inner}{rail}{paint(line, RED)}"
        yield from _branches(node.children, inner, columns, paint)


def _label(node: Node) -> str:
    word = "" if node.kind in UNSAID else f"{node.kind} "
    return printable("  ".join((f"{word}{node.name}", *node.details)))


def _wrapped(text: str, columns: int, indent: str) -> list[str]:
    wide = max(columns, NARROWEST)
    if len(text) <= wide:
        return [text]
    return wrap(text, wide, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
