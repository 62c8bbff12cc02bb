"""The grammar of a file as a JSON Schema (draft 2020-12), for editors and for those who generate files.

It says what can be said of a file's keys and values. Of what it cannot say, only `macvlanctl check` knows; but it
refuses nothing that the parser takes.
"""

from typing import Any

from macvland.config.declare import OF_A_PARENT
from macvland.config.grammar import KEYS, QUEUES, VLANS
from macvland.config.host import NOT, PATTERN
from macvland.config.network import DASHED_MAC, LONGEST_ALTNAME, THEIRS
from macvland.config.pattern import (
    ADDRESS,
    IPV4_NETWORK,
    IPV6_NETWORK,
    SPAN,
    UNPRINTABLE,
    ipv4_networks,
    ipv6_networks,
)
from macvland.model import BCQUEUELEN, Mode, OnConflict, Replacing

Schema = dict[str, Any]

CANNOT = (
    "A schema cannot compare values: whether addresses are in their subnet, are distinct, and are none that nobody can "
    "have, whether ranges end after they begin, what several files declare together, how many bytes a name has, and "
    "whether a host is meant at all, or twice, 'macvlanctl check' tells."
)

INTERNAL = {"properties": {"internal": {"const": True}}, "required": ["internal"]}
DASHED = DASHED_MAC.pattern.replace("a-f", "a-fA-F")


def ref(name: str) -> Schema:
    """Return a reference to one of the definitions."""
    return {"$ref": f"#/$defs/{name}"}


def _definitions() -> Schema:
    return {
        "printable": {"type": "string", "not": {"pattern": UNPRINTABLE}},
        "text": {**ref("printable"), "minLength": 1},
        "address": {**ref("printable"), "pattern": ADDRESS},
        "network": {
            **ref("printable"),
            "anyOf": [
                {"pattern": IPV4_NETWORK, "anyOf": [{"pattern": pattern} for pattern in ipv4_networks()]},
                {"pattern": IPV6_NETWORK, "anyOf": [{"pattern": pattern} for pattern in ipv6_networks()]},
            ],
        },
        "subnet": {
            **ref("network"),
            "not": {
                "anyOf": [
                    {"pattern": "/0$"},
                    {"pattern": r"^(?:127|22[4-9]|23[0-9])\..*/(?:[4-9]|[1-3][0-9])$"},
                    {"pattern": r"^[fF]{2}[0-9a-fA-F]{2}:"},
                    {"pattern": r"^[0:]*:(?:0{0,3}1|0\.0\.0\.1)/128$"},
                ]
            },
        },
        "span": {"anyOf": [ref("address"), ref("network"), {**ref("printable"), "pattern": SPAN}]},
        "mac": {
            **ref("printable"),
            "pattern": "^[0-9a-fA-F][02468aceACE](?::[0-9a-fA-F]{2}){5}$",
            "not": {"pattern": "^[0:]*$"},
        },
        "link": {
            **ref("text"),
            "maxLength": LONGEST_ALTNAME,
            "not": {"anyOf": [{"pattern": "[/: ]"}, {"pattern": f"^(?:{DASHED})$"}, {"enum": ["lo", ".", ".."]}]},
        },
        "host": {**ref("printable"), "pattern": f"^{PATTERN}$"},
        "hosts": {**ref("printable"), "pattern": f"^{NOT}?{PATTERN}$"},
        "label": {
            **ref("text"),
            "not": {"pattern": f"^(?:{'|'.join(start[:-1].replace('.', r'[.]') for start in THEIRS)})(?:[.]|$)"},
        },
    }


def either(name: str) -> Schema:
    """Return that a value is one of these, or an array of them."""
    return {"anyOf": [ref(name), {"type": "array", "items": ref(name)}]}


# Each key of the grammar, by its table.
VALUES: dict[str, dict[str, Schema]] = {
    "[network]": {
        "parent": {
            "description": 'The link that carries the network: its name, an altname, its MAC address, or "auto": that '
            "of the default route. Required, unless the network is internal.",
            "anyOf": [ref("mac"), ref("link")],
        },
        "vlan": {
            "description": "The ID of an 802.1Q VLAN on the parent: macvland makes its link, for the network.",
            "type": "integer",
            "minimum": VLANS[0],
            "maximum": VLANS[1],
        },
        "mode": {
            "description": "How containers on one parent may talk to each other, see ip-link(8).",
            "enum": [str(mode) for mode in Mode],
            "default": str(Mode.BRIDGE),
        },
        "promiscuous": {"description": "Keep the parent promiscuous.", "type": "boolean", "default": False},
        "internal": {"description": "No way out of the network.", "type": "boolean", "default": False},
        "labels": {
            "description": "More labels of the Docker network. A name with dots needs quotes.",
            "type": "object",
            "propertyNames": ref("label"),
            "additionalProperties": ref("printable"),
        },
        "parent_check": {
            "description": "Whether a parent that is known not to carry such a network is refused untried.",
            "type": "boolean",
            "default": True,
        },
        "probe": {
            "description": "Whether the LAN is asked who has an address before it is used, and listened to afterwards.",
            "type": "boolean",
            "default": True,
        },
        "on_conflict": {
            "description": "What becomes of a container whose address another device on the LAN has.",
            "enum": [str(on_conflict) for on_conflict in OnConflict],
            "default": str(OnConflict.WARN),
        },
        "avoid_used": {
            "description": "Whether it is asked for what Docker may hand out before the network is made, and what is "
            "in use reserved.",
            "type": "boolean",
            "default": False,
        },
        "replace": {
            "description": "When a network that Docker cannot change is replaced, its containers included.",
            "enum": [str(replacing) for replacing in Replacing],
            "default": str(Replacing.WHEN_LOSSLESS),
        },
    },
    "[[subnet]]": {
        "cidr": {"description": "The subnet, host bits zero.", **ref("subnet")},
        "gateway": {
            "description": "The router's address, or false: no default route. Required, unless internal.",
            "anyOf": [{"const": False}, ref("address")],
        },
        "range": {
            "description": "The part of the subnet that Docker hands out addresses from. Default: all of it.",
            **ref("network"),
        },
        "reserved": {
            "description": 'What is never handed out: addresses "192.168.1.210", ranges "192.168.1.200-203", networks.',
            "type": "array",
            "items": ref("span"),
            "default": [],
        },
    },
    "[shim]": {
        "address": {
            "description": "Addresses of the shim's own, one in each subnet. Default: that of the parent is borrowed, "
            "for IPv6 one is derived.",
            **either("address"),
        },
        "bcqueuelen": {
            "description": "How many broadcasts may wait on the parent to be handed to its macvlan links.",
            "type": "integer",
            "minimum": QUEUES[0],
            "maximum": QUEUES[1],
            "default": BCQUEUELEN,
        },
        "proxy_ndp": {
            "description": "Containers reach the host at its own IPv6 addresses as well.",
            "type": "boolean",
            "default": True,
        },
    },
    "[match]": {
        "host": {
            "description": 'For which hosts the file is: names "node1", patterns "web-*", machine-ids; with "!" before '
            "it, for which it is not. Required.",
            "not": {"type": "array", "maxItems": 0},
            **either("hosts"),
        },
    },
    "[host.NAME]": {
        "parent": {
            "description": "The link that carries the network on that host.",
            "anyOf": [ref("mac"), ref("link")],
        },
        "range": {
            "description": "What Docker hands out addresses from on that host: a part of the subnet, or of each one.",
            **either("network"),
        },
        "address": {
            "description": "Addresses of the shim's own on that host, one in each subnet.",
            **either("address"),
        },
    },
}


def schema() -> Schema:
    """Return the schema of a file."""
    network = _table("[network]", "The network and its parent.")
    subnet = _table("[[subnet]]", "A subnet of the network; the table may repeat.")
    tables = {
        "network": {
            **network,
            "if": INTERNAL,
            "then": {"dependentRequired": {key: ["parent"] for key in sorted(OF_A_PARENT)}},
            "else": {"required": ["parent"]},
        },
        "subnet": {"type": "array", "minItems": 1, "items": {**subnet, "required": ["cidr"]}},
        "shim": _table("[shim]", "The host's own link on the parent, to and from the containers; it may be empty."),
        "match": {**_table("[match]", "For which hosts the file is."), "required": ["host"]},
        "host": {
            "description": "What is other on some hosts: a table for each, by its name, a pattern, or its machine-id.",
            "type": "object",
            "propertyNames": ref("host"),
            "additionalProperties": _table("[host.NAME]", "What is other on that host."),
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A file in /etc/macvlan.d",
        "description": "One Docker macvlan network and the host's shim, see macvlan.d(5).",
        "$comment": CANNOT,
        "type": "object",
        "properties": {key: tables[key] for key in KEYS[""]},
        "required": ["network", "subnet"],
        "additionalProperties": False,
        "allOf": [_GATEWAYS, _NO_PARENT, _ONLY_BRIDGE, _NOBODY_ASKED, _NOTHING_TO_ASK],
        "$defs": _definitions(),
    }


def _table(title: str, description: str) -> Schema:
    properties = {key: VALUES[title][key] for key in KEYS[title]}
    return {"description": description, "type": "object", "properties": properties, "additionalProperties": False}


_GATEWAYS: Schema = {
    "if": {"properties": {"network": INTERNAL}, "required": ["network"]},
    "then": {"properties": {"subnet": {"items": {"properties": {"gateway": {"const": False}}}}}},
    "else": {"properties": {"subnet": {"items": {"required": ["gateway"]}}}},
}
_NO_PARENT: Schema = {
    "if": {
        "properties": {"network": {"allOf": [INTERNAL, {"not": {"required": ["parent"]}}]}},
        "required": ["network"],
    },
    "then": {"properties": {"shim": False}},
}
_ONLY_BRIDGE: Schema = {
    "if": {"required": ["shim"]},
    "then": {"properties": {"network": {"properties": {"mode": {"const": str(Mode.BRIDGE)}}}}},
}
_NOBODY_ASKED: Schema = {
    "if": {"properties": {"network": {"properties": {"probe": {"const": False}}, "required": ["probe"]}}},
    "then": {
        "properties": {
            "network": {
                "properties": {"avoid_used": {"const": False}, "on_conflict": {"const": str(OnConflict.WARN)}},
            }
        }
    },
}
_NOTHING_TO_ASK: Schema = {
    "if": {"properties": {"network": {"properties": {"avoid_used": {"const": True}}, "required": ["avoid_used"]}}},
    "then": {"properties": {"subnet": {"contains": {"properties": {"cidr": {"not": {"pattern": ":"}}}}}}},
}
