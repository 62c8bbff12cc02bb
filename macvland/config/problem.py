"""What is wrong at one place of a file, before and after the file's lines are known."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from macvland.config.locator import Places, locate, places_of
from macvland.config.wording import KeyPath, key_of, shown_path
from macvland.error import ConfigError


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a key, and what would be right; () is the file itself."""

    path: KeyPath
    wrong: str
    right: str = ""
    of_key: bool = False  # the key itself should not be there, whatever its value


def errors_of(file: Path, text: str, problems: Iterable[Problem]) -> tuple[ConfigError, ...]:
    """Return *problems* of *file*, which holds *text*, as errors with their lines, in the lines' order."""
    found = locate(text)
    lines = text.split("\n")
    errors = (_error(file, lines, found, problem) for problem in problems)
    return tuple(sorted(errors, key=lambda error: (error.line, error.key)))


def _error(file: Path, lines: Sequence[str], found: Mapping[KeyPath, Places], problem: Problem) -> ConfigError:
    places = places_of(found, problem.path)
    place = places.key if problem.of_key else places.value
    return ConfigError(
        file=shown_path(file),
        line=place.line,
        key=key_of(problem.path),
        wrong=problem.wrong,
        right=problem.right,
        column=place.column,
        length=place.length,
        source=lines[place.line - 1] if place.line else "",
    )
