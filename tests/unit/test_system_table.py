"""docs/system.md against tests/system: every scenario is a row, and every row a scenario."""

import ast
import re
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_every_scenario_is_listed_by_its_name() -> None:
    listed = re.findall(r"^\| ([^|]+?) \| ✓", (PROJECT / "docs/system.md").read_text(), re.MULTILINE)
    scenarios = [
        node.name.removeprefix("test_").replace("_", " ")
        for path in (PROJECT / "tests/system").glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert sorted(listed) == sorted(scenarios)
