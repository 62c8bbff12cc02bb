"""Docker's JSON to the model and back. Pure; what is odd in a foreign network is left out, never an error."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from macvland.condition.docker import NO_DOCKER, NO_GATEWAYLESS, NO_IPV6_ALONE, PODMAN, TOO_OLD
from macvland.engine.endpoint import GOING
from macvland.error import ApplyError, EngineAbsentError
from macvland.memo import Memo
from macvland.model import Address, Attachment, Engine, Mode, Network, Prefix, Subnet

MANAGED = "io.macvland.managed"
SPEC = "io.macvland.spec"
OURS = "io.macvland."
RESERVED = "macvland.reserved."  # keys of auxiliary addresses: Docker wants a name for each
SPARED = "macvland.spared."

OLDEST_API = (1, 40)  # Docker 19.03
IPV6_ALONE_API = (1, 48)  # Docker 28.0: EnableIPv4
NO_GATEWAY_API = (1, 52)  # Docker 29.0: before, IPAM takes the first free address for a gateway (moby#50898)

MODES = frozenset(Mode)

TEXTS = Memo()  # the addresses and prefixes of the last look

Json = Mapping[str, Any]


def engine_of(headers: Mapping[str, str]) -> Engine:
    """Return the engine that signs with *headers*; EngineAbsentError, by name, for one that is not served."""
    maker, _, version = headers.get("server", "").split(" ")[0].partition("/")
    if maker == "Libpod":
        raise EngineAbsentError(PODMAN(version=version))
    major, _, minor = headers.get("api-version", "").partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise EngineAbsentError(NO_DOCKER())
    if (api := (int(major), int(minor))) < OLDEST_API:
        raise EngineAbsentError(TOO_OLD(version=version, api=f"{major}.{minor}"))
    return Engine(version=version or "unknown", api=api)


def networks_of(reports: Any) -> frozenset[Network]:
    """Return the macvlan networks of GET /networks; config-only ones carry nothing and are left out."""
    return frozenset(network_of(report) for report in _rows(reports) if not report.get("ConfigOnly"))


def network_of(report: Json) -> Network:
    """Return one network as Docker reports it; *spec* and a meaning for labels only where it is ours."""
    options, labels = _texts(report.get("Options")), _texts(report.get("Labels"))
    pools = [(pool, _auxiliary(pool)) for pool in _rows(_mapping(report.get("IPAM")).get("Config"))]
    parent, mode = options.get("parent", ""), options.get("macvlan_mode", "")
    alone = not parent or parent.startswith("dm-")  # Docker's own dummy link
    return Network(
        name=_text(report.get("Name")),
        parent=None if alone else parent,
        mode=Mode(mode) if mode in MODES else Mode.BRIDGE,
        # Docker's driver lets none without a parent out, whatever Docker lists (moby, macvlan_network.go).
        internal=bool(report.get("Internal")) or alone,
        subnets=frozenset(subnet for pool, named in pools if (subnet := _subnet(pool, named))),
        spared=frozenset(at for _, named in pools for key, at in named if key.startswith(SPARED)),
        labels=frozenset((key, value) for key, value in labels.items() if not key.startswith(OURS)),
        spec=labels.get(SPEC, "") if is_ours(report) else "",
        id=_text(report.get("Id")),
    )


def is_ours(report: Json) -> bool:
    """Tell whether macvland made this network: its label, and no swarm's."""
    return _texts(report.get("Labels")).get(MANAGED) == "true" and report.get("Scope", "local") == "local"


def attachments_of(reports: Any, networks: frozenset[Network]) -> frozenset[Attachment]:
    """Return the attachments to *networks* in GET /containers/json.

    A container that was never started knows its network by the word it was created with, a stopped one may hold the id
    of a network that was replaced since: the word decides for those. Only what runs has addresses.
    """
    by_id = {network.id: network for network in networks}
    by_word = by_id | {network.name: network for network in networks}
    found = []
    for report in _rows(reports):
        if report.get("State") in GOING:
            continue
        for word, endpoint in _mapping(_mapping(report.get("NetworkSettings")).get("Networks")).items():
            settings = _mapping(endpoint)
            network = by_id.get(_text(settings.get("NetworkID"))) or (None if _lives(report) else by_word.get(word))
            if network:
                found.append(_attachment(report, network, settings))
    return frozenset(found)


def container_names(report: Json) -> frozenset[str]:
    """Return the names of the running containers on an inspected network."""
    rows = _mapping(report.get("Containers")).values()
    return frozenset(_text(_mapping(row).get("Name")) for row in rows)


def creation_of(network: Network, engine: Engine) -> dict[str, Any]:
    """Return the body of POST /networks/create; ApplyError where *engine* would make something else of *network*."""
    versions: set[int] = {pool.cidr.version for pool in network.subnets}
    _check_able(network, versions, engine)
    body: dict[str, Any] = {
        "Name": network.name,
        "Driver": "macvlan",
        "CheckDuplicate": True,  # up to API 1.43 (Docker 24) a name may be given twice without it
        "Internal": network.internal,
        "EnableIPv6": 6 in versions,
        "Options": {"macvlan_mode": network.mode.value} | ({"parent": network.parent} if network.parent else {}),
        "IPAM": {"Driver": "default", "Config": [_pool(subnet, network) for subnet in _ordered(network.subnets)]},
        "Labels": dict(sorted(network.labels)) | {MANAGED: "true", SPEC: network.spec},
    }
    return body | ({"EnableIPv4": False} if versions == {6} else {})


def recreation_of(report: Json) -> dict[str, Any]:
    """Return the body of POST /networks/create that makes the network of *report* once more."""
    ipam = _mapping(report.get("IPAM"))
    pools = [_repeated(pool) for pool in _rows(ipam.get("Config"))]
    body = {
        "Name": report["Name"],
        "Driver": "macvlan",
        "CheckDuplicate": True,
        "Internal": bool(report.get("Internal")),
        "Attachable": bool(report.get("Attachable")),
        "EnableIPv6": bool(report.get("EnableIPv6")),
        "Options": _mapping(report.get("Options")),
        "IPAM": {"Driver": ipam.get("Driver") or "default", "Config": pools},
        "Labels": _texts(report.get("Labels")),
    }
    return body | ({"EnableIPv4": False} if report.get("EnableIPv4") is False else {})


def _repeated(pool: Json) -> dict[str, Any]:
    gateway = _address(pool.get("Gateway"))
    said = {key: pool.get(key) for key in ("Subnet", "IPRange", "AuxiliaryAddresses")}
    said["Gateway"] = str(gateway) if gateway else None
    return {key: value for key, value in said.items() if value}


def _check_able(network: Network, versions: set[int], engine: Engine) -> None:
    if versions == {6} and engine.api < IPV6_ALONE_API:
        raise ApplyError(NO_IPV6_ALONE(version=engine.version), passing=False)
    aimless = any(pool.gateway is None for pool in network.subnets)
    if aimless and not network.internal and engine.api < NO_GATEWAY_API:
        raise ApplyError(NO_GATEWAYLESS(version=engine.version), passing=False)


def _ordered(subnets: frozenset[Subnet]) -> list[Subnet]:
    return sorted(subnets, key=lambda pool: (pool.cidr.version, int(pool.cidr.network_address), str(pool)))


def _pool(subnet: Subnet, network: Network) -> dict[str, Any]:
    # Docker reserves each address once: a host that is its network's gateway is reserved by being that.
    spared = {address for address in network.spared if address in subnet.cidr} - subnet.reserved - {subnet.gateway}
    auxiliary = {f"{RESERVED}{address}": str(address) for address in sorted(subnet.reserved, key=int)}
    auxiliary |= {f"{SPARED}{address}": str(address) for address in sorted(spared, key=int)}
    pool = {
        "Subnet": str(subnet.cidr),
        "Gateway": str(subnet.gateway) if subnet.gateway else None,
        "IPRange": str(subnet.range) if subnet.range else None,
        "AuxiliaryAddresses": auxiliary,
    }
    return {key: value for key, value in pool.items() if value}


def _subnet(pool: Json, named: Sequence[tuple[str, Address]]) -> Subnet | None:
    cidr = _prefix(pool.get("Subnet"))
    if cidr is None:
        return None
    return Subnet(
        cidr=cidr,
        gateway=_address(pool.get("Gateway")),
        range=_prefix(pool.get("IPRange")),
        reserved=frozenset(at for key, at in named if not key.startswith(SPARED)),
    )


def _auxiliary(pool: Json) -> list[tuple[str, Address]]:
    entries = _texts(pool.get("AuxiliaryAddresses")).items()
    return [(key, address) for key, value in entries if (address := _address(value))]


def _lives(report: Json) -> bool:
    return report.get("State") in {"running", "paused"}


def _attachment(report: Json, network: Network, settings: Json) -> Attachment:
    names = [name.removeprefix("/") for name in report.get("Names") or () if isinstance(name, str)]
    own = [name for name in names if "/" not in name]  # the others are links of other containers to this one
    addresses = (_address(settings.get("IPAddress")), _address(settings.get("GlobalIPv6Address")))
    configured = _mapping(settings.get("IPAMConfig"))
    fixed = (_address(configured.get("IPv4Address")), _address(configured.get("IPv6Address")))
    return Attachment(
        network=network.name,
        network_id=_text(settings.get("NetworkID")) or network.id,
        container=next(iter(own), _text(report.get("Id"))[:12]),
        id=_text(report.get("Id")),
        endpoint=_text(settings.get("EndpointID")),
        mac=_text(settings.get("MacAddress")).lower(),
        addresses=frozenset(address for address in addresses if address and _lives(report)),
        fixed=frozenset(address for address in fixed if address),
    )


def _rows(value: Any) -> list[Json]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> dict[str, str]:
    return {key: text for key, text in _mapping(value).items() if isinstance(text, str)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _address(value: Any) -> Address | None:
    return _parsed_address(_text(value).partition("/")[0])  # 20.10 says an invented IPv6 gateway with its prefix length


def _prefix(value: Any) -> Prefix | None:
    return _parsed_prefix(_text(value))


# A look meets the texts of the one before: reading them again would be half of its time.
@TEXTS.keeps
def _parsed_address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


@TEXTS.keeps
def _parsed_prefix(text: str) -> Prefix | None:
    try:
        return ip_network(text, strict=False)  # Docker 20.10 keeps the host bits it was given
    except ValueError:
        return None
