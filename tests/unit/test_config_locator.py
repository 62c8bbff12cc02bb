"""Where keys stand: held against generated files whose lines are known, and against tomli itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from hypothesis import given, settings
from hypothesis import strategies as st

from macvland.config.locator import line_of, locate
from macvland.config.wording import KeyPath

GOLDEN = sorted((Path(__file__).parents[1] / "golden" / "config").rglob("*.toml"))
PUNCTUATION = "ab.-#[]{}=, é"
NAMES = st.text(st.sampled_from(PUNCTUATION), max_size=5)
SINGLE_LINE = st.one_of(
    st.sampled_from(
        ["1", "-1.5e3", "true", "1979-05-27T07:32:00Z", "1979-05-27 07:32:00", "inf", "0xdead_beef", '""', "''"]
    ),
    st.text(st.sampled_from(PUNCTUATION + "'"), max_size=6).map(lambda text: f'"{text}"'),
    st.text(st.sampled_from(PUNCTUATION + '"\\'), max_size=6).map(lambda text: f"'{text}'"),
    st.sampled_from([r'"\""', r'"\\"', r'"\\\"]"', '"""" """', "''''x''''", '""""""', "''''''", '"""""x"""""']),
)
PIECES = st.lists(
    st.sampled_from(["\n", '"', '""', "'", "\\\\", '\\"', "#", "[", "]", "=", "{", ",", "\\\n"]), max_size=8
)
MULTI_LINE = st.one_of(
    PIECES.map(lambda pieces: '"""' + "".join(pieces).replace('"""', '""x') + '"""'),
    PIECES.map(lambda pieces: "'''" + "".join(pieces).replace("'", "''x") + "'''"),
)
FILLING = st.sampled_from(["", " ", "\n", " # ], it says\n", "\n\n\t"])  # between what stands in an array


class Writer:
    """A TOML file that is being written, and the line of all that it holds."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[KeyPath, int] = {}
        self.fresh = 0

    def name(self) -> tuple[str, str]:
        """A name that was not used before, and one of the ways to write it."""
        self.fresh += 1
        bare = f"k{self.fresh}"
        strange = bare + self.draw(NAMES)
        return self.draw(st.sampled_from([(bare, bare), (strange, f'"{strange}"'), (strange, f"'{strange}'")]))

    def note(self, path: KeyPath) -> None:
        for length in range(1, len(path) + 1):
            self.lines.setdefault(path[:length], self.text.count("\n") + 1)

    def filling(self) -> None:
        self.text += self.draw(FILLING)

    def pair(self, table: KeyPath, depth: int) -> None:
        names = [self.name() for _ in range(self.draw(st.integers(1, 2)))]
        path = (*table, *(name for name, _ in names))
        self.note(path)
        self.text += self.draw(st.sampled_from([".", " . "])).join(written for _, written in names) + " = "
        self.value(path, depth)

    def value(self, path: KeyPath, depth: int) -> None:
        self.note(path)
        kind = self.draw(st.sampled_from(["single", "multi", "array", "table"] if depth else ["single"]))
        if kind == "array":
            self.array(path, depth - 1)
        elif kind == "table":
            self.inline_table(path, depth - 1)
        else:
            self.text += self.draw(SINGLE_LINE if kind == "single" else MULTI_LINE)

    def array(self, path: KeyPath, depth: int) -> None:
        self.text += "["
        for index in range(self.draw(st.integers(0, 3))):
            self.text += "," if index else ""
            self.filling()
            self.value((*path, index), depth)
            self.filling()
        self.filling()
        self.text += "]"

    def inline_table(self, path: KeyPath, depth: int) -> None:
        self.text += "{"
        for index in range(self.draw(st.integers(0, 2))):
            self.text += ", " if index else " "
            self.pair(path, depth)
        self.text += "}"

    def table(self, written: str, path: KeyPath) -> None:
        self.note(path)
        self.text += written + self.draw(st.sampled_from(["\n", " # [x]\n", "\n\n"]))
        for _ in range(self.draw(st.integers(0, 2))):
            self.pair(path, 2)
            self.text += self.draw(st.sampled_from(["\n", " # = [x]\n", "\n  \n"]))


@st.composite
def files(draw: st.DrawFn) -> Writer:
    writer = Writer(draw)
    writer.table(draw(st.sampled_from(["", "# a comment", "\n\n"])), ())
    for _ in range(draw(st.integers(0, 3))):
        name, written = writer.name()
        inner, written_inner = writer.name()
        if draw(st.booleans()):
            writer.table(f"[{written}]", (name,))
            writer.table(f"[ {written}.{written_inner} ]", (name, inner))
            continue
        for index in range(draw(st.integers(1, 3))):
            writer.table(f"[[{written}]]", (name, index))
            if draw(st.booleans()):
                writer.table(f"[{written} . {written_inner}]", (name, index, inner))
            for below in range(draw(st.integers(0, 2))):
                writer.table(f"[[{written}.below]]", (name, index, "below", below))
    return writer


def paths_of(value: object, path: KeyPath = ()) -> Iterator[KeyPath]:
    """All that a TOML value holds."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from paths_of(inner, (*path, key))


@settings(deadline=None)
@given(files())
def test_every_key_is_found_on_its_line(writer: Writer) -> None:
    tomli.loads(writer.text)
    assert locate(writer.text) == writer.lines


@settings(deadline=None)
@given(st.text(st.sampled_from("a.=[]{}\"',\n #1"), max_size=20))
def test_what_is_found_is_what_tomli_finds(text: str) -> None:
    try:
        content = tomli.loads(text)
    except tomli.TOMLDecodeError:
        return
    assert set(locate(text)) == set(paths_of(content))


@pytest.mark.parametrize("file", GOLDEN, ids=lambda file: file.name)
def test_the_golden_files_are_found_whole(file: Path) -> None:
    try:
        text = file.read_bytes().decode().replace("\r\n", "\n")
        content = tomli.loads(text)
    except (ValueError, RecursionError):
        return
    assert set(locate(text)) == set(paths_of(content))


def test_what_is_missing_is_blamed_on_what_lacks_it() -> None:
    lines = locate("\n[[subnet]]\ncidr = 1\n")
    assert [line_of(lines, path) for path in ((), ("network",), ("subnet", 0, "gateway"), ("subnet", 0, "cidr"))] == [
        0,
        0,
        2,
        3,
    ]
