"""The files that the tests drop: a network on a parent of its own, which Docker up to 26 needs for each."""

from tests.lab import Host


def file(parent: str, third: int, shim: str | None = "") -> str:
    """Return a network 192.168.*third*.0/24 on *parent*; *shim* is what its table says, None for no shim.

    Nobody is on that LAN, so that nobody is asked there: a router's silence would be told.
    """
    text = f"""\
[network]
parent = "{parent}"
probe = false

[[subnet]]
cidr = "192.168.{third}.0/24"
gateway = "192.168.{third}.1"
range = "192.168.{third}.192/27"
"""
    return text if shim is None else f"{text}\n[shim]\n{shim}"


def add_parents(host: Host, *thirds: int) -> None:
    """Give *host* for each of *thirds* a NIC eth<third> with the address 192.168.<third>.50/24."""
    for third in thirds:
        host.ip("link", "add", f"eth{third}", "type", "veth", "peer", f"lan{third}")
        host.ip("link", "set", f"lan{third}", "up")
        host.ip("link", "set", f"eth{third}", "addrgenmode", "none")  # it would appear a second later
        host.ip("address", "add", f"192.168.{third}.50/24", "dev", f"eth{third}")
        host.ip("link", "set", f"eth{third}", "up")
