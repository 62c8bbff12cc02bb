"""What macvland asks of rtnetlink: things of the model to messages. Sends nothing, knows no order."""

from macvland.kernel.requests.entry import entries
from macvland.kernel.requests.link import (
    adjust,
    adjust_vlan,
    altname,
    create,
    create_vlan,
    delete_leaving,
    delete_link,
    full_name,
    hush,
    leave,
    lower_link,
    raise_link,
    settle,
    settle_vlan,
)
from macvland.kernel.requests.part import ALIAS, GROUP, LEAVING, METRICS, MODES, PROTOCOL
from macvland.kernel.requests.question import accepted, addresses, links, neighbours, routes, way_out, way_to

__all__ = [
    "ALIAS",
    "GROUP",
    "LEAVING",
    "METRICS",
    "MODES",
    "PROTOCOL",
    "accepted",
    "addresses",
    "adjust",
    "adjust_vlan",
    "altname",
    "create",
    "create_vlan",
    "delete_leaving",
    "delete_link",
    "entries",
    "full_name",
    "hush",
    "leave",
    "links",
    "lower_link",
    "neighbours",
    "raise_link",
    "routes",
    "settle",
    "settle_vlan",
    "way_out",
    "way_to",
]
