"""Which keys each table has, and what people write in their place.

Docker drops an unknown option without a word (moby/libnetwork#2274): here every unknown key is an error.
"""

from difflib import get_close_matches

from macvland.config.table import Table
from macvland.config.wording import dotted
from macvland.model import LONGEST_BCQUEUELEN

KEYS = {
    "": ("network", "subnet", "shim", "match", "host"),  # outside of any table
    "[network]": (
        *("parent", "vlan", "mode", "promiscuous", "internal", "labels", "parent_check", "probe", "on_conflict"),
        *("avoid_used", "replace"),
    ),
    "[[subnet]]": ("cidr", "gateway", "range", "reserved"),
    "[shim]": ("address", "bcqueuelen", "proxy_ndp"),
    "[match]": ("host",),
    "[host.NAME]": ("parent", "range", "address"),
}

VLANS = (1, 4094)  # IEEE 802.1Q: 0 is no VLAN, 4095 is reserved
QUEUES = (1, LONGEST_BCQUEUELEN)

TABLES = {
    "network": "[network]",
    "subnet": "[[subnet]]",
    "shim": "[shim]",
    "match": "[match]",
    "host": "[host.NAME]",
}
UNKNOWN = "there is no such table or key"

MTU = "leave it out and set the MTU of the parent: Docker ignores this one for macvlan networks"
RANGE = "write `range` in [[subnet]]"
RESERVED = "write `reserved` in [[subnet]], an array of addresses, ranges and networks"
GATEWAY = "write `gateway` in [[subnet]]"
CIDR = "write `cidr` in [[subnet]]"
PARENT = "write `parent` in [network]"
MODE = "write `mode` in [network]"
QUEUE = "write `bcqueuelen` in [shim]"
VLAN = "write `vlan` in [network]"
SHIM = "write a [shim] table; it may be empty"
HOST = "write `host` in [match], and [host.NAME] for what is other on one of them"

# What Docker, Compose and the other tools call things.
ELSEWHERE = {
    "aux_address": RESERVED,
    "aux_addresses": RESERVED,
    "auxiliary_addresses": RESERVED,
    "bc_queue_len": QUEUE,
    "bridge_name": PARENT,
    "broadcastmulticastqueuelength": QUEUE,
    "com.docker.network.driver.mtu": MTU,
    "dev": PARENT,
    "device": PARENT,
    "dhcp": "leave it out: Docker hands out the addresses",
    "driver": "leave it out: the driver is always macvlan",
    "enable_ipv6": "leave it out: a [[subnet]] with an IPv6 `cidr` is enough",
    "exclude": RESERVED,
    "host_access": SHIM,
    "hostname": HOST,
    "hosts": HOST,
    "interface": PARENT,
    "ip_range": RANGE,
    "iprange": RANGE,
    "ipv6": "leave it out: a [[subnet]] with an IPv6 `cidr` is enough",
    "link": PARENT,
    "macvlan_mode": MODE,
    "mtu": MTU,
    "name": "leave it out: the network has the name of its file",
    "nic": PARENT,
    "parent_interface": PARENT,
    "promisc": "write `promiscuous` in [network]",
    "router": GATEWAY,
    "subnet": "write a [[subnet]] table with `cidr`",
    "subnets": "write one [[subnet]] table for each",
    "tag": VLAN,
    "vid": VLAN,
    "vlan_id": VLAN,
    "vlanid": VLAN,
}


def refuse_unknown(table: Table, title: str) -> None:
    """Complain about each key of *table* that is not one of the keys of *title*, and say which was meant."""
    for key, value in table.content.items():
        if key in KEYS[title]:
            continue
        path = dotted(key, value)
        path = path if ".".join(path) in ELSEWHERE else (key,)
        wrong = f"there is no such key in {title}" if title else UNKNOWN
        table.refuse_key(path, wrong, _meant(".".join(path), title))


def _meant(name: str, title: str) -> str:
    """Return what the writer of *name* may have wanted."""
    plain = name.lower().replace("-", "_")
    if plain in ELSEWHERE:
        return ELSEWHERE[plain]
    if title and plain in TABLES:
        return f"write {TABLES[plain]} as a table of its own"
    if plain in KEYS[title]:
        return f"did you mean `{plain}`?"
    if homes := [home for home, keys in KEYS.items() if home and plain in keys]:
        return f"write `{plain}` in {homes[0]}"
    if near := get_close_matches(plain, KEYS[title], 1):
        return f"did you mean {TABLES.get(near[0], f'`{near[0]}`')}?"
    return "known are " + ", ".join(TABLES.get(key, f"`{key}`") for key in KEYS[title])
