"""docs/macvlan.d.md on what can be a parent, against the links that the tests make."""

import json
from pathlib import Path

import pytest

from macvland.model import Host
from tests.parents import DEBIAN, HERE, NOWHERE, Sort, goal
from tests.unit.values import value_of

PROJECT = Path(__file__).resolve().parents[2]
GOLDEN = {"usb0": "parent-point-to-point", "eth0": "parent-port-of-open-vswitch", "wlan0": "parent-wireless"}


def row(sort: Sort) -> str:
    return f"| {sort.what} | {sort.says or 'works'} |"


def test_the_table_of_parents_is_that_of_the_tests() -> None:
    text = (PROJECT / "docs/macvlan.d.md").read_text()
    table = text.partition("| parent | |\n|---|---|\n")[2].partition("\n\n")[0]
    sorts = sorted((*HERE, *DEBIAN, *NOWHERE), key=lambda sort: sort.says != "")
    assert table.splitlines() == [row(sort) for sort in sorts]


@pytest.mark.parametrize("sort", NOWHERE, ids=lambda sort: sort.what)
def test_what_no_test_can_make_is_said_of_what_would_be_seen(sort: Sort) -> None:
    seen = value_of(Host, json.loads((PROJECT / "tests/golden/plan" / GOLDEN[sort.name] / "seen.json").read_text()))
    assert sort.says in {obstacle.text for obstacle in goal(sort, seen).obstacles}
