"""A topology as a picture: self-contained SVG in three columns, readable on light and dark. Pure.

Nobody can know a reader's fonts, so all text is monospaced and counted at more than any such font needs; what is too
long for its box is cut, and stands in full in the box's title.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from macvland.cli.show.topology import UNSAID, Node
from macvland.cli.text.cells import width
from macvland.cli.text.columns import cut, printable

SIZE, LINE, PAD, GAP = 13, 18, 10, 14  # px: of the font, from line to line, within a box, between boxes
LETTER = SIZE * 0.62  # px: Menlo and DejaVu have 0.602 em, which is the widest that is common
LONGEST = 46  # letters in a line; a longer one is cut, of a problem wrapped
RAIL, COLUMN_GAP, VLAN_STEP = 30, 56, 22
FAMILY = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"

# As attributes for renderers that know no style sheets; the dark ones as a style sheet, which wins where it applies.
FILLS = {
    "parent": "#e8eef7",
    "VLAN": "#e8eef7",
    "missing": "#fdecea",
    "apart": "#f1f1f1",
    "network": "#e6f4ea",
    "shim": "#fff4de",
    "link": "#f1f1f1",
    "container": "#f3eafa",
}
DARK = {
    "parent": "#22344d",
    "VLAN": "#22344d",
    "missing": "#4d2020",
    "apart": "#333333",
    "network": "#1f3d2a",
    "shim": "#4a3a17",
    "link": "#333333",
    "container": "#3a2a4a",
}
STYLE = "@media (prefers-color-scheme: dark) { %s }" % " ".join(  # noqa: UP031 - braces are CSS's here
    (
        ".paper { fill: #16181c } .text { fill: #e6e6e6 } .wrong { fill: #ff8a80 }",
        ".line { stroke: #8a93a0 } .box { stroke: #8a93a0 } .bad { stroke: #ff8a80 }",
        *(f".{kind} {{ fill: {colour} }}" for kind, colour in DARK.items()),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A node with its place."""

    node: Node
    x: float
    y: float
    wide: float
    lines: tuple[tuple[str, str], ...]  # class and text

    @property
    def high(self) -> float:
        """Its height."""
        return LINE * len(self.lines) + 2 * PAD

    @property
    def middle(self) -> float:
        """Where lines come and go."""
        return self.y + PAD + LINE / 2


Wire = tuple[float, float, float, float, float]  # from x, y over the vertical at x to x, y


@dataclass(slots=True)
class _Sheet:
    """What is laid out so far, and down to where."""

    columns: tuple[tuple[float, float], ...]  # x and width
    boxes: list[Box]
    wires: list[Wire]
    y: float


def svg(nodes: Sequence[Node], title: str) -> str:
    """Return the picture of *nodes* as the text of an SVG file."""
    sheet = _Sheet(_columns(nodes), [], [], 2 * PAD + LINE + GAP)
    for node in nodes:
        box = _band(node, 0, sheet)
        if node.kind != "apart":
            sheet.wires.append((RAIL, box.middle, RAIL, box.x, box.middle))
    wide = sheet.columns[-1][0] + sheet.columns[-1][1] + 2 * PAD
    return _drawn(sheet, title, max(wide, RAIL + 2 * PAD + LETTER * width(title)), sheet.y + PAD)


def _columns(nodes: Sequence[Node]) -> tuple[tuple[float, float], ...]:
    widths = [8 * LETTER] * 3
    for depth, column, node in _walk(nodes, 0):
        letters = max(width(text) for _, text in _lines(node))
        widths[column] = max(widths[column], letters * LETTER + 2 * PAD + depth * VLAN_STEP)
    places, x = [], float(RAIL + COLUMN_GAP / 2)
    for each in widths:
        places.append((x, each))
        x += each + COLUMN_GAP
    return tuple(places)


def _walk(nodes: Sequence[Node], depth: int) -> Iterator[tuple[int, int, Node]]:
    """Yield each node with how deep its VLAN stands and its column."""
    for node in nodes:
        column = _column(node)
        yield (depth if column == 0 else 0), column, node
        yield from _walk(node.children, depth + 1 if column == 0 else 0)


def _column(node: Node) -> int:
    return {"network": 1, "shim": 1, "link": 1, "container": 2}.get(node.kind, 0)


def _lines(node: Node) -> tuple[tuple[str, str], ...]:
    word = "" if node.kind in UNSAID else f"{node.kind} "
    lines = [
        ("name", cut(printable(f"{word}{node.name}"), LONGEST)),
        *(("text", cut(printable(detail), LONGEST)) for detail in node.details),
    ]
    for problem in node.problems:
        lines += [
            ("wrong", cut(line, LONGEST)) for line in wrap(f"! {printable(problem)}", LONGEST, subsequent_indent="  ")
        ]
    return tuple(lines)


def _place(node: Node, y: float, sheet: _Sheet, depth: int = 0) -> Box:
    x, wide = sheet.columns[_column(node)]
    step = depth * VLAN_STEP
    box = Box(node=node, x=x + step, y=y, wide=wide - step, lines=_lines(node))
    sheet.boxes.append(box)
    return box


def _band(node: Node, depth: int, sheet: _Sheet) -> Box:
    """Lay out a link and all that hangs on it, from the sheet's end down; return the link's box."""
    parent = _place(node, sheet.y, sheet, depth)
    y = sheet.y
    for child in (it for it in node.children if _column(it)):
        y = _group(child, parent, y, sheet)
    sheet.y = max(y, parent.y + parent.high + GAP)
    for child in (it for it in node.children if not _column(it)):
        below = _band(child, depth + 1, sheet)
        sheet.wires.append(
            (parent.x + VLAN_STEP / 2, parent.y + parent.high, parent.x + VLAN_STEP / 2, below.x, below.middle)
        )
    return parent


def _group(node: Node, parent: Box, y: float, sheet: _Sheet) -> float:
    """Lay out a network with its shims below it and its containers beside it; return where the next one may be."""
    network = _place(node, y, sheet)
    sheet.wires.append(_wire(parent, network))
    left, right = y + network.high + GAP, y
    for child in node.children:
        if _column(child) == 1:
            shim = _place(child, left, sheet)
            sheet.wires.append(_wire(parent, shim))
            left += shim.high + GAP
        else:
            container = _place(child, right, sheet)
            sheet.wires.append(_wire(network, container))
            right += container.high + GAP
    return max(left, right)


def _wire(start: Box, end: Box) -> Wire:
    x = start.x + start.wide
    return (x, start.middle, (x + end.x) / 2, end.x, end.middle)


def _drawn(sheet: _Sheet, title: str, wide: float, high: float) -> str:
    size = {"width": f"{wide:.0f}", "height": f"{high:.0f}", "viewBox": f"0 0 {wide:.0f} {high:.0f}"}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    SubElement(root, "title").text = printable(title)
    SubElement(root, "style").text = STYLE
    SubElement(root, "rect", {"class": "paper", "width": "100%", "height": "100%", "fill": "#ffffff"})
    letters = SubElement(root, "g", {"font-family": FAMILY, "font-size": str(SIZE), "xml:space": "preserve"})
    _text(letters, PAD, PAD + SIZE, "text", printable(title))
    roots = [wire for wire in sheet.wires if wire[0] == RAIL]
    if roots:
        _text(letters, PAD, 2 * PAD + LINE + SIZE, "text", "LAN")
        rail = f"M{RAIL},{2 * PAD + 2 * LINE + 2} V{max(roots[-1][1], 2 * PAD + 2 * LINE + 2):.1f}"
        SubElement(root, "path", {"class": "line", "d": rail, "fill": "none", "stroke": "#5f6b7a", "stroke-width": "3"})
    for x, y, turn, end, end_y in sheet.wires:
        way = f"M{x:.1f},{y:.1f} H{turn:.1f} V{end_y:.1f} H{end:.1f}"
        SubElement(root, "path", {"class": "line", "d": way, "fill": "none", "stroke": "#5f6b7a"})
    for box in sheet.boxes:
        _draw(root, box)
    indent(root)
    return tostring(root, encoding="unicode") + "\n"


def _draw(root: Element, box: Box) -> None:
    node = box.node
    font = {"font-family": FAMILY, "font-size": str(SIZE)}
    group = SubElement(root, "g", font)
    SubElement(group, "title").text = "\n".join(
        map(printable, (f"{node.kind} {node.name}", *node.details, *node.problems))
    )
    bad = bool(node.problems)
    place = {
        "x": f"{box.x:.1f}",
        "y": f"{box.y:.1f}",
        "width": f"{box.wide:.1f}",
        "height": f"{box.high:.1f}",
        "rx": "5",
    }
    look = {"fill": FILLS[node.kind], "stroke": "#c62828" if bad else "#5f6b7a", "stroke-width": "2" if bad else "1"}
    SubElement(group, "rect", {"class": f"box {node.kind}{' bad' * bad}", **place, **look})
    for number, (kind, text) in enumerate(box.lines):
        _text(group, box.x + PAD, box.y + PAD + number * LINE + SIZE, kind, text)


def _text(parent: Element, x: float, y: float, kind: str, text: str) -> None:
    fill = {"fill": "#b71c1c" if kind == "wrong" else "#1a1a1a", "class": "wrong" if kind == "wrong" else "text"}
    weight = {"font-weight": "bold"} if kind == "name" else {}
    SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", **fill, **weight}).text = text
