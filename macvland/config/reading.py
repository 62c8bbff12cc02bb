"""From directories to a Config: which files count, which of the same name wins, what must not be touched.

What cannot be known is never taken for absent: a file that cannot be used freezes its network, a directory that
cannot be listed freezes every removal and whatever stands in the directories behind it.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

from macvland.config.declaration import Config, Declaration, Directory
from macvland.config.declare import FILES, NAME, parse
from macvland.config.host import means
from macvland.config.hosts import on
from macvland.config.overlap import rivalries
from macvland.config.problem import errors_of
from macvland.config.source import directory, given, refuse_unsafe, trusted
from macvland.config.text import decoded
from macvland.config.trial import DIRECTORY as TRIALS
from macvland.config.trial import clock, end_of
from macvland.config.value import RefusalError
from macvland.config.wording import shown_path
from macvland.error import ConfigError
from macvland.model import Machine

KEPT = Path("/etc/macvlan.d")
# Leftmost wins: what is on trial, the administrator's, those until reboot, the packages'.
DIRECTORIES = (TRIALS, KEPT, Path("/run/macvlan.d"), Path("/usr/lib/macvlan.d"))
SUFFIX = ".toml"

Texts = tuple[tuple[Path, bytes], ...]
Declarations = tuple[Declaration, ...]
Errors = tuple[ConfigError, ...]


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


def read(machine: Machine, directories: Sequence[Path] = DIRECTORIES) -> Config:
    """Return what the files in *directories* declare for *machine*; a name in one masks it in those that follow."""
    reading = _Reading()
    for path in directories:
        _read_directory(path, reading)
    return _config(reading, machine)


def tried(file: Path, text: bytes, machine: Machine, directories: Sequence[Path] = DIRECTORIES) -> Config:
    """Return what *directories* would declare for *machine* with *file*, which holds *text*, before all their files."""
    reading = _Reading(texts={file: text}, seen={file.name})
    for path in directories:
        _read_directory(path, reading)
    return _config(reading, machine)


def check(files: Sequence[Path], machine: Machine) -> Config:
    """Return what *files* declare for *machine*, by the same rules but whoever owns them."""
    return _config(_given(files), machine)


def given_texts(files: Sequence[Path]) -> tuple[Texts, Errors]:
    """Return what *files* hold, whoever owns them, and which of them cannot be used."""
    reading = _given(files)
    return tuple(reading.texts.items()), tuple(reading.errors)


def _given(files: Sequence[Path]) -> _Reading:
    reading = _Reading()
    for file in files:
        try:
            _refuse_uncounted(file, reading.seen)
            reading.texts[file] = given(file)
        except (OSError, RefusalError) as error:
            reading.fail(file, error)
    return reading


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
        if not counts(name) or name in reading.seen:
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


def counts(name: str) -> bool:
    """Say whether a file of this *name* is meant for us: not hidden, not left over by an editor or package manager."""
    stem = name.removesuffix(SUFFIX)
    return stem not in {"", name} and stem[0] not in ".#~" and stem[-1] not in "~#"


def _refuse_uncounted(file: Path, seen: set[str]) -> None:
    """Refuse a file that a directory would not count, or that has the name of another one."""
    if not counts(file.name):
        raise RefusalError("would be ignored for its name", f"name it after the network, ending in {SUFFIX}")
    if file.name in seen:
        raise RefusalError(f"another file called '{file.name}' is given", "check one directory at a time")
    seen.add(file.name)


def _config(reading: _Reading, machine: Machine) -> Config:
    declarations, elsewhere, errors, unusable = _judged(tuple(reading.texts.items()), machine)
    return Config(
        declarations=declarations,
        elsewhere=elsewhere,
        errors=tuple(sorted((*reading.errors, *errors), key=place)),
        frozen=frozenset(name for name in reading.unusable | unusable if NAME.fullmatch(name)),
        directories=tuple(reading.directories),
        unreadable=reading.unreadable,
        changes=reading.changes,
    )


@lru_cache(maxsize=1)  # with a thousand files unchanged since the last look, this is half of the work
def _judged(texts: Texts, machine: Machine) -> tuple[Declarations, Declarations, Errors, frozenset[str]]:
    """Return what *texts* declare for *machine*, what for others, what is wrong with them, and these networks."""
    good, errors = parsed(texts)
    unusable = {file.stem for file, _ in texts} - {declaration.name for declaration in good}
    here = {each.name: one for each in good if (one := on(each, partial(means, machine=machine)))}
    for declaration, together in rivals(here.values(), dict(texts)):
        errors += together
        unusable.add(declaration.name)
    return (
        tuple(each for name, each in here.items() if name not in unusable),
        tuple(each for each in good if each.name not in here),
        errors,
        frozenset(unusable),
    )


def parsed(texts: Texts) -> tuple[Declarations, Errors]:
    """Return what *texts* declare, by name, and what is wrong with each of them alone."""
    with FILES:
        found = [parse(text, file) for file, text in texts]
    good = sorted((declaration for declaration, _ in found if declaration), key=lambda each: each.name)
    return tuple(good), tuple(error for _, wrong in found for error in wrong)


def rivals(declarations: Iterable[Declaration], texts: Mapping[Path, bytes]) -> Iterator[tuple[Declaration, Errors]]:
    """Yield those of *declarations*, given by name as one host reads them, that want what an earlier one has."""
    for declaration, problems in rivalries(declarations):
        if problems:
            yield declaration, errors_of(declaration.file, decoded(texts[declaration.file]), problems)


def place(error: ConfigError) -> tuple[str, int, str]:
    """Return by what errors are told in order."""
    return str(error.file), error.line, error.key


def _error(file: Path, error: OSError | RefusalError) -> ConfigError:
    if isinstance(error, RefusalError):
        return ConfigError(file=shown_path(file), wrong=error.wrong, right=error.right)
    # macvland.service has a user of its own, and no right to read what is root's alone.
    right = "let everybody read it: chmod a+rX" if isinstance(error, PermissionError) else ""
    return ConfigError(file=shown_path(file), wrong=f"cannot be read: {error.strerror}", right=right)
