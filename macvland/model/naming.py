"""What macvland calls its own: by a network's name and the machine, the same at every boot."""

from hashlib import sha256


def shim_name(network: str) -> str:
    """Return the link name of the shim of *network*: `mv-<network>`, hashed where that exceeds IFNAMSIZ - 1 = 15."""
    name = f"mv-{network}"
    return name if len(name) <= 15 else f"mv-{network[:5]}-{sha256(network.encode()).hexdigest()[:6]}"


def vlan_name(parent: str, vlan: int) -> str:
    """Return the name of the link of *vlan* on *parent*: `<parent>.<vlan>` as everybody has it, hashed beyond 15.

    With one dot in it, Docker knows whose VLAN it is to be, and would not make another one.
    """
    name = f"{parent}.{vlan}"
    return name if len(name) <= 15 else f"{parent[:3]}-{sha256(parent.encode()).hexdigest()[:6]}.{vlan}"


def shim_mac(machine_id: str, network: str, spare: int = 0) -> str:
    """Return the shim's MAC: the same at every boot, another on every host, locally administered unicast.

    Each *spare* is another one, for when somebody else has the first.
    """
    words = (machine_id, network, *((str(spare),) if spare else ()))
    digest = sha256("\0".join(words).encode()).digest()
    return ":".join(f"{octet:02x}" for octet in (digest[0] & 0xFC | 0x02, *digest[1:6]))
