"""What a finder says, by a code of `condition.CODES`. Each code has a paragraph in docs/conditions.md."""

from dataclasses import dataclass
from shlex import quote

from macvland.condition import CODES
from macvland.status import ConditionStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One possible cause: what one suffers from, why it is thought to be so, and what to do."""

    code: str
    network: str  # "" where it is the host's
    symptom: str
    evidence: tuple[str, ...] = ()
    remedy: tuple[str, ...]  # commands or lines of a file, each to be copied as it is
    conditions: tuple[ConditionStatus, ...] = ()  # that the daemon has as well: their words are evidence, too

    @property
    def seen(self) -> tuple[str, ...]:
        """All the evidence in words, that of the conditions first."""
        return (*(one.text for one in self.conditions), *self.evidence)


def ordered(findings: list[Finding]) -> list[Finding]:
    """Return *findings* once each, the likeliest first."""
    rank = {code: position for position, code in enumerate(CODES)}
    return sorted(dict.fromkeys(findings), key=lambda it: (rank[it.code], it.network, it.seen))


def setting(version: int, link: str, name: str, value: int) -> str:
    """Return the command that sets a link's setting of IP *version*; sysctl(8) takes a dot within a name as a slash."""
    path = f"net.ipv{version}.conf.{link.replace('.', '/')}.{name}={value}"
    return f"sysctl -w {quote(path)}"
