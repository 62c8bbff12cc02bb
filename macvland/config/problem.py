"""What is wrong at one place of a file, before and after the file's lines are known."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from macvland.config.locator import line_of, locate
from macvland.config.wording import KeyPath, key_of, shown_path
from macvland.error import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a key, and what would be right; () is the file itself."""

    path: KeyPath
    wrong: str
    right: str = ""


def errors_of(file: Path, text: str, problems: Iterable[Problem]) -> tuple[ConfigError, ...]:
    """Return *problems* of *file*, which holds *text*, as errors with their lines, in the lines' order."""
    lines = locate(text)
    errors = [
        ConfigError(
            file=shown_path(file),
            line=line_of(lines, problem.path),
            key=key_of(problem.path),
            wrong=problem.wrong,
            right=problem.right,
        )
        for problem in problems
    ]
    return tuple(sorted(errors, key=lambda error: (error.line, error.key)))
