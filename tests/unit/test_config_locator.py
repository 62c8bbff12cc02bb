"""Where keys stand: held against generated files whose places are known, and against tomli itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from macvland.config.locator import NOWHERE, Place, Places, locate, places_of
from macvland.config.wording import KeyPath
from tests.soak import examples

pytestmark = pytest.mark.libraries

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
    """A TOML file that is being written, and the places of all that it holds."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.places: dict[KeyPath, Places] = {}
        self.fresh = 0

    def name(self) -> tuple[str, str]:
        """A name that was not used before, and one of the ways to write it."""
        self.fresh += 1
        bare = f"k{self.fresh}"
        strange = bare + self.draw(NAMES)
        return self.draw(st.sampled_from([(bare, bare), (strange, f'"{strange}"'), (strange, f"'{strange}'")]))

    def place(self, written: str) -> Place:
        """Where *written* will stand if it is written now."""
        column = len(self.text) - self.text.rfind("\n")
        return Place(self.text.count("\n") + 1, column, len(written.split("\n", maxsplit=1)[0]))

    def note(self, path: KeyPath, key: Place, value: Place) -> None:
        for length in range(1, len(path)):
            self.places.setdefault(path[:length], Places(key, key))
        self.places.setdefault(path, Places(key, value))

    def filling(self) -> None:
        self.text += self.draw(FILLING)

    def pair(self, table: KeyPath, depth: int) -> None:
        names = [self.name() for _ in range(self.draw(st.integers(1, 2)))]
        path = (*table, *(name for name, _ in names))
        written = self.draw(st.sampled_from([".", " . "])).join(written for _, written in names)
        key = self.place(written)
        self.text += written + " = "
        self.value(path, depth, key)

    def value(self, path: KeyPath, depth: int, key: Place | None = None) -> None:
        kind = self.draw(st.sampled_from(["single", "multi", "array", "table"] if depth else ["single"]))
        simple = {"single": SINGLE_LINE, "multi": MULTI_LINE}
        written = self.draw(simple[kind]) if kind in simple else "["  # as long as the bracket of a table
        place = self.place(written)
        self.note(path, key or place, place)
        if kind == "array":
            self.array(path, depth - 1)
        elif kind == "table":
            self.inline_table(path, depth - 1)
        else:
            self.text += written

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
        if path:
            self.note(path, self.place(written), self.place(written))
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


@pytest.mark.soak
@examples(check=60, soak=10_000)
@given(files())
def test_every_key_and_value_is_found_in_its_place(writer: Writer) -> None:
    tomli.loads(writer.text)
    assert locate(writer.text) == writer.places


@pytest.mark.soak
@examples(check=60, soak=10_000)
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
    found = locate("\n[[subnet]]\n cidr = 1\n")
    header = Place(2, 1, len("[[subnet]]"))
    assert [places_of(found, path) for path in ((), ("network",), ("subnet", 0, "gateway"), ("subnet", 0, "cidr"))] == [
        Places(NOWHERE, NOWHERE),
        Places(NOWHERE, NOWHERE),
        Places(header, header),
        Places(Place(3, 2, 4), Place(3, 9, 1)),
    ]
