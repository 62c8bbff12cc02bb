"""The files of a whole fleet, which all of its hosts share: what they mean on each host that there can be.

Which hosts these are is known from the files alone: by the names in [match] and [host.NAME], and one more of each kind
that their patterns tell apart.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from macvland.config.clash import Claim, Clash, claims, clashes
from macvland.config.declaration import Declaration
from macvland.config.host import NOT
from macvland.config.hosts import on
from macvland.config.population import Hosts, TooManyError, population
from macvland.config.problem import errors_of
from macvland.config.reading import counts, given_texts, parsed, place, rivals
from macvland.config.text import decoded
from macvland.error import ConfigError


@dataclass(frozen=True, slots=True)
class Finding:
    """An address that two hosts of the fleet have."""

    error: ConfigError
    hosts: tuple[str, ...]
    address: str


@dataclass(frozen=True, slots=True)
class Fleet:
    """What was found out about a fleet."""

    hosts: tuple[str, ...]  # those that its files name
    networks: tuple[str, ...]
    errors: tuple[ConfigError, ...]  # where there are any, the findings are of what is left
    findings: tuple[Finding, ...]


def fleet(directory: Path) -> Fleet:
    """Return what the files in *directory* mean for all hosts that read them. OSError."""
    texts, wrong = given_texts(sorted(path for path in directory.iterdir() if counts(path.name)))
    good, errors = parsed(texts)
    if not (texts or wrong):
        right = "name the one that holds the files of the fleet, each *.toml, itself"
        errors = (ConfigError(file=directory, wrong="no file of a network is in this directory", right=right),)
    try:
        hosts = population(pattern for declaration in good for pattern in _patterns(declaration))
    except TooManyError:
        text = "the patterns of hosts in these files cross each other in too many ways"
        errors = (*errors, ConfigError(file=directory, wrong=text, right="write names in the place of some"))
        good, hosts = (), ()
    sources = dict(texts)
    together, found = _read_by_all(good, hosts, sources)
    findings = (_finding(clash, sources) for clash in clashes(found))
    return Fleet(
        hosts=tuple(those.title for those in hosts if those.title),
        networks=tuple(declaration.name for declaration in good),
        errors=tuple(sorted((*wrong, *errors, *together), key=place)),
        findings=tuple(sorted(findings, key=lambda it: place(it.error))),
    )


def _patterns(declaration: Declaration) -> Iterator[str]:
    yield from (pattern.removeprefix(NOT) for pattern in declaration.match)
    yield from (host.pattern for host in declaration.hosts)


def _read_by_all(
    good: Sequence[Declaration], hosts: Sequence[Hosts], sources: Mapping[Path, bytes]
) -> tuple[list[ConfigError], list[Claim]]:
    """Return what is wrong with the files together on some host, and what each of *hosts* claims by the others."""
    together: dict[ConfigError, Hosts] = {}
    found: list[Claim] = []
    for those in hosts:
        here = [one for each in good if (one := on(each, those.patterns.__contains__))]
        losers = dict(rivals(here, sources))
        together = dict.fromkeys(chain(*losers.values()), those) | together
        found += claims((one for one in here if one not in losers), those)
    where = {error: f" (on {those})" if len(hosts) > 1 else "" for error, those in together.items()}
    return [replace(error, wrong=f"{error.wrong}{where[error]}") for error in together], found


def _finding(clash: Clash, sources: Mapping[Path, bytes]) -> Finding:
    (error,) = errors_of(clash.file, decoded(sources[clash.file]), [clash.problem])
    return Finding(error=error, hosts=clash.hosts, address=str(clash.address))
