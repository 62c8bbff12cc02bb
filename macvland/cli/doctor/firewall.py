"""Findings about the host's own firewall at the shims. Pure.

A rule that asks for more than the interface may or may not let a packet pass; so what is found is that a link's packets
are dropped unless such a rule lets them.
"""

from collections.abc import Iterator, Sequence

from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.snapshot import Snapshot
from macvland.kernel.firewall import Chain, Rule

FAMILY = {4: "ip", 6: "ip6"}
DEEPEST = 16  # NFT_JUMP_STACK_SIZE


def dropping(shot: Snapshot) -> Iterator[Finding]:
    """Find shims whose packets a base chain drops, but for what its rules let through by other signs."""
    for shim in sorted(shot.seen.shims, key=lambda it: it.name):
        versions = {
            subnet.cidr.version for one in shot.seen.networks if one.name == shim.network for subnet in one.subnets
        }
        families = {"inet"} | {FAMILY[version] for version in versions}
        for chain in shot.firewall:
            hooked = chain.hook in {"input", "output"} and chain.family in families
            if hooked and outcome(chain, shot.firewall, shim.name) == "drop":
                yield Finding(
                    code="MV601",
                    network=shim.network,
                    symptom="containers do not reach services of the host, or only some"
                    if chain.hook == "input"
                    else "the host does not reach its containers",
                    evidence=(_evidence(chain, shim.name),),
                    remedy=(_remedy(chain, shot.firewall, shim.name),),
                )


def _evidence(chain: Chain, link: str) -> str:
    where = f"nftables chain '{chain.name}' of table '{chain.family} {chain.table}' ({chain.hook})"
    return f"{where} drops what no rule of it lets through, and no rule lets '{link}' through as such"


def _remedy(chain: Chain, chains: Sequence[Chain], link: str) -> str:
    """Return the command of the program whose firewall it is."""
    if chain.table == "firewalld":
        return f"firewall-cmd --permanent --zone=trusted --add-interface={link} && firewall-cmd --reload"
    direction, flag = ("in", "iifname") if chain.hook == "input" else ("out", "oifname")
    if any(one.table == chain.table and one.name.startswith("ufw") for one in chains):
        return f"ufw allow {direction} on {link}"
    if chain.family in {"ip", "ip6"} and chain.table == "filter" and chain.name.isupper():
        tool, option = ("iptables" if chain.family == "ip" else "ip6tables"), "-i" if direction == "in" else "-o"
        return f"{tool} -I {chain.name} {option} {link} -j ACCEPT"
    return f"nft insert rule {chain.family} {chain.table} {chain.name} {flag} {link} accept"


def outcome(chain: Chain, chains: Sequence[Chain], link: str) -> str:
    """Return what becomes of a packet of *link* in a base *chain* that no conditional rule decides upon."""
    return _walk(chain, chains, (chain.hook, link), 0) or chain.policy


def _walk(chain: Chain, chains: Sequence[Chain], link: tuple[str, str], depth: int) -> str:
    """Return accept or drop; "" where the packet comes out at the end of *chain*."""
    for rule in chain.rules if depth < DEEPEST else ():
        if rule.conditional or not _meant(rule, link):
            continue
        if rule.verdict in {"accept", "drop"}:
            return rule.verdict
        if rule.verdict == "return":
            return ""
        if rule.verdict in {"jump", "goto"}:
            decided = _walk(_target(rule, chain, chains), chains, link, depth + 1)
            if decided or rule.verdict == "goto":
                return decided
    return ""


def _meant(rule: Rule, link: tuple[str, str]) -> bool:
    """Tell whether *rule* is for packets of *link*, a direction and a name: in the other direction there is no link."""
    hook, own = link
    return all((direction == hook and _equal(name, own)) is equal for direction, name, equal in rule.interfaces)


def _equal(name: str, link: str) -> bool:
    return link.startswith(name[:-1]) if name.endswith("*") else name == link


def _target(rule: Rule, chain: Chain, chains: Sequence[Chain]) -> Chain:
    found = (it for it in chains if (it.family, it.table, it.name) == (chain.family, chain.table, rule.target))
    return next(found, Chain(family=chain.family, table=chain.table, name=rule.target))


FINDERS = (dropping,)
