"""docs/faults.md against the tests: every row is shown by one, and every test that names a row finds it there."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def listed() -> list[str]:
    """Return the rows of the table, in its order."""
    return re.findall(r"^\| ([A-F]\d+) \|", (PROJECT / "docs/faults.md").read_text(), re.MULTILINE)


@cache
def marked() -> frozenset[str]:
    """Return the row of each `pytest.mark.fault("...")` in the tests."""
    return frozenset(found())


def found() -> Iterator[str]:
    marking = [text for path in (PROJECT / "tests").rglob("*.py") if "mark.fault(" in (text := path.read_text())]
    for text in marking:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
                yield from (str(ast.literal_eval(row)) for row in node.args)


def test_every_row_is_listed_once_and_in_order() -> None:
    rows = listed()
    assert rows == sorted(set(rows), key=lambda row: (row[0], int(row[1:])))


def test_every_row_is_shown_by_a_test() -> None:
    assert set(listed()) - marked() == set()


def test_every_test_that_shows_a_row_finds_it_in_the_table() -> None:
    assert marked() - set(listed()) == set()


def test_the_rows_that_are_asked_for_are_there() -> None:
    asked = {f"A{row}" for row in (*range(1, 5), *range(7, 16))}
    asked |= {f"B{row}" for row in range(17, 36)}
    asked |= {f"E{row}" for row in range(62, 81)} | {f"F{row}" for row in range(81, 85)}
    assert asked - set(listed()) == set()
