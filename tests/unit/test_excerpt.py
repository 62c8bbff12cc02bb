"""A line of a file with carets below it: whatever the line holds, they stand where they should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from macvland.cli.text.cells import width
from macvland.cli.text.excerpt import excerpt


@pytest.mark.parametrize(
    ("source", "column", "length", "shown", "carets"),
    [
        ('cidr = "x"', 8, 3, '  cidr = "x"', "         ^^^"),
        ('\tcidr = "x"', 2, 4, '          cidr = "x"', "          ^^^^"),
        ('ab\tcidr = "x"', 4, 4, '  ab      cidr = "x"', "          ^^^^"),
        ('名 = "網路"', 5, 4, '  名 = "網路"', "       ^^^^^^"),
        ('e\u0301 = "x"', 6, 3, '  e\u0301 = "x"', "      ^^^"),
        ('a = "\x1b\u202e" b', 9, 1, '  a = "\\x1b\\u202e" b', "                  ^"),
        ("a = [", 6, 1, "  a = [", "       ^"),
        ("", 1, 1, "", "  ^"),
    ],
    ids=["plain", "a tab", "a tab further on", "wide", "combining", "does not print", "the end", "an empty line"],
)
def test_carets_stand_below_what_they_point_at(source: str, column: int, length: int, shown: str, carets: str) -> None:
    assert excerpt(source, column, length, 80) == (shown, carets)


@pytest.mark.parametrize(
    ("column", "shown", "carets"),
    [
        (1, "  XXxxxxxxxxxxxxxx…", "  ^^"),
        (5001, "  …xxxxxXXxxxxxxxxx…", "        ^^"),
        (9999, "  …xxxxxxxxxxxxxxXX", "                 ^^"),
    ],
    ids=["begin", "middle", "end"],
)
def test_of_a_long_line_the_part_in_question_is_shown(column: int, shown: str, carets: str) -> None:
    source = "x" * (column - 1) + "XX" + "x" * (9999 - column)
    assert excerpt(source, column, 2, 20) == (shown, carets)


LINES = st.text(st.sampled_from('ab \t"=\x00\x1b\u202e\u0301\u1161網é…'), max_size=120)


@given(LINES, st.integers(0, 120), st.integers(0, 200), st.integers(40, 100))
def test_an_excerpt_prints_fits_and_keeps_its_carets_in_sight(text: str, before: int, length: int, cells: int) -> None:
    line, below = excerpt(text, min(before, len(text)) + 1, length, cells)
    assert (line + below).isprintable()
    assert width(line) <= cells
    assert width(below) <= cells
    assert "^" in below
    assert set(below.lstrip(" ")) == {"^"}


@given(LINES, st.integers(0, 120))
def test_the_first_caret_stands_below_the_character(text: str, before: int) -> None:
    line, below = excerpt(f"{text[:before]}#{text[before:]}", len(text[:before]) + 1, 1, 4000)
    assert line[_index(line, below.index("^"))] == "#"


def _index(line: str, cell: int) -> int:
    """Return which character of *line* begins in *cell*; those without width before it belong to the cell before."""
    return next(index for index in range(len(line)) if width(line[:index]) == cell and width(line[index]) > 0)
