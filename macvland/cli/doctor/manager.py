"""Which programs say that they manage a link. Reads their state files, and nothing else.

systemd-networkd has one for each link in /run/systemd/netif/links, NetworkManager one in /run/NetworkManager/devices;
both are named by the link's index, and are KEY=value.
"""

from collections.abc import Mapping
from pathlib import Path

from macvland.cli.doctor.snapshot import Claimed

NETWORKD = Path("/run/systemd/netif/links")
NETWORK_MANAGER = Path("/run/NetworkManager/devices")
HANDS_OFF = frozenset({"", "unmanaged", "pending", "initialized", "linger", "failed"})  # networkctl(1), setup states


def claims_on(
    links: Mapping[str, int], networkd: Path = NETWORKD, network_manager: Path = NETWORK_MANAGER
) -> tuple[Claimed, ...]:
    """Return who manages which of *links*, each with its index."""
    found = []
    for name, index in sorted(links.items()):
        state = _keys(networkd / str(index))
        if (setup := state.get("ADMIN_STATE", "")) not in HANDS_OFF:
            file = state.get("NETWORK_FILE") or "no file"
            found.append(Claimed(link=name, program="systemd-networkd", written=f"{setup}, by {file}"))
        if _keys(network_manager / str(index)).get("managed") == "true":
            written = f"managed=true in {network_manager / str(index)}"
            found.append(Claimed(link=name, program="NetworkManager", written=written))
    return tuple(found)


def _keys(file: Path) -> dict[str, str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {key: value for key, equal, value in (line.partition("=") for line in lines) if equal}
