"""What a finder says, and every code it can say it with. Each code has a paragraph in docs/doctor.md."""

from dataclasses import dataclass
from shlex import quote

# In order of likelihood: how often it is this that somebody suffers from, once it is found. What keeps a network from
# being there at all comes before what cuts it off, and that before what disturbs it.
CODES = {
    "MV101": "a file is wrong",
    "MV102": "the daemon does not run",
    "MV201": "Docker does not answer",
    "MV301": "the parent is missing",
    "MV302": "the parent is down",
    "MV303": "the parent has no carrier",
    "MV304": "the parent cannot carry macvlan links",
    "MV305": "the parent is a Wi-Fi station",
    "MV202": "Docker has lost the network",
    "MV203": "Docker would refuse the network",
    "MV105": "something is in the way",
    "MV104": "the daemon failed",
    "MV103": "the status is stale",
    "MV401": "a cloud drops unknown MACs",
    "MV501": "two MACs for one address",
    "MV701": "a hand-made shim beside macvland's",
    "MV702": "the mode keeps host and containers apart",
    "MV402": "a hypervisor drops unknown MACs",
    "MV504": "the LAN does not agree",
    "MV502": "the gateway is silent",
    "MV503": "Docker may hand out addresses that are taken",
    "MV601": "the host's firewall drops what comes over a shim",
    "MV602": "rp_filter is strict where routes differ",
    "MV603": "arp_ignore keeps a link from answering",
    "MV604": "arp_announce has a link speak for another",
    "MV705": "a second default route",
    "MV706": "another program claims the shim",
    "MV703": "the MTU of a shim differs from its parent's",
    "MV704": "the MTU of a container differs from its parent's",
    "MV204": "published ports that do nothing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One possible cause: what one suffers from, why it is thought to be so, and what to do."""

    code: str
    network: str  # "" where it is the host's
    symptom: str
    evidence: tuple[str, ...]
    remedy: tuple[str, ...]  # commands or lines of a file, each to be copied as it is


def ordered(findings: list[Finding]) -> list[Finding]:
    """Return *findings* once each, the likeliest first."""
    rank = {code: position for position, code in enumerate(CODES)}
    return sorted(dict.fromkeys(findings), key=lambda it: (rank[it.code], it.network, it.evidence))


def setting(version: int, link: str, name: str, value: int) -> str:
    """Return the command that sets a link's setting of IP *version*; sysctl(8) takes a dot within a name as a slash."""
    path = f"net.ipv{version}.conf.{link.replace('.', '/')}.{name}={value}"
    return f"sysctl -w {quote(path)}"
