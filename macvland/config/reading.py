"""From directories to a Config: which files count, which of the same name wins, what must not be touched.

What cannot be known is never taken for absent: a file that cannot be used freezes its network, a directory that
cannot be listed freezes every removal and whatever stands in the directories behind it.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from macvland.config.declaration import Config, Declaration, Directory
from macvland.config.declare import NAME, parse
from macvland.config.overlap import rivalries
from macvland.config.problem import errors_of
from macvland.config.source import directory, given, refuse_unsafe, trusted
from macvland.config.text import decoded
from macvland.config.trial import DIRECTORY as TRIALS
from macvland.config.trial import clock, end_of
from macvland.config.value import RefusalError
from macvland.config.wording import shown_path
from macvland.error import ConfigError

KEPT = Path("/etc/macvlan.d")
# Leftmost wins: what is on trial, the administrator's, those until reboot, the packages'.
DIRECTORIES = (TRIALS, KEPT, Path("/run/macvlan.d"), Path("/usr/lib/macvlan.d"))
SUFFIX = ".toml"

Texts = tuple[tuple[Path, bytes], ...]


@dataclass(slots=True)
class _Reading:
    """What has been read so far."""

    texts: dict[Path, bytes] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)  # file names, which mask those of the directories that follow
    errors: list[ConfigError] = field(default_factory=list)
    unusable: set[str] = field(default_factory=set)  # names of networks
    directories: list[Directory] = field(default_factory=list)
    unreadable: bool = False
    changes: float | None = None  # when the first trial is over, on the clock of trials

    def fail(self, file: Path, error: OSError | RefusalError) -> None:
        """Note why *file* cannot be used."""
        self.errors.append(_error(file, error))
        self.unusable.add(file.stem)


def read(directories: Sequence[Path] = DIRECTORIES) -> Config:
    """Return what the files in *directories* declare; a name in one masks it in those that follow."""
    reading = _Reading()
    for path in directories:
        _read_directory(path, reading)
    return _config(reading)


def tried(file: Path, text: bytes, directories: Sequence[Path] = DIRECTORIES) -> Config:
    """Return what the files in *directories* would declare with *file*, which holds *text*, before all of them."""
    reading = _Reading(texts={file: text}, seen={file.name})
    for path in directories:
        _read_directory(path, reading)
    return _config(reading)


def check(files: Sequence[Path]) -> Config:
    """Return what *files* declare, by the same rules but whoever owns them."""
    reading = _Reading()
    for file in files:
        try:
            _refuse_uncounted(file, reading.seen)
            reading.texts[file] = given(file)
        except (OSError, RefusalError) as error:
            reading.fail(file, error)
    return _config(reading)


def _read_directory(path: Path, reading: _Reading) -> None:
    identity = None
    try:
        with directory(path) as descriptor:
            status = os.fstat(descriptor)
            identity = (status.st_dev, status.st_ino)
            refuse_unsafe(status, "the directory")
            _read_files(descriptor, path, reading)
    except FileNotFoundError:
        pass  # the daemon knows whether it was there before
    except (OSError, RefusalError) as error:
        reading.errors.append(_error(path, error))
        reading.unreadable = True
    reading.directories.append(Directory(path=path, identity=identity))


def _read_files(descriptor: int, path: Path, reading: _Reading) -> None:
    for name in sorted(os.listdir(descriptor)):
        if not _counts(name) or name in reading.seen:
            continue
        reading.seen.add(name)
        file = path / name
        if reading.unreadable:  # what it holds may be masked by what could not be read
            reading.unusable.add(file.stem)
            continue
        try:
            text = trusted(descriptor, file)
        except FileNotFoundError:
            reading.seen.remove(name)
        except (OSError, RefusalError) as error:
            reading.fail(file, error)
        else:
            if path == TRIALS and not _on_trial(text, reading):
                reading.seen.remove(name)
            elif text is not None:
                reading.texts[file] = text


def _on_trial(text: bytes | None, reading: _Reading) -> bool:
    """Tell whether the trial *text* is not over yet, and note when it will be."""
    end = end_of(text)
    if end <= clock():
        return False
    reading.changes = end if reading.changes is None else min(end, reading.changes)
    return True


def _counts(name: str) -> bool:
    """Say whether a file of this *name* is meant for us: not hidden, not left over by an editor or package manager."""
    stem = name.removesuffix(SUFFIX)
    return stem not in {"", name} and stem[0] not in ".#~" and stem[-1] not in "~#"


def _refuse_uncounted(file: Path, seen: set[str]) -> None:
    """Refuse a file that a directory would not count, or that has the name of another one."""
    if not _counts(file.name):
        raise RefusalError("would be ignored for its name", f"name it after the network, ending in {SUFFIX}")
    if file.name in seen:
        raise RefusalError(f"another file called '{file.name}' is given", "check one directory at a time")
    seen.add(file.name)


def _config(reading: _Reading) -> Config:
    declarations, errors, unusable = _judged(tuple(reading.texts.items()))
    return Config(
        declarations=declarations,
        errors=tuple(sorted((*reading.errors, *errors), key=lambda error: (str(error.file), error.line, error.key))),
        frozen=frozenset(name for name in reading.unusable | unusable if NAME.fullmatch(name)),
        directories=tuple(reading.directories),
        unreadable=reading.unreadable,
        changes=reading.changes,
    )


@lru_cache(maxsize=1)  # with a thousand files unchanged since the last look, this is half of the work
def _judged(texts: Texts) -> tuple[tuple[Declaration, ...], tuple[ConfigError, ...], frozenset[str]]:
    """Return what *texts* declare, what is wrong with them alone or together, and the networks of the wrong ones."""
    parsed = {file: parse(text, file) for file, text in texts}
    errors = [error for _, wrong in parsed.values() for error in wrong]
    unusable = {file.stem for file, (declaration, _) in parsed.items() if declaration is None}
    good = sorted((declaration for declaration, _ in parsed.values() if declaration), key=lambda each: each.name)
    sources = dict(texts)
    for declaration, problems in rivalries(good):
        if problems:
            errors += errors_of(declaration.file, decoded(sources[declaration.file]), problems)
            unusable.add(declaration.name)
    return tuple(each for each in good if each.name not in unusable), tuple(errors), frozenset(unusable)


def _error(file: Path, error: OSError | RefusalError) -> ConfigError:
    if isinstance(error, RefusalError):
        return ConfigError(file=shown_path(file), wrong=error.wrong, right=error.right)
    # macvland.service has a user of its own, and no right to read what is root's alone.
    right = "let everybody read it: chmod a+rX" if isinstance(error, PermissionError) else ""
    return ConfigError(file=shown_path(file), wrong=f"cannot be read: {error.strerror}", right=right)
