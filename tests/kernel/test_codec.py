"""Our codec against pyroute2's decoding of the same octets."""

import socket
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from macvland.action import Add
from macvland.kernel import Kernel, codec, facts, requests
from macvland.kernel.channel import open_channel
from macvland.model import Neighbour, Route, ShimAddress, Vlan
from tests.kernel.samples import ADDRESS, NEIGHBOUR, ROUTE, SHIM, make
from tests.lab.netns import add_bridge, add_parent, ip

pytestmark = pytest.mark.libraries

DECODERS = {
    codec.RTM_NEWLINK: ifinfmsg,
    codec.RTM_NEWADDR: ifaddrmsg,
    codec.RTM_NEWROUTE: rtmsg,
    codec.RTM_NEWNEIGH: ndmsg,
}


def decoded(kind: int, body: bytes) -> Any:
    """Return what pyroute2 makes of a message with *body*."""
    message = DECODERS[kind & ~3](codec.frame(codec.Message(kind, 0, body), 1))
    message.decode()
    return message


@pytest.fixture
def busy(kernel: Kernel) -> None:
    """A host with links, addresses, routes and neighbours of many kinds."""
    add_parent("eth1")
    add_bridge("br0", "eth1")
    ip("link", "property", "add", "dev", "eth0", "altname", "uplink0")
    ip("address", "add", "2001:db8::50/64", "dev", "eth0", "nodad")
    ip("address", "add", "10.0.0.1", "peer", "10.0.0.2/32", "dev", "eth1")
    ip("neigh", "add", "192.168.1.9", "lladdr", "02:00:00:00:00:09", "dev", "eth0")
    ip("link", "add", "other0", "link", "eth0", "type", "macvlan", "mode", "vepa")
    make(kernel, SHIM, ADDRESS, ROUTE, NEIGHBOUR)
    ip("route", "add", "192.168.7.0/24", "via", "192.168.1.1", "protocol", "77")


@pytest.mark.usefixtures("busy")
def test_links() -> None:
    with open_channel() as channel:
        for body in channel.dump(requests.links()):
            ours, theirs = facts.link_facts(body), decoded(codec.RTM_NEWLINK, body)
            info = theirs.get_attr("IFLA_LINKINFO")
            assert ours == facts.LinkFacts(
                ifindex=theirs["index"],
                name=theirs.get_attr("IFLA_IFNAME"),
                ethernet=theirs["ifi_type"] == codec.ARPHRD_ETHER,
                flags=theirs["flags"],
                permanent_mac=theirs.get_attr("IFLA_PERM_ADDRESS") or "",
                mac=theirs.get_attr("IFLA_ADDRESS"),
                mtu=theirs.get_attr("IFLA_MTU"),
                carrier=bool(theirs.get_attr("IFLA_CARRIER")),
                master=theirs.get_attr("IFLA_MASTER") or 0,
                parent=theirs.get_attr("IFLA_LINK") or 0,
                parent_namespace=theirs.get_attr("IFLA_LINK_NETNSID"),
                group=theirs.get_attr("IFLA_GROUP"),
                alias=theirs.get_attr("IFLA_IFALIAS") or "",
                kind=info.get_attr("IFLA_INFO_KIND") if info else "",
                macvlan=macvlan(info),
                vlan=0,  # this kernel need not have any: tests/vm
                altnames=altnames(theirs),
                settings=settings(theirs, info),
            )


def macvlan(info: Any) -> facts.Macvlan:
    if not info or info.get_attr("IFLA_INFO_KIND") not in ("macvlan", "macvtap"):
        return facts.Macvlan()
    names = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
    return facts.Macvlan(mode=names[info.get_attr("IFLA_INFO_DATA").get_attr("IFLA_MACVLAN_MODE")])


@pytest.mark.usefixtures("busy")
def test_the_length_of_a_broadcast_queue() -> None:
    ip("link", "set", "other0", "type", "macvlan", "bcqueuelen", "77")  # pyroute2 0.7 does not decode it
    with open_channel() as channel:
        links = [facts.link_facts(body) for body in channel.dump(requests.links())]
    lengths = {link.name: link.macvlan.bcqueuelen for link in links if link.kind == "macvlan"}
    assert lengths == {"mv-lan": 1000, "other0": 77}


def test_a_request_for_a_vlan_link() -> None:
    vlan = Vlan(name="eth0.50", parent="eth0", id=50, mtu=1400, network="lan")
    made = decoded(*sent(requests.create_vlan(vlan, 6291456, 2)))
    info = made.get_attr("IFLA_LINKINFO")
    told = {
        "index": made["index"],
        "flags": made["flags"],
        "name": made.get_attr("IFLA_IFNAME"),
        "parent": made.get_attr("IFLA_LINK"),
        "group": made.get_attr("IFLA_GROUP"),
        "mtu": made.get_attr("IFLA_MTU"),
        "kind": info.get_attr("IFLA_INFO_KIND"),
        "id": info.get_attr("IFLA_INFO_DATA").get_attr("IFLA_VLAN_ID"),
    }
    assert told == {
        "index": 6291456,
        "flags": 0,
        "name": "eth0.50",
        "parent": 2,
        "group": 28022,
        "mtu": 1400,
        "kind": "vlan",
        "id": 50,
    }


@pytest.mark.parametrize(("protocol", "expected"), [(0x8100, 50), (0x88A8, 0)], ids=["802.1Q", "802.1ad"])
def test_the_id_of_a_vlan_link(protocol: int, expected: int) -> None:
    data = codec.attribute(codec.IFLA_VLAN_PROTOCOL, protocol.to_bytes(2, "big"))
    data += codec.attribute(codec.IFLA_VLAN_ID, codec.U16.pack(50))
    info = codec.attribute(codec.IFLA_INFO_KIND, b"vlan\0") + codec.attribute(codec.IFLA_INFO_DATA, data)
    body = codec.IFINFO.pack(0, 1, 7, 0, 0) + codec.attribute(codec.IFLA_LINKINFO, info)
    assert facts.link_facts(body).vlan == expected


def altnames(link: Any) -> frozenset[str]:
    properties = link.get_attr("IFLA_PROP_LIST")
    return frozenset(properties.get_attrs("IFLA_ALT_IFNAME")) if properties else frozenset()


def settings(link: Any, info: Any) -> facts.Settings:
    if not info or info.get_attr("IFLA_INFO_KIND") != "macvlan":
        return facts.Settings()
    families = link.get_attr("IFLA_AF_SPEC")
    ipv4 = families.get_attr("AF_INET")  # which pyroute2 reads as one struct
    both = families.get_attr("AF_INET6")
    ipv6 = both.get_attr("IFLA_INET6_CONF")
    return facts.Settings(
        arp_filter=bool(ipv4["arpfilter"]),
        accept_ra=bool(ipv6["accept_ra"]),
        autoconf=bool(ipv6["autoconf"]),
        link_local=both.get_attr("IFLA_INET6_ADDR_GEN_MODE") != codec.IN6_ADDR_GEN_MODE_NONE,
    )


@pytest.mark.usefixtures("busy")
def test_addresses() -> None:
    with open_channel() as channel:
        for body in channel.dump(requests.addresses()):
            theirs = decoded(codec.RTM_NEWADDR, body)
            address = theirs.get_attr("IFA_LOCAL") or theirs.get_attr("IFA_ADDRESS")
            assert facts.address_facts(body) == facts.AddressFacts(
                theirs["index"], ip_address(address), theirs["prefixlen"], theirs["scope"], theirs["flags"]
            )


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_routes(family: int) -> None:
    everything = codec.Message(codec.RTM_GETROUTE, 0, codec.RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))
    with open_channel() as channel:
        bodies = channel.dump(everything)
    assert len(bodies) > 3
    for body in bodies:
        theirs = decoded(codec.RTM_NEWROUTE, body)
        destination, source = theirs.get_attr("RTA_DST"), theirs.get_attr("RTA_PREFSRC")
        assert facts.route_facts(body) == facts.RouteFacts(
            ifindex=theirs.get_attr("RTA_OIF"),
            destination=ip_address(destination) if destination else None,
            length=theirs["dst_len"],
            source=ip_address(source) if source else None,
            table=theirs["table"],
            protocol=theirs["proto"],
            kind=theirs["type"],
            priority=theirs.get_attr("RTA_PRIORITY") or 0,
            direct=not theirs.get_attr("RTA_GATEWAY"),
        )


@pytest.mark.usefixtures("busy")
def test_neighbours() -> None:
    with open_channel() as channel:
        bodies = channel.dump(requests.neighbours())
    assert len(bodies) > 1
    for body in bodies:
        theirs = decoded(codec.RTM_NEWNEIGH, body)
        ours = facts.neighbour_facts(body)
        assert ours == facts.NeighbourFacts(
            ifindex=theirs["ifindex"],
            address=ip_address(theirs.get_attr("NDA_DST")),
            mac=theirs.get_attr("NDA_LLADDR") or "",
            state=theirs["state"],
            protocol=ours.protocol,  # unknown to pyroute2 0.7: ip(8) is its judge, in test_round_trip
        )


@pytest.mark.parametrize("ipv6", [True, False], ids=["with IPv6", "without"])
def test_requests_for_a_shim(ipv6: bool) -> None:  # noqa: FBT001 - a table
    made = decoded(*sent(requests.create(SHIM, 7340032, 2)))
    settled = decoded(*sent(requests.settle(SHIM, 7340032, ipv6=ipv6)))
    families = settled.get_attr("IFLA_AF_SPEC")
    told = {
        "index": made["index"],
        "flags": made["flags"],
        "name": made.get_attr("IFLA_IFNAME"),
        "parent": made.get_attr("IFLA_LINK"),
        "group": made.get_attr("IFLA_GROUP"),
        "mtu": made.get_attr("IFLA_MTU"),
        "mac": made.get_attr("IFLA_ADDRESS"),
        "kind": made.get_attr("IFLA_LINKINFO").get_attr("IFLA_INFO_KIND"),
        "mode": macvlan(made.get_attr("IFLA_LINKINFO")).mode,
        "alias": settled.get_attr("IFLA_IFALIAS"),
        "families": [family for family, _ in families["attrs"]],
    }
    assert told == {
        "index": 7340032,
        "flags": 0,
        "name": "mv-lan",
        "parent": 2,
        "group": 28022,
        "mtu": 1500,
        "mac": "02:4d:56:00:00:01",
        "kind": "macvlan",
        "mode": 4,
        "alias": "macvland: lan",
        "families": ["AF_INET", "AF_INET6"] if ipv6 else ["AF_INET"],
    }


@pytest.mark.parametrize(
    ("thing", "head", "attrs"),
    [
        (
            ADDRESS,
            {"family": 2, "prefixlen": 32, "scope": 0, "index": 7},
            {"IFA_LOCAL": "192.168.1.223", "IFA_ADDRESS": "192.168.1.223"},
        ),
        (
            ShimAddress(shim="mv-lan", address=ip_address("2001:db8::1"), prefix_length=64),
            {"family": 10, "prefixlen": 64, "scope": 0, "index": 7},
            {"IFA_LOCAL": "2001:db8::1", "IFA_ADDRESS": "2001:db8::1"},
        ),
        (
            ROUTE,
            {"family": 2, "dst_len": 32, "table": 254, "proto": 77, "scope": 253, "type": 1},
            {"RTA_DST": "192.168.1.51", "RTA_OIF": 7, "RTA_PRIORITY": 0, "RTA_PREFSRC": "192.168.1.50"},
        ),
        (
            Route(shim="mv-lan", destination=ip_address("2001:db8::51"), source=None),
            {"family": 10, "dst_len": 128, "table": 254, "proto": 77, "scope": 253, "type": 1},
            {"RTA_DST": "2001:db8::51", "RTA_OIF": 7, "RTA_PRIORITY": 1024},
        ),
        (
            NEIGHBOUR,
            {"family": 2, "ifindex": 7, "state": 128},
            {"NDA_DST": "192.168.1.51", "NDA_LLADDR": "02:42:c0:a8:01:33"},
        ),
    ],
    ids=["address", "IPv6 address with a subnet", "route", "IPv6 route", "neighbour"],
)
def test_requests_for_what_rests_on_a_shim(
    thing: ShimAddress | Route | Neighbour, head: dict[str, int], attrs: dict[str, object]
) -> None:
    message = decoded(*sent(*requests.entries(Add(thing), 7)))
    assert {key: message[key] for key in head} == head
    told = {name: value for name, value in message["attrs"] if name not in ("NDA_PROTOCOL", "UNKNOWN")}
    assert told == attrs


def sent(message: codec.Message) -> tuple[int, bytes]:
    return message.kind, message.body


@given(some.dictionaries(some.integers(1, 60), some.binary(max_size=64)))
def test_attributes_make_the_round_trip(payloads: dict[int, bytes]) -> None:
    data = b"".join(codec.attribute(kind, payload) for kind, payload in payloads.items())
    assert codec.attributes(data, codec.wanted(*payloads)) == payloads
    assert dict(codec.members(data)) == payloads


@given(some.binary(max_size=200))
def test_garbage_is_refused_or_read_but_never_read_for_ever(data: bytes) -> None:
    for read in (
        lambda: list(codec.frames(data)),
        lambda: codec.attributes(data, {1}),
        lambda: list(codec.members(data)),
    ):
        try:
            read()
        except ValueError as problem:
            assert "octets" in str(problem)  # noqa: PT017 - either outcome is right


def test_an_attribute_that_was_not_asked_for_is_left_out() -> None:
    data = codec.attribute(1, b"one") + codec.attribute(2 | codec.NLA_F_NESTED, b"two")
    assert codec.attributes(data, codec.wanted(2)) == {2: b"two"}


@pytest.mark.usefixtures("kernel")
def test_a_name_of_strange_octets_makes_the_round_trip() -> None:
    name = b"caf\xe9".decode(errors="surrogateescape")
    ip("link", "add", name, "type", "bridge")
    with open_channel() as channel:
        assert name in {facts.link_facts(body).name for body in channel.dump(requests.links())}
