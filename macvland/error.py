"""Whose turn it is when something fails: the user's (ConfigError), or time's and another program's (ApplyError)."""

from dataclasses import dataclass
from pathlib import Path

from macvland.condition import Condition
from macvland.condition.daemon import OTHER
from macvland.condition.files import WRONG_FILE


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
        return str(self.condition)

    @property
    def condition(self) -> Condition:
        """The same as a condition of the network that the file declares."""
        network = self.file.stem if self.file.suffix == ".toml" else ""
        return WRONG_FILE(network, file=self.file, line=self.line, key=self.key, wrong=self.wrong, right=self.right)


class ApplyError(Exception):
    """The kernel or Docker refused. *passing* tells whether the same request may succeed later by itself."""

    def __init__(self, why: Condition | str, *, passing: bool = True) -> None:
        """Say *why*: what was refused, and what by."""
        super().__init__(str(why))
        self.condition = OTHER(words=why) if isinstance(why, str) else why
        self.passing = passing


class EngineAbsentError(ApplyError):
    """No Docker engine answers: not installed, not started, stopped, or out of its deadline."""


class InterruptedDumpError(ApplyError):
    """What was read does not fit together (ENOBUFS, NLM_F_DUMP_INTR, MSG_TRUNC): look at everything again."""
