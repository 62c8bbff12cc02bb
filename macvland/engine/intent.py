"""What was begun and must be finished: a file for each replacement under way, on disk before its first step.

Refuses to be half written: a file is there whole, or it is not there.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from macvland.condition.docker import INTENT_STUCK, INTENT_UNREADABLE, INTENT_UNWRITABLE, INTENT_WRONG
from macvland.error import ApplyError

DIRECTORY = Path("/var/lib/macvland/replace")
VERSION = 1  # of the file's form
SUFFIX = ".json"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A container, and what it was configured with on the network: an EndpointConfig, nothing operational in it."""

    container: str  # its id
    name: str
    settings: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A replacement under way. *old* and *new* are bodies of POST /networks/create."""

    network: str
    old_id: str
    old: Json
    new: Json
    endpoints: tuple[Endpoint, ...]
    start: tuple[str, ...] = ()  # containers that could not start for want of the network
    undo: bool = False  # Docker would not have the new one: back to the old


class Intents:
    """The files in *directory*."""

    def __init__(self, directory: Path = DIRECTORY) -> None:
        """Look at nothing yet."""
        self._directory = directory

    def begun(self) -> frozenset[str]:
        """Return the networks whose replacement was begun and not ended."""
        try:
            return frozenset(file.stem for file in self._directory.iterdir() if file.suffix == SUFFIX)
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            raise ApplyError(INTENT_UNREADABLE(path=self._directory, error=error.strerror)) from error

    def load(self, network: str) -> Intent:
        """Return what was begun with *network*; ApplyError where that cannot be read, which sets the file aside."""
        file = self._file(network)
        try:
            return _intent(json.loads(file.read_bytes()))
        except OSError as error:
            raise ApplyError(INTENT_UNREADABLE(path=file, error=error.strerror)) from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            aside = file.with_suffix(".unreadable")
            file.replace(aside)
            raise ApplyError(INTENT_WRONG(path=file, error=error, aside=aside.name, name=network)) from error

    def save(self, intent: Intent) -> None:
        """Put *intent* on disk; when this returns, a power cut cannot take it away. ApplyError where that fails."""
        file = self._file(intent.network)
        new = file.with_suffix(".new")
        try:
            self._directory.mkdir(mode=0o755, parents=True, exist_ok=True)
            # For root alone: labels and driver options may be nobody else's business.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            with os.fdopen(os.open(new, flags, 0o600), "w", encoding="utf-8") as stream:
                json.dump({"version": VERSION, **asdict(intent)}, stream)
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(file)
            self._sync()
        except OSError as error:
            raise ApplyError(INTENT_UNWRITABLE(path=file, error=error.strerror)) from error

    def drop(self, network: str) -> None:
        """Forget what was begun with *network*: it has ended."""
        try:
            self._file(network).unlink(missing_ok=True)
            self._sync()
        except OSError as error:
            raise ApplyError(INTENT_STUCK(path=self._file(network), error=error.strerror)) from error

    def _file(self, network: str) -> Path:
        return self._directory / f"{network}{SUFFIX}"

    def _sync(self) -> None:
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _intent(data: dict[str, Any]) -> Intent:
    if data.pop("version") != VERSION:
        raise ValueError("written by another version of macvland")
    endpoints = tuple(Endpoint(**one) for one in data["endpoints"])
    return Intent(**data | {"endpoints": endpoints, "start": tuple(data["start"])})
