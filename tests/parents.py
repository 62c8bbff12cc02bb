"""Every sort of link as a parent: how to make one, what macvland says of it, what the kernel would.

The table of parents in docs/macvlan.d.md is made of this. This machine's kernel need not have all of these links: those
of DEBIAN are made in tests/vm.
"""

import errno
import socket
from dataclasses import dataclass
from pathlib import Path

from macvland.condition import State
from macvland.config import Config, parse
from macvland.kernel import Kernel, requests
from macvland.kernel.channel import open_channel
from macvland.model import Goal, Host
from macvland.plan import plan
from macvland.wanted import wanted
from tests.lab.netns import ip

PROBE = 7777  # an ifindex that no link has
FILE = """
[network]
parent = "{parent}"
{check}
[[subnet]]
cidr = "192.168.1.0/24"
gateway = "192.168.1.1"
[shim]
address = "192.168.1.223"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """A sort of link. Where macvland says nothing of it, it carries networks and shims."""

    what: str
    made_by: str = ""  # commands of ip(8), which begin where there is nothing but 'lo'
    name: str = "eth0"
    says: str = ""
    refusal: int = 0  # what the kernel answers to a macvlan link on it; 0: it makes one


NIC = "link add eth0 type veth peer lan0\n"

HERE = (
    Sort(what="a NIC", made_by=NIC),
    Sort(
        what="a NIC with macvlan and macvtap links of others",
        made_by=f"""{NIC}
        link add other0 link eth0 type macvlan mode private
        link add other1 link eth0 type macvtap mode bridge
    """,
    ),
    Sort(
        what="a bridge",
        name="br0",
        made_by=f"""{NIC}
        link add br0 type bridge
        link set eth0 master br0
    """,
    ),
    Sort(what="a tap link", made_by="tuntap add eth0 mode tap"),
    Sort(what="an Ethernet tunnel (VXLAN, gretap)", made_by="link add eth0 type vxlan id 5 dstport 4789"),
    Sort(
        what="a port of a bridge",
        made_by=f"""{NIC}
            link add br0 type bridge
            link set eth0 master br0
        """,
        says="its parent 'eth0' is a port of bridge 'br0'; use 'br0'",
        refusal=errno.EBUSY,
    ),
    Sort(
        what="a NIC with a macvlan or macvtap link in passthru mode",
        made_by=f"{NIC} link add vm0 link eth0 type macvtap mode passthru",
        says="its parent 'eth0' is taken by 'vm0' in passthru mode; delete that one, or use another link",
        refusal=errno.EINVAL,
    ),
    Sort(
        what="a macvlan or macvtap link",
        made_by=f"{NIC} link add mac0 link eth0 type macvlan mode bridge",
        name="mac0",
        says="its parent 'mac0' is a macvlan link itself; use 'eth0'",
    ),
    Sort(
        what="the loopback, whatever it is called",
        made_by="link property add dev lo altname loop",
        name="loop",
        says="its parent 'lo' is no Ethernet link, and macvlan takes no other; use another link",
        refusal=errno.EINVAL,
    ),
    Sort(
        what="a tunnel or point-to-point link (WireGuard, tun, PPP, GRE, IPIP)",
        made_by="tuntap add tun0 mode tun",
        name="tun0",
        says="its parent 'tun0' is no Ethernet link (tun), and macvlan takes no other; use another link",
        refusal=errno.EINVAL,
    ),
)
DEBIAN = (
    Sort(what="a VLAN link", name="eth0.50", made_by=f"{NIC} link add eth0.50 link eth0 type vlan id 50"),
    Sort(
        what="a bond",
        name="bond0",
        made_by=f"""{NIC}
        link add bond0 type bond
        link set eth0 master bond0
    """,
    ),
    Sort(
        what="a team",
        name="team0",
        made_by=f"""{NIC}
        link add team0 type team
        link set eth0 master team0
    """,
    ),
    Sort(what="a dummy link", made_by="link add eth0 type dummy"),
    Sort(
        what="a port of a VRF",
        made_by=f"""{NIC}
        link add blue type vrf table 10
        link set eth0 master blue
    """,
    ),
    Sort(
        what="a port of a bond",
        made_by=f"""{NIC}
            link add bond0 type bond
            link set eth0 master bond0
        """,
        says="its parent 'eth0' is a port of bond 'bond0'; use 'bond0'",
        refusal=errno.EBUSY,
    ),
    Sort(
        what="a port of a team",
        made_by=f"""{NIC}
            link add team0 type team
            link set eth0 master team0
        """,
        says="its parent 'eth0' is a port of team 'team0'; use 'team0'",
        refusal=errno.EBUSY,
    ),
    Sort(
        what="a NIC with ipvlan links",
        made_by=f"{NIC} link add ipvl0 link eth0 type ipvlan",
        says=(
            "its parent 'eth0' carries the ipvlan link 'ipvl0', and cannot carry both; "
            "delete that one, or use another link"
        ),
        refusal=errno.EBUSY,
    ),
    Sort(
        what="an ipvlan link",
        made_by=f"{NIC} link add ipvl0 link eth0 type ipvlan",
        name="ipvl0",
        says="its parent 'ipvl0' is an ipvlan link, which has one MAC only; use another link",
        refusal=errno.EINVAL,
    ),
    Sort(
        what="a VRF",
        made_by="link add blue type vrf table 10",
        name="blue",
        says="its parent 'blue' is a VRF, which has no wire; use one of its ports",
        refusal=errno.EINVAL,
    ),
)
NOWHERE = (
    # Links that no test can make: what is said of them stands in tests/golden/plan.
    Sort(
        what="a link that is point-to-point, although of Ethernet",
        name="usb0",
        says="its parent 'usb0' is a point-to-point link, where no LAN is; use another link",
    ),
    Sort(
        what="a port of Open vSwitch",
        says="its parent 'eth0' is a port of Open vSwitch; use an internal port of that switch, as 'lan0'",
    ),
    Sort(
        what="a Wi-Fi link",
        name="wlan0",
        says=(
            "its parent 'wlan0' is a Wi-Fi link, and a station may send from one MAC only; use another link, "
            "or `parent_check = false` if this one is an access point"
        ),
    ),
)


def goal(sort: Sort, seen: Host, check: str = "") -> Goal:
    """Return what a file asks for whose parent is a link of *sort*, on a host without Docker."""
    text = FILE.format(parent=sort.name, check=check)
    declaration, errors = parse(text.encode(), Path("/etc/macvlan.d/net.toml"))
    assert declaration, errors
    config = Config(declarations=(declaration,), errors=(), frozen=frozenset(), directories=(), unreadable=False)
    return wanted(config, seen, "0123456789abcdef0123456789abcdef")


def require(sort: Sort) -> None:
    """Make a link of *sort* in an empty namespace, and require that what is said of it is so."""
    ip("-batch", "-", batch=sort.made_by)
    kernel = Kernel()
    found = goal(sort, kernel.observe(Host()))
    conflicts = [it.text for it in found.obstacles if it.state is State.CONFLICT]
    assert conflicts == ([sort.says] if sort.says else [])
    assert refusal(kernel, sort) == sort.refusal
    if not sort.says:
        assert kernel.apply(plan(found.host, Host())) == ()
        assert plan(found.host, kernel.observe(Host())) == ()


def refusal(kernel: Kernel, sort: Sort) -> int:
    """Return the kernel's own answer to a shim on a link of *sort*; 0 where it makes one, which is gone again."""
    unchecked = goal(sort, kernel.observe(Host()), "parent_check = false")
    (shim,) = unchecked.host.shims
    with open_channel() as channel:
        answers = channel.send([requests.create(shim, PROBE, socket.if_nametoindex(shim.parent))])
        if not answers:
            channel.send([requests.delete_link(PROBE)])
    return answers[0].errno if answers else 0
