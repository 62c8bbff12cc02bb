"""Conditions: each kind once, made with the fields of its sentence, and in the document; nothing reads a sentence."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from macvland.condition import CODES, KINDS, Kind
from macvland.condition.catalog import THEMES
from macvland.condition.parent import PARENT_MISSING
from macvland.status import told
from tests.conditions import listed_in, said

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "macvland").rglob("*.py"))
DOCUMENT = (ROOT / "docs" / "conditions.md").read_text(encoding="utf-8")
SECTIONS = dict(zip(*[iter(re.split(r"^## (MV\d+)\n", DOCUMENT, flags=re.MULTILINE)[1:])] * 2, strict=True))
WORDS = {"text", "sentence", "reason", "reasons", "warnings", "errors", "absence"}
READS = {"startswith", "endswith", "find", "index", "partition", "rpartition", "split", "removeprefix", "removesuffix"}


def test_each_kind_has_a_name_of_its_own() -> None:
    kinds = [kind for theme in THEMES for kind in vars(theme).values() if isinstance(kind, Kind)]
    assert len({kind.name for kind in kinds}) == len(set(kinds)) == len(KINDS)


def test_a_condition_without_its_fields_is_refused() -> None:
    with pytest.raises(TypeError, match="parent-missing"):
        PARENT_MISSING("lab")
    with pytest.raises(TypeError, match="parent-missing"):
        PARENT_MISSING("lab", parent="eth0", other="eth1")


def test_equal_conditions_are_one_and_its_words_are_in_text() -> None:
    once = PARENT_MISSING("lab", parent="eth0")
    assert {once, PARENT_MISSING("lab", parent="eth0")} == {once}
    assert str(once) == "waits for its parent 'eth0', which does not exist yet"
    assert str(said("no").during("add route", "lab")) == "add route: no"


def test_what_an_action_met_is_a_failure_whatever_it_is_otherwise() -> None:
    met = told(PARENT_MISSING(parent="eth0").during("add shim", "lab"))
    assert (met.network, met.severity, met.state) == ("lab", "error", "failed")
    assert (met.field("action"), met.field("parent"), met.field("other")) == (("add shim",), ("eth0",), ())


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of kinds in *tree*, by the kind's name in its theme."""
    themes = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("macvland.condition.")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in themes:
            module, name = themes[node.func.id]
            yield f"{module}.{name}", node


KNOWN = {
    f"{theme.__name__}.{name}": kind for theme in THEMES for name, kind in vars(theme).items() if isinstance(kind, Kind)
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_condition_is_made_with_the_fields_of_its_sentence(file: Path) -> None:
    for name, call in calls(ast.parse(file.read_text(encoding="utf-8"))):
        if name in KNOWN:
            given = {keyword.arg for keyword in call.keywords}
            assert given == set(KNOWN[name].fields), f"{file}:{call.lineno}: {name}"


def test_every_kind_is_met_somewhere() -> None:
    used = {
        name
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("macvland.condition.")
        for name in (f"{node.module}.{alias.name}" for alias in node.names)
    }
    assert KNOWN.keys() - used == set()


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if "config" not in file.parts],  # that reads the text of files
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_nothing_reads_a_sentence(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    expressions = (node for node in ast.walk(tree) if isinstance(node, ast.expr))
    assert [f"{file}:{node.lineno}" for node in expressions if reads(node)] == []


def reads(node: ast.expr) -> bool:
    """Tell whether *node* compares the words of a condition, or looks for something in them."""
    match node:
        case ast.Compare(left=left, comparators=others):
            return any(is_sentence(one) for one in (left, *others))
        case ast.Call(func=ast.Attribute(value=value, attr=attr)):
            return attr in READS and is_sentence(value)
        case _:
            return False


def is_sentence(node: ast.AST) -> bool:
    """Tell whether *node* is the words of a condition, or has them: an attribute that is called so."""
    if isinstance(node, ast.Tuple):
        return any(map(is_sentence, node.elts))
    return isinstance(node, ast.Attribute) and node.attr in WORDS and not is_config(node.value)


def is_config(node: ast.AST) -> bool:
    """Tell whether *node* is a Config, whose `errors` are values."""
    return isinstance(node, ast.Attribute | ast.Name) and getattr(node, "attr", getattr(node, "id", "")) in {
        "declared",
        "config",
        "checked",
    }


# The document


def test_the_table_has_a_row_for_each_code() -> None:
    rows = re.findall(r"^\| \[(MV\d+)\]\(#mv\d+\) \| (.+) \| (.+) \| (.+) \|$", DOCUMENT, re.MULTILINE)
    assert rows == [(code, CODES[code], *severities_and_states(code)) for code in sorted(CODES)]


def severities_and_states(code: str) -> tuple[str, str]:
    kinds = [kind for kind in KINDS.values() if kind.code == code]
    states = sorted({kind.state for kind in kinds if kind.state is not None})
    shown = [*map(str, states), *(["-"] if any(kind.state is None for kind in kinds) else [])]
    return ", ".join(map(str, sorted({kind.severity for kind in kinds}))) or "-", ", ".join(shown) or "-"


@pytest.mark.parametrize("code", CODES)
def test_every_code_has_a_cause_a_cure_and_its_sentences(code: str) -> None:
    title = CODES[code]
    assert SECTIONS[code].startswith(f"**{title[0].upper()}{title[1:]}.** ")
    assert "\n**What to do.** " in SECTIONS[code]
    expected = [listed_in(kind) for kind in KINDS.values() if kind.code == code]
    assert re.findall(r"^- `.*$", SECTIONS[code], re.MULTILINE) == expected


def test_no_other_code_has_a_section_and_they_are_in_order() -> None:
    assert list(SECTIONS) == sorted(CODES)
