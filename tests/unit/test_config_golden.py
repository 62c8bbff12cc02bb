"""Each folder of tests/golden/config: the files go in, errors.txt is all that `macvlanctl check` would say.

Rows E62, E63, E69, E74 (B35) and E79 of the faults stand there as cases: syntax, encoding, overlaps.
"""

from pathlib import Path

import pytest

from macvland.config import check
from tests.unit.samples import HERE

pytestmark = pytest.mark.libraries

CASES = sorted((Path(__file__).parents[1] / "golden" / "config").iterdir())


def errors_of(case: Path) -> str:
    config = check(sorted(Path(file.name) for file in case.glob("*.toml")), HERE)
    return "".join(f"{error}\n" for error in config.errors)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_has_exactly_these_errors(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    assert errors_of(case) == (case / "errors.txt").read_text()


if __name__ == "__main__":  # tests/golden/README.md
    import os

    for folder in CASES:
        os.chdir(folder)
        Path("errors.txt").write_text(errors_of(folder))
