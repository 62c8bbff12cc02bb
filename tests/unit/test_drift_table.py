"""docs/drift.md against the data of the tests that show it."""

from tests.faults.drifts import DRIFTS, HEAD, PAGE, table


def test_the_table_of_drift_is_that_of_the_tests() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert HEAD + written.partition(HEAD)[2].partition("\n\n")[0] + "\n" == table(), "python -m tests.faults.drifts"


def test_every_drift_has_a_name_of_its_own() -> None:
    assert len({(drift.row, drift.what) for drift in DRIFTS}) == len(DRIFTS)
