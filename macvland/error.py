"""Whose turn it is when something fails: the user's (ConfigError), or time's and another program's (ApplyError)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigError(Exception):
    """A declaration that cannot be used. *right* says what would be right; *line* counts from 1, 0 means the file.

    *column* and *length* are characters of *source*, that line as the file has it; 0 where nothing can be pointed at.
    """

    file: Path
    wrong: str
    right: str = ""
    line: int = 0
    key: str = ""
    column: int = 0
    length: int = 0
    source: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        what = f"{self.key}: {self.wrong}" if self.key else self.wrong
        return f"{where}: {what}; {self.right}" if self.right else f"{where}: {what}"


class ApplyError(Exception):
    """The kernel or Docker refused. *passing* tells whether the same request may succeed later by itself."""

    def __init__(self, text: str, *, passing: bool = True) -> None:
        """Say in *text* what was refused, and why."""
        super().__init__(text)
        self.passing = passing


class EngineAbsentError(ApplyError):
    """No Docker engine answers: not installed, not started, stopped, or out of its deadline."""


class InterruptedDumpError(ApplyError):
    """What was read does not fit together (ENOBUFS, NLM_F_DUMP_INTR, MSG_TRUNC): look at everything again."""
