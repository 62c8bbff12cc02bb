"""What a host looks like: frozen values that compare by value.

The same types describe the host as the files want it and as the kernel and Docker report it, so a difference
is set algebra and "converged" is equality. Nothing here reads, writes or decides.
"""

from macvland.model.address import Address, Interface, Prefix
from macvland.model.docker import Attachment, Engine, Loss, Network, Proof, Replacing, Subnet, Unfinished
from macvland.model.host import Goal, Host, Machine
from macvland.model.kernel import (
    BCQUEUELEN,
    IPV6_MTU,
    LONGEST_BCQUEUELEN,
    Dad,
    KernelThing,
    Link,
    Mode,
    Neighbour,
    Promiscuity,
    Proxy,
    Route,
    Shim,
    ShimAddress,
    Vlan,
)
from macvland.model.lan import About, Device, Expulsion, Finding, Heard, OnConflict, Question
from macvland.model.naming import shim_mac, shim_name, vlan_name
from macvland.model.spec import differences, spec_of

__all__ = [
    "BCQUEUELEN",
    "IPV6_MTU",
    "LONGEST_BCQUEUELEN",
    "About",
    "Address",
    "Attachment",
    "Dad",
    "Device",
    "Engine",
    "Expulsion",
    "Finding",
    "Goal",
    "Heard",
    "Host",
    "Interface",
    "KernelThing",
    "Link",
    "Loss",
    "Machine",
    "Mode",
    "Neighbour",
    "Network",
    "OnConflict",
    "Prefix",
    "Promiscuity",
    "Proof",
    "Proxy",
    "Question",
    "Replacing",
    "Route",
    "Shim",
    "ShimAddress",
    "Subnet",
    "Unfinished",
    "Vlan",
    "differences",
    "shim_mac",
    "shim_name",
    "spec_of",
    "vlan_name",
]
