"""A condition: that something holds a network up, failed, or is worth a warning, as a value with a stable code.

Refuses to decide: who meets a condition makes it, by calling its kind; who tells of it asks it for its sentence.
"""

from collections.abc import Callable, KeysView
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cache
from string import Formatter

Field = str | tuple[str, ...]


class Severity(IntEnum):
    """How bad a condition is, worst first."""

    ERROR = 0  # a network is not as asked, and does not become so by itself
    WARNING = 1
    INFO = 2  # it passes by itself, or somebody asked for it

    def __str__(self) -> str:
        return self.name.lower()


class State(IntEnum):
    """How a network is, worst first: the first that applies counts."""

    FAILED = 0
    CONFLICT = 1
    WAITING = 2
    CHECKING = 3  # will be ready in a moment, unless the LAN objects
    LEAVING = 4
    FOREIGN = 5  # met by a network that macvland did not make and will not touch
    READY = 6

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """One kind of condition: its code, how bad it is, the state it gives a network, and its sentence.

    The sentence is a template, or a function of the fields where it depends on how many there are.
    """

    name: str  # of the kind: lower-case words, and unique; a code may have several kinds
    code: str
    severity: Severity
    state: State | None  # None: a network that has it is in no other state by it
    sentence: str | Callable[..., str]

    def __call__(self, network: str = "", /, **fields: object) -> "Condition":
        """Return the condition of this kind that *network* has, "" for the host; TypeError for wrong *fields*."""
        if fields.keys() != _names(self.sentence):
            raise TypeError(f"{self.name} has the fields {self.fields}, not {tuple(fields)}")
        values = tuple((name, _field(fields[name])) for name in sorted(fields))
        return Condition(kind=self, network=network, fields=values)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields that its sentence needs."""
        return tuple(_names(self.sentence))


@cache  # of as many as there are sentences
def _names(sentence: str | Callable[..., str]) -> KeysView[str]:
    """Return the names of the fields of *sentence*, in its order."""
    if isinstance(sentence, str):
        return dict.fromkeys(name for _, name, _, _ in Formatter().parse(sentence) if name).keys()
    code = sentence.__code__
    return dict.fromkeys(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]).keys()


def _field(value: object) -> Field:
    if isinstance(value, str):
        return value
    return tuple(map(str, value)) if isinstance(value, tuple | list | frozenset) else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """That a network, or the host, is in a condition of some kind. Equal ones are the same condition."""

    kind: Kind
    network: str  # "" where it is the host's
    fields: tuple[tuple[str, Field], ...] = ()  # by name
    action: str = ""  # what was being done when it was met

    def __str__(self) -> str:
        return self.text

    @property
    def code(self) -> str:
        """The stable code of its kind."""
        return self.kind.code

    @property
    def state(self) -> State | None:
        """The state that it gives its network; None where it gives none. What an action met is a failure."""
        return State.FAILED if self.action else self.kind.state

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return Severity.ERROR if self.action else self.kind.severity

    @property
    def sentence(self) -> str:
        """What it says, without the action."""
        fields = dict(self.fields)
        if isinstance(self.kind.sentence, str):
            return self.kind.sentence.format_map(fields)
        return self.kind.sentence(**fields)

    @property
    def text(self) -> str:
        """What it says, in words for the administrator."""
        return f"{self.action}: {self.sentence}" if self.action else self.sentence

    def of(self, network: str) -> "Condition":
        """Return the same of *network*."""
        return replace(self, network=network)

    def during(self, action: object, network: str) -> "Condition":
        """Return the same of *network*, as it was met by *action*."""
        return replace(self, network=network, action=str(action))
