"""Who imports whom: the table in docs/architecture.md, section Modules, held against every import there is."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "macvland"
NONE = "\N{EN DASH}"


@dataclass(frozen=True)
class Row:
    """What one module or package may import."""

    always: frozenset[str]
    late: frozenset[str]  # within functions


def rows() -> dict[str, Row]:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    section = text.partition("\n## Modules\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("| ").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {name.strip("`"): Row(names(always), names(late)) for name, _, always, late in cells[2:]}


def names(cell: str) -> frozenset[str]:
    return frozenset(name.strip() for name in cell.split(",")) - {NONE, ""}


def modules() -> dict[str, list[Path]]:
    """Return the files of each module or package, those of `macvland` itself under its own name."""
    found = {path.stem: [path] for path in PACKAGE.glob("*.py") if not path.stem.startswith("__")}
    found |= {path.parent.name: sorted(path.parent.rglob("*.py")) for path in PACKAGE.glob("*/__init__.py")}
    return found | {"__main__": [PACKAGE / "__main__.py"]}


TABLE = rows()
MODULES = modules()


@cache
def imports(file: Path) -> frozenset[tuple[str, bool]]:
    """Return what *file* imports, and whether within a function."""
    return frozenset(_imports(file, ast.parse(file.read_text(encoding="utf-8"))))


def _imports(file: Path, tree: ast.Module) -> Iterator[tuple[str, bool]]:
    late = {
        inner
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name, node in late) for alias in node.names for name in shortened(alias.name, ()))
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: write whole names"
            found = shortened(node.module or "", [alias.name for alias in node.names])
            yield from ((name, node in late) for name in found)


def shortened(module: str, attributes: list[str] | tuple[str, ...]) -> list[str]:
    """Return modules of macvland by their short names; of what others make, the top package as it is called there."""
    first, *rest = module.split(".")
    if first != "macvland":
        return [first]
    return rest[:1] or [name for name in attributes if name in MODULES]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_what_its_row_allows(module: str) -> None:
    row = TABLE[module]
    own = {module} | set(sys.stdlib_module_names)
    always = {name for file in MODULES[module] for name, late in imports(file) if not late} - own
    late = {name for file in MODULES[module] for name, late in imports(file) if late}
    assert (sorted(always - row.always), sorted(late - row.late - {module})) == ([], [])


def test_the_table_has_a_row_for_each_module_and_no_other() -> None:
    assert sorted(TABLE) == sorted(MODULES)


def test_the_table_allows_nothing_that_is_not_used() -> None:
    unused = {
        (module, name)
        for module, row in TABLE.items()
        for name in row.always | row.late
        if name not in {found for file in MODULES[module] for found, _ in imports(file)}
    }
    assert unused == set()


def test_no_import_goes_round_in_a_circle() -> None:
    done: set[str] = set()
    while len(done) < len(TABLE):
        ready = {module for module, row in TABLE.items() if module not in done and row.always & TABLE.keys() <= done}
        assert ready, sorted(TABLE.keys() - done)
        done |= ready
