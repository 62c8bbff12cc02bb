"""macvlanctl arp where it is pure: who has which address, what is swept, how it is laid out, what a probe says."""

import argparse
from dataclasses import replace
from ipaddress import ip_address, ip_interface, ip_network

import pytest

from macvland import cli
from macvland.cli.arp.lan import Claim, Lan, Source, claims, contested, heard_of, lans, targets
from macvland.cli.arp.verb import _asked, table
from macvland.kernel.survey import ArpSettings, Known
from macvland.lan import frames
from macvland.lan.frames import claim_in, probe
from macvland.model import Dad, Host, Link, Network, Proxy, Shim, ShimAddress, Subnet
from macvland.status import AttachmentStatus
from tests.unit.samples import ETH0, HOST, LAN, PUB, container, declared
from tests.unit.test_status import READY

NETWORK = Network(name="pub_net", parent="eth0", subnets=frozenset({LAN}), id="id-of-pub_net")
SHIM = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:aa", mtu=1500)
OWN = ShimAddress(shim="mv-pub_net", address=ip_address("192.168.1.223"))
WEB = container("web", "192.168.1.193")
SEEN = replace(
    HOST,
    shims=frozenset({SHIM}),
    addresses=frozenset({OWN}),
    networks=frozenset({NETWORK}),
    attachments=frozenset({WEB}),
)
QUIET = {"mv-pub_net": ArpSettings(filter=True, ignore=0)}
HERE = Lan(network="pub_net", link=ETH0, subnets=(LAN,))
STRANGER = "02:00:00:00:00:66"


def known(address: str, mac: str, *, fresh: bool = True, link: str = "eth0") -> Known:
    return Known(link=link, address=ip_address(address), mac=mac, fresh=fresh)


def found(seen: Host = SEEN, *entries: Known, settings: dict[str, ArpSettings] = QUIET) -> list[Claim]:
    return claims(HERE, seen, settings, heard_of(HERE, entries, ()))


def told(these: list[Claim]) -> list[tuple[str, str, str]]:
    return [(str(one.address), one.mac, one.who) for one in these]


def test_host_shim_container_gateway_and_stranger_are_told_apart() -> None:
    router, other = known("192.168.1.1", "02:00:00:00:00:01"), known("192.168.1.60", STRANGER)
    assert told(found(SEEN, router, other)) == [
        ("192.168.1.1", "02:00:00:00:00:01", "gateway"),
        ("192.168.1.50", ETH0.mac, "host"),
        ("192.168.1.60", STRANGER, "stranger"),
        ("192.168.1.193", WEB.mac, "container web"),
        ("192.168.1.223", ETH0.mac, "shim mv-pub_net"),  # the parent answers for it, by the parent's MAC
    ]


def test_a_gateway_that_nobody_heard_of_is_shown_without_a_mac() -> None:
    assert told(found())[0] == ("192.168.1.1", "", "gateway")
    assert contested(found()) == frozenset()


HAND_MADE = Link(
    name="shim0",
    index=9,
    kind="macvlan",
    mac="02:00:00:00:00:99",
    below="eth0",
    addresses=frozenset({ip_interface("192.168.1.222/32")}),
)


@pytest.mark.parametrize(
    ("settings", "two"),
    [
        (ArpSettings(filter=False, ignore=0), {"192.168.1.50", "192.168.1.222", "192.168.1.223"}),
        (ArpSettings(filter=False, ignore=1), {"192.168.1.222"}),
        (ArpSettings(filter=True, ignore=0), set()),
        (ArpSettings(filter=False, ignore=8), set()),
    ],
    ids=["defaults", "arp_ignore 1", "arp_filter", "arp_ignore 8"],
)
def test_a_hand_made_shim_answers_for_the_host_as_its_settings_let_it(settings: ArpSettings, two: set[str]) -> None:
    seen = replace(SEEN, links=SEEN.links | {HAND_MADE})
    assert set(map(str, contested(found(seen, settings=QUIET | {"shim0": settings})))) == two


def test_a_shim_that_is_down_answers_for_nobody() -> None:
    seen = replace(SEEN, links=SEEN.links | {replace(HAND_MADE, up=False)})
    assert contested(found(seen, settings={})) <= {ip_address("192.168.1.223"), ip_address("192.168.1.50")}
    assert "02:00:00:00:00:99" not in {one.mac for one in found(seen)}


def test_a_strangers_answer_for_a_containers_address_is_the_second_mac() -> None:
    assert contested(found(SEEN, known("192.168.1.193", STRANGER))) == {ip_address("192.168.1.193")}


def test_a_stale_neighbour_says_nothing_against_those_who_know() -> None:
    these = found(SEEN, known("192.168.1.193", STRANGER, fresh=False), known("192.168.1.60", STRANGER, fresh=False))
    assert contested(these) == frozenset()
    assert ("192.168.1.60", STRANGER, "stranger") in told(these)


def test_neighbours_on_other_links_are_of_other_lans() -> None:
    assert STRANGER not in {one.mac for one in found(SEEN, known("192.168.1.60", STRANGER, link="eth1"))}


def test_one_mac_that_several_sources_know_is_one_claim() -> None:
    these = found(SEEN, known("192.168.1.193", WEB.mac))
    (web,) = (one for one in these if one.who == "container web")
    assert web.sources == {Source.DOCKER, Source.NEIGHBOURS}


def test_by_ipv6_each_link_answers_for_its_own_addresses() -> None:
    lan6 = Subnet(cidr=ip_network("2001:db8:1::/64"))
    parent = replace(ETH0, addresses=frozenset({ip_interface("2001:db8:1::50/64")}))
    own = ShimAddress(shim="mv-pub_net", address=ip_address("2001:db8:1::223"))
    bent = Proxy(shim="mv-pub_net", address=ip_address("2001:db8:1::50"), macs=None)
    seen = replace(SEEN, links=frozenset({parent}), addresses=frozenset({own}), attachments=frozenset())
    here = Lan(network="pub_net", link=parent, subnets=(lan6,))
    assert told(claims(here, seen, QUIET, ())) == [
        ("2001:db8:1::50", ETH0.mac, "host"),
        ("2001:db8:1::223", SHIM.mac, "shim mv-pub_net"),
    ]
    assert contested(claims(here, replace(seen, proxies=frozenset({bent})), QUIET, ())) == {bent.address}


def test_without_docker_the_status_file_names_the_containers() -> None:
    seen = replace(SEEN, engine=None, networks=frozenset(), attachments=frozenset())
    attached = AttachmentStatus(container="web", addresses=("192.168.1.193",), mac=WEB.mac)
    last = replace(READY, link="eth0", attachments=(attached,))
    (lan,) = lans(declared(PUB), seen)
    these = claims(lan, seen, QUIET, (), [last])
    assert ("192.168.1.193", WEB.mac, "container web") in told(these)


# What is swept


WIDE = Subnet(cidr=ip_network("10.0.0.0/16"), range=ip_network("10.0.8.0/24"))


@pytest.mark.parametrize(
    ("subnet", "asked", "first", "count"),
    [
        (LAN, None, "192.168.1.1", 254),
        (LAN, "192.168.1.192/30", "192.168.1.192", 4),
        (WIDE, None, "10.0.8.0", 256),
        (WIDE, "10.0.255.0/24", "10.0.255.0", 255),
        (Subnet(cidr=ip_network("10.1.0.0/22")), None, "10.1.0.1", 1022),
    ],
    ids=["all of a subnet", "a part", "the range of a large subnet", "the end of one", "the largest at once"],
)
def test_what_is_swept_is_bounded(subnet: Subnet, asked: str | None, first: str, count: int) -> None:
    swept = targets(replace(HERE, subnets=(subnet,)), ip_network(asked) if asked else None)
    assert (str(swept[0]), len(swept)) == (first, count)


@pytest.mark.parametrize(
    ("subnet", "asked", "told"),
    [
        (Subnet(cidr=ip_network("10.1.0.0/21")), None, "10.1.0.0/21 has more than 1024 addresses: say which of them"),
        (WIDE, "10.0.0.0/20", "10.0.0.0/20 has more than 1024 addresses"),
        (LAN, "10.0.0.0/24", "10.0.0.0/24 is in no IPv4 subnet of pub_net: write a --range in 192.168.1.0/24"),
        (LAN, "2001:db8::/120", "is in no IPv4 subnet"),
        (Subnet(cidr=ip_network("2001:db8::/64")), None, "has no IPv4 subnet to sweep: leave out --probe"),
    ],
    ids=["too large", "too much asked for", "elsewhere", "IPv6 asked for", "IPv6 alone"],
)
def test_what_cannot_be_swept_says_what_to_do(subnet: Subnet, asked: str | None, told: str) -> None:
    with pytest.raises(ValueError, match=r"10|2001|pub_net") as refused:
        targets(replace(HERE, subnets=(subnet,)), ip_network(asked) if asked else None)
    assert told in str(refused.value)


def test_of_several_networks_those_without_ipv4_are_not_swept() -> None:
    six = replace(HERE, network="six", subnets=(Subnet(cidr=ip_network("2001:db8::/64")),))
    options = argparse.Namespace(range=None)
    assert [len(asked) for asked in _asked([HERE, six], options)] == [254, 0]


def test_an_address_that_the_lan_has_not_agreed_to_is_nobodys_yet() -> None:
    pending = ShimAddress(shim="mv-pub_net", address=ip_address("2001:db8:1::223"), dad=Dad.TENTATIVE)
    here = Lan(network="pub_net", link=ETH0, subnets=(Subnet(cidr=ip_network("2001:db8:1::/64")),))
    assert claims(here, replace(SEEN, addresses=frozenset({pending})), QUIET, ()) == []


def test_a_probe_asks_for_an_address_and_names_no_other() -> None:
    frame = probe("02:00:00:00:00:50", ip_address("192.168.1.9"))
    assert frame.hex() == ("ffffffffffff0200000000500806000108000604000102000000005000000000000000000000c0a80109")
    assert claim_in(frame) == (ip_address("192.168.1.9"), "02:00:00:00:00:50", True)


@pytest.mark.parametrize(
    ("frame", "claim"),
    [
        (b"\0" * 20, None),
        (
            bytes.fromhex("02000000005002000000006608060001080006040002020000000066c0a80109") + bytes(10),
            frames.Claim(ip_address("192.168.1.9"), "02:00:00:00:00:66"),
        ),
        (bytes.fromhex("02" * 12 + "0806" + "0006080006040002" + "020000000066" + "c0a80109") + bytes(10), None),
    ],
    ids=["a fragment", "an answer", "another kind of network"],
)
def test_what_a_frame_claims(frame: bytes, claim: frames.Claim | None) -> None:
    assert claim_in(frame) == claim


# How it looks


LONG = container(
    "a-container-whose-name-needs-more-room-than-there-is-in-eighty-columns", "192.168.1.194", mac="02:42:c0:a8:01:c2"
)
SHOWN = found(
    replace(SEEN, attachments=frozenset({WEB, LONG})),
    known("192.168.1.1", "02:00:00:00:00:01"),
    known("192.168.1.193", STRANGER),
)
GOLDEN = {
    80: """\
pub_net on eth0: 192.168.1.0/24
   ADDRESS        MAC                WHO                              KNOWN FROM
   192.168.1.1    02:00:00:00:00:01  gateway                          neighbours
   192.168.1.50   02:00:00:00:00:50  host                             kernel
!  192.168.1.193  02:42:c0:a8:01:c1  container web                    Docker
!  192.168.1.193  02:00:00:00:00:66  stranger                         neighbours
   192.168.1.194  02:42:c0:a8:01:c2  container a-container-whose-na…  Docker
   192.168.1.223  02:00:00:00:00:50  shim mv-pub_net                  kernel
192.168.1.193 has 2 MACs on this LAN
""",
    120: """\
pub_net on eth0: 192.168.1.0/24
   ADDRESS        MAC                WHO                                                                      KNOWN FROM
   192.168.1.1    02:00:00:00:00:01  gateway                                                                  neighbours
   192.168.1.50   02:00:00:00:00:50  host                                                                     kernel
!  192.168.1.193  02:42:c0:a8:01:c1  container web                                                            Docker
!  192.168.1.193  02:00:00:00:00:66  stranger                                                                 neighbours
   192.168.1.194  02:42:c0:a8:01:c2  container a-container-whose-name-needs-more-room-than-there-is-in-eigh…  Docker
   192.168.1.223  02:00:00:00:00:50  shim mv-pub_net                                                          kernel
192.168.1.193 has 2 MACs on this LAN
""",
}


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_the_terminal_and_marks_what_is_contested(columns: int) -> None:
    assert table(HERE, SHOWN, columns) == GOLDEN[columns].rstrip("\n")


@pytest.mark.parametrize("rate", ["0", "1001", "many"])
def test_a_rate_has_its_bounds(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["arp", "--probe", "--rate", rate])
    assert "--rate" in capsys.readouterr().err


def test_a_range_without_a_probe_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["arp", "--range", "192.168.1.0/24"]) == 1
    assert capsys.readouterr().err == "macvlanctl: --range says what to probe: add --probe\n"
