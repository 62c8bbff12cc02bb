"""Every row of docs/faults.md that is about the daemon itself, against the real daemon, kernel, Docker and journald."""

import pytest

pytest.register_assert_rewrite("tests.faults.invariants")
