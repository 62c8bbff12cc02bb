"""macvlanctl doctor where it is pure: each finder by a look at a host that has its cause, and by one that has not."""

import json
from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_interface, ip_network
from pathlib import Path

import pytest

from macvland import cli
from macvland.action import Delete
from macvland.cli.arp.lan import Claim, Lan, Source
from macvland.cli.doctor.diagnosis import FINDERS, diagnosis, notes
from macvland.cli.doctor.docker import of_reports
from macvland.cli.doctor.finding import Finding, ordered
from macvland.cli.doctor.firewall import outcome
from macvland.cli.doctor.machine import AZURE, read_machine, switch_of
from macvland.cli.doctor.manager import claims_on
from macvland.cli.doctor.report import told
from macvland.cli.doctor.snapshot import Claimed, Contained, Machine, Sighting, Snapshot
from macvland.cli.doctor.wire import FREE, free, in_use
from macvland.condition import CODES, Condition
from macvland.condition.docker import LOST, NO_GATEWAYLESS, ONE_PER_PARENT, REFUSED
from macvland.condition.kernel import NO_MACVLAN
from macvland.condition.lan import ALSO, PROXY_ARP, RANGE_IN_USE, SILENT_GATEWAY, TAKEN
from macvland.condition.obstacle import SAME_NAME, UNDONE
from macvland.condition.parent import PARENT_DOWN
from macvland.error import ConfigError
from macvland.kernel.firewall import Chain, Rule
from macvland.kernel.inside import Inside
from macvland.kernel.survey import Child, Filtering, Way, WayOut
from macvland.model import Engine, Goal, Host, Link, Loss, Mode, Network, Shim, ShimAddress, Subnet
from macvland.status import State, Status
from macvland.status import told as in_status
from tests.conditions import because
from tests.unit.samples import ETH0, ETH1, HOST, LAN, PUB, container, declaration, declared, without_shim
from tests.unit.test_status import FINE, READY

PROJECT = Path(__file__).resolve().parents[2]

NETWORK = Network(name="pub_net", parent="eth0", subnets=frozenset({LAN}), id="id-of-pub_net", spec="1:x")
SHIM = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:aa", mtu=1500)
WEB = container("web", "192.168.1.193")
SEEN = replace(HOST, shims=frozenset({SHIM}), networks=frozenset({NETWORK}), attachments=frozenset({WEB}))
RUNNING: Status = replace(FINE, networks=(READY,), conditions=(), converged=True)
GOOD = Snapshot(config=declared(PUB), seen=SEEN, status=RUNNING, children=(Child(name=SHIM.name, mode="bridge"),))
HERE = Lan(network="pub_net", link=ETH0, subnets=(LAN,))
GATEWAY = IPv4Address("192.168.1.1")
HAND_MADE = Link(name="shim0", index=9, kind="macvlan", below="eth0", mac="02:00:00:00:00:99")
CLOSED = Chain(family="inet", table="filter", name="input", hook="input", policy="drop")
INSIDE = Contained(name="web", networks=frozenset({NETWORK.id}))


def seen(**changes: object) -> Snapshot:
    return replace(GOOD, seen=replace(SEEN, **changes))  # type: ignore[arg-type]


def parent(**changes: object) -> Snapshot:
    return seen(links=frozenset({replace(ETH0, **changes), ETH1}))  # type: ignore[arg-type]


def by_hand(*addresses: str, **changes: object) -> Snapshot:
    link = replace(HAND_MADE, addresses=frozenset(map(ip_interface, addresses)))
    shot = seen(links=frozenset({ETH0, ETH1, link}), shims=frozenset())
    return replace(shot, **changes)  # type: ignore[arg-type]


def settings(link: str, **values: int) -> Filtering:
    return Filtering(link=link, **{"rp_filter": 0, "arp_ignore": 0, "arp_announce": 2, **values})


def sighting(*claims: Claim, asked: str = "", answers: str = "") -> Snapshot:
    found = Sighting(
        lan=HERE,
        claims=claims,
        asked=frozenset(map(IPv4Address, asked.split())),
        answers=frozenset((IPv4Address(it), "02:00:00:00:00:66") for it in answers.split()),
    )
    return replace(GOOD, sightings=(found,))


def claim(address: str, mac: str, who: str) -> Claim:
    return Claim(address=ip_address(address), mac=mac, who=who, sources=frozenset({Source.PROBE}))


def wired(*rules: Rule, policy: str = "drop", hook: str = "input") -> Snapshot:
    return replace(GOOD, firewall=(replace(CLOSED, rules=rules, policy=policy, hook=hook),))


WRONG = ConfigError(file=Path("/etc/macvlan.d/pub_net.toml"), line=4, key="network.mode", wrong="is no mode")
OBSTACLE = SAME_NAME("pub_net", ids=("a", "b"))
ADDRESS_TAKEN = TAKEN("pub_net", address="192.168.1.223", devices=("02:00:00:00:00:66",))
SILENT = SILENT_GATEWAY("pub_net", address="192.168.1.1", parent="eth0")
REFUSAL = NO_MACVLAN("pub_net")
FAILED = replace(RUNNING, networks=(replace(READY, state=State.FAILED, conditions=(in_status(REFUSAL),)),))
REFUSED_BY_DOCKER = replace(
    FAILED,
    networks=(replace(FAILED.networks[0], conditions=(in_status(NO_GATEWAYLESS("pub_net", version="26.1.5")),)),),
)
WARNED = replace(RUNNING, networks=(replace(READY, conditions=(in_status(SILENT),)),))
BRIDGE = Link(name="br0", index=4, kind="bridge")
VMWARE, EC2 = Machine(vendor="VMware, Inc.", product="VMware7,1"), Machine(vendor="Amazon EC2", product="t3.small")
OLD = Engine(version="26.1.5", api=(1, 45))
SECOND = replace(NETWORK, name="second", id="")
SUBNET_WAY = (Way(link="shim0", destination=ip_network("192.168.1.0/24")),)
RANGE_WAY = (Way(link="shim0", destination=ip_network("192.168.1.192/27")),)
TWICE = ALSO("pub_net", parent="eth0", address="192.168.1.193", whose="its address", devices=("02:00:00:00:00:66",))


def reporting(condition: Condition, state: State = State.READY) -> Snapshot:
    """Return the snapshot of a host whose daemon reports *condition*."""
    network = replace(READY, state=state, conditions=(in_status(condition),))
    return replace(GOOD, status=replace(RUNNING, networks=(network,)))


DAEMONS = {"MV106", "MV801", "MV802", "MV803", "MV804", "MV805"}  # what passes by itself, or is worked round
CAUSES: dict[str, tuple[str, Snapshot]] = {
    "a file in error": ("MV101", replace(GOOD, config=replace(declared(PUB), errors=(WRONG,)))),
    "no status": ("MV102", replace(GOOD, status=None, running=False)),
    "a status of one that has ended": ("MV102", replace(GOOD, running=False)),
    "more to do than the daemon says": ("MV103", replace(GOOD, actions=(Delete(SHIM),))),
    "a network that failed": ("MV104", replace(GOOD, status=FAILED)),
    "a network that an older daemon says has failed": (
        "MV104",
        replace(
            GOOD,
            status=replace(
                RUNNING,
                networks=(replace(READY, state=State.FAILED, conditions=because(State.FAILED, "the kernel refused")),),
            ),
        ),
    ),
    "a network that failed for what Docker refuses": (
        "MV203",
        replace(GOOD, status=REFUSED_BY_DOCKER, refusals=(NO_GATEWAYLESS("pub_net", version="26.1.5"),)),
    ),
    "a conflict": ("MV105", replace(GOOD, goal=Goal(host=Host(), obstacles=frozenset({OBSTACLE})))),
    "a repair that somebody keeps undoing": ("MV105", reporting(UNDONE("pub_net", repair="add shim"), State.WAITING)),
    "a network of the daemon's that Docker refused": (
        "MV203",
        reporting(ONE_PER_PARENT("pub_net", version="26.1.5", other="lan").during("add", "pub_net"), State.FAILED),
    ),
    "an address that the daemon knows twice": ("MV501", reporting(TWICE)),
    "an address in use that the daemon knows": (
        "MV503",
        reporting(RANGE_IN_USE("pub_net", addresses=("192.168.1.200",), devices=("02:00:00:00:00:66",))),
    ),
    "a device that answers for everything": (
        "MV504",
        reporting(PROXY_ARP("pub_net", devices=("02:00:00:00:00:66",), parent="eth0")),
    ),
    "a shim for a parent": (
        "MV304",
        replace(GOOD, config=declared(PUB, declaration("lab", Subnet(cidr=ip_network("10.9.0.0/24")), SHIM.name))),
    ),
    "no Docker": ("MV201", seen(engine=None, absent=REFUSED(path="/run/docker.sock"), attachments=frozenset())),
    "a network that Docker lost": (
        "MV202",
        seen(losses=frozenset({Loss(network="pub_net", id="x", condition=LOST("pub_net"))})),
    ),
    "a Docker too old": ("MV203", replace(GOOD, refusals=(NO_GATEWAYLESS("pub_net", version="26.1.5"),))),
    "a second network on an old Docker": (
        "MV203",
        replace(seen(engine=OLD), goal=Goal(host=Host(networks=frozenset({NETWORK, SECOND})))),
    ),
    "ports in vain": ("MV204", replace(GOOD, contained=(replace(INSIDE, ports=("80/tcp",)),))),
    "no parent": ("MV301", seen(links=frozenset({ETH1}))),
    "a parent that is down": ("MV302", parent(up=False)),
    "a parent without carrier": ("MV303", parent(carrier=False)),
    "a port of a bridge": ("MV304", seen(links=frozenset({replace(ETH0, master="br0"), BRIDGE}))),
    "a parent with a holder": (
        "MV304",
        seen(links=frozenset({ETH0, replace(HAND_MADE, passthru=True)})),
    ),
    "Wi-Fi": ("MV305", parent(wireless=True)),
    "a cloud": ("MV401", replace(GOOD, machine=EC2)),
    "a hypervisor": ("MV402", replace(GOOD, machine=VMWARE)),
    "two MACs": (
        "MV501",
        sighting(claim("192.168.1.193", WEB.mac, "container web"), claim("192.168.1.193", "02::", "stranger")),
    ),
    "a silent gateway": ("MV502", sighting(asked="192.168.1.1")),
    "a taken address": ("MV503", sighting(asked="192.168.1.200", answers="192.168.1.200")),
    "a shim's address that a device has": (
        "MV504",
        replace(
            GOOD,
            goal=Goal(host=Host(), obstacles=frozenset({ADDRESS_TAKEN})),
            status=replace(FAILED, networks=(replace(FAILED.networks[0], conditions=(in_status(ADDRESS_TAKEN),)),)),
        ),
    ),
    "what the LAN told the daemon": ("MV502", replace(GOOD, status=WARNED)),
    "a silent gateway, which the daemon knows": ("MV502", replace(sighting(asked="192.168.1.1"), status=WARNED)),
    "a firewall": ("MV601", wired()),
    "a firewall outwards": ("MV601", wired(hook="output")),
    "strict, the subnet twice": (
        "MV602",
        by_hand("192.168.1.222/24", ways=SUBNET_WAY, filtering=(settings("shim0", rp_filter=1),)),
    ),
    "strict, a range over the shim": (
        "MV602",
        by_hand(ways=RANGE_WAY, filtering=(settings("eth0", rp_filter=1), settings("shim0"))),
    ),
    "a shim that ignores": ("MV603", replace(GOOD, filtering=(settings(SHIM.name, arp_ignore=1),))),
    "a parent that ignores all": ("MV603", replace(GOOD, filtering=(settings("eth0", arp_ignore=8),))),
    "a shim that asks": (
        "MV604",
        by_hand("192.168.1.222/32", filtering=(settings("shim0", arp_announce=0),)),
    ),
    "a shim beside ours": (
        "MV701",
        replace(
            by_hand("192.168.1.222/32"),
            filtering=(settings("shim0"),),
            seen=replace(by_hand("192.168.1.222/32").seen, shims=frozenset({SHIM})),
        ),
    ),
    "a vepa shim": (
        "MV702",
        by_hand("192.168.1.222/32", filtering=(settings("shim0"),), children=(Child(name="shim0", mode="vepa"),)),
    ),
    "a private network": ("MV702", seen(networks=frozenset({replace(NETWORK, mode=Mode.PRIVATE)}))),
    "a shim's MTU": ("MV703", seen(shims=frozenset({replace(SHIM, mtu=1400)}))),
    "a container's MTU": (
        "MV704",
        replace(GOOD, contained=(replace(INSIDE, inside=Inside(mtus=frozenset({(WEB.mac, 1400)}))),)),
    ),
    "a default route over a shim": (
        "MV705",
        replace(
            GOOD, ways_out=(WayOut(link="eth0", version=6, priority=1), WayOut(link=SHIM.name, version=6, priority=1))
        ),
    ),
    "networkd": (
        "MV706",
        replace(GOOD, claimed=(Claimed(link=SHIM.name, program="systemd-networkd", written="configured"),)),
    ),
}


@pytest.mark.parametrize(("code", "shot"), CAUSES.values(), ids=CAUSES)
def test_a_cause_is_found_and_nothing_else(code: str, shot: Snapshot) -> None:
    found = diagnosis(shot)
    assert [one.code for one in found] == [code]
    assert all(one.symptom and one.seen and one.remedy and all(one.remedy) for one in found)


def test_what_the_daemon_met_as_well_is_told_in_its_words_and_with_its_fields() -> None:
    (found,) = diagnosis(parent(up=False))
    (met,) = found.conditions
    assert found.seen == ("its parent 'eth0' is down",)
    assert (met.code, met.field("parent")) == (found.code, ("eth0",))


def test_what_was_just_heard_here_is_not_repeated_from_the_status() -> None:
    heard = sighting(claim("192.168.1.193", WEB.mac, "container web"), claim("192.168.1.193", "02::", "stranger"))
    found = diagnosis(replace(heard, status=reporting(TWICE).status))
    assert [(one.code, one.conditions) for one in found] == [("MV501", ())]


def test_where_nothing_is_wrong_nothing_is_found() -> None:
    assert diagnosis(GOOD) == []
    assert notes(GOOD) == []


HARMLESS = {
    "a parent that the file vouches for": replace(
        parent(wireless=True), config=declared(replace(PUB, parent_check=False))
    ),
    "a conflict about a parent, which is told apart": replace(
        GOOD, goal=Goal(host=Host(), obstacles=frozenset({PARENT_DOWN("pub_net", parent="eth0")}))
    ),
    "a container that was answered from the LAN": replace(
        GOOD, machine=VMWARE, contained=(replace(INSIDE, inside=Inside(heard=frozenset({GATEWAY}))),)
    ),
    "a gateway that is the host": sighting(claim("192.168.1.1", ETH0.mac, "host"), asked="192.168.1.1"),
    "a gateway that answered": sighting(asked="192.168.1.1", answers="192.168.1.1"),
    "a device outside the range": sighting(asked="192.168.1.60", answers="192.168.1.60"),
    "ports of one with a bridge network, too": replace(
        GOOD, contained=(replace(INSIDE, ports=("80/tcp",), networks=frozenset({NETWORK.id, "bridge"})),)
    ),
    "strict with one route for each container": by_hand(
        "192.168.1.222/32",
        ways=(Way(link="shim0", destination=ip_network("192.168.1.193/32")),),
        filtering=(settings("shim0", rp_filter=1), settings("eth0", rp_filter=1)),
    ),
    "strict, the parent's address as a whole on both": replace(
        by_hand("192.168.1.50/32", filtering=(settings("shim0", rp_filter=1),)),
        seen=replace(
            SEEN,
            shims=frozenset(),
            links=frozenset(
                replace(link, addresses=frozenset({ip_interface("192.168.1.50/32")})) for link in (ETH0, HAND_MADE)
            ),
        ),
    ),
    "loose": by_hand("192.168.1.222/24", ways=SUBNET_WAY, filtering=(settings("shim0", rp_filter=2),)),
    "a parent that answers for its own": replace(GOOD, filtering=(settings("eth0", arp_ignore=1),)),
    "the default route of a parent": replace(GOOD, ways_out=(WayOut(link="eth0", version=4, priority=0),)),
    "a link of others that networkd manages": replace(
        GOOD, claimed=(Claimed(link="eth0", program="systemd-networkd", written="configured"),)
    ),
    "a firewall with an open policy": wired(policy="accept"),
    "a firewall that lets the shim in": wired(Rule(interfaces=(("input", "mv-*", True),), verdict="accept")),
    "a firewall for IPv6 where there is none": replace(GOOD, firewall=(replace(CLOSED, family="ip6"),)),
    "a rule for what comes in, where it goes out": wired(
        Rule(interfaces=(("input", SHIM.name, True),), verdict="drop"), policy="accept", hook="output"
    ),
    "a firewall for others": wired(Rule(interfaces=(("input", "eth0", True),), verdict="drop"), policy="accept"),
}


@pytest.mark.parametrize("shot", HARMLESS.values(), ids=HARMLESS)
def test_what_does_no_harm_is_no_finding(shot: Snapshot) -> None:
    assert diagnosis(shot) == []


def test_a_shim_with_an_address_may_ignore_questions_for_others() -> None:
    own = ShimAddress(shim=SHIM.name, address=ip_address("192.168.1.223"))
    shot = replace(seen(addresses=frozenset({own})), filtering=(settings(SHIM.name, arp_ignore=1),))
    assert diagnosis(shot) == []


def test_the_line_that_keeps_docker_off_a_taken_address_says_what_the_file_says_already() -> None:
    shot = sighting(asked="192.168.1.200", answers="192.168.1.200")
    reserved = replace(HERE, subnets=(replace(LAN, reserved=frozenset({ip_address("192.168.1.201")})),))
    found = diagnosis(replace(shot, sightings=(replace(shot.sightings[0], lan=reserved),)))
    assert found[0].remedy == ('reserved = ["192.168.1.200-192.168.1.201"]',)


def test_what_ends_flux_is_the_filter_of_the_link_that_answers_too_much() -> None:
    two = sighting(
        claim("192.168.1.50", ETH0.mac, "host"), claim("192.168.1.50", HAND_MADE.mac, "shim.0 answers for host")
    )
    assert diagnosis(two)[0].remedy == ("sysctl -w net.ipv4.conf.shim/0.arp_filter=1",)


def test_two_links_of_the_host_with_one_address_are_flux_and_a_stranger_is_not() -> None:
    own = replace(claim("192.168.1.222", HAND_MADE.mac, "link shim0"), sources=frozenset({Source.KERNEL}))
    assert diagnosis(sighting(own, replace(own, mac=ETH0.mac)))[0].remedy == (
        "sysctl -w net.ipv4.conf.shim0.arp_filter=1",
    )
    stranger = claim("192.168.1.222", "02::", "stranger")
    assert "arp_filter" not in str(diagnosis(sighting(own, stranger))[0].remedy)


def test_taken_addresses_are_a_line_to_copy() -> None:
    shot = sighting(answers="192.168.1.200 192.168.1.201 192.168.1.210")
    assert diagnosis(shot)[0].remedy == ('reserved = ["192.168.1.200-192.168.1.201", "192.168.1.210"]',)


# Codes, order, paragraphs


def test_every_code_but_those_of_the_daemon_alone_is_found_by_a_case_of_this_table() -> None:
    assert {code for code, _ in CAUSES.values()} == CODES.keys() - DAEMONS


def test_the_likeliest_comes_first_and_nothing_twice() -> None:
    found = [finding for _, shot in reversed(CAUSES.values()) for finder in FINDERS for finding in finder(shot)]
    codes = [one.code for one in ordered([*found, *found])]
    assert sorted(codes, key=list(CODES).index) == codes
    assert len(codes) == len(set(found))


def test_of_one_network_only_its_own_findings_and_the_hosts_are_shown() -> None:
    lab = declaration("lab", Subnet(cidr=ip_network("10.9.0.0/24")), "eth9")
    shot = replace(GOOD, config=declared(PUB, lab), running=False)
    assert [(one.code, one.network) for one in diagnosis(shot)] == [("MV102", ""), ("MV301", "lab")]
    assert [one.code for one in diagnosis(shot, "pub_net")] == ["MV102"]


def test_a_network_without_a_shim_is_worth_a_note_and_no_finding() -> None:
    shot = replace(GOOD, config=declared(without_shim(PUB)), seen=replace(SEEN, shims=frozenset()))
    assert (diagnosis(shot), len(notes(shot))) == ([], 1)
    assert notes(shot, "other") == []


# Who is asked


def test_gateways_and_those_in_use_are_asked_once_each() -> None:
    router = container("router", "192.168.1.1")
    assert in_use(HERE, replace(SEEN, attachments=frozenset({WEB, router}))) == in_use(HERE, SEEN)
    assert list(map(str, in_use(HERE, SEEN))) == ["192.168.1.1", "192.168.1.50", "192.168.1.193"]


def test_of_what_docker_may_hand_out_the_free_are_asked() -> None:
    shared = replace(HERE, subnets=(replace(LAN, reserved=frozenset({ip_address("192.168.1.194")})),))
    found = list(map(str, free(shared, SEEN)))
    assert (found[:3], found[-1], len(found)) == (
        ["192.168.1.192", "192.168.1.195", "192.168.1.196"],
        "192.168.1.223",
        30,
    )


def test_of_a_large_subnet_only_the_first_are_asked() -> None:
    wide = replace(HERE, subnets=(Subnet(cidr=ip_network("10.0.0.0/8"), gateway=ip_address("10.0.0.1")),))
    found = free(wide, SEEN)
    assert (len(found), str(found[0])) == (FREE, "10.0.0.2")


# The firewall

JUMP = Rule(verdict="jump", target="more")
MORE = replace(CLOSED, name="more", hook="", policy="accept")
ACCEPT, DROP = Rule(verdict="accept"), Rule(verdict="drop")
MAYBE = Rule(conditional=True, verdict="accept")
FOR_SHIM = (("input", "mv-pub_net", True),)


@pytest.mark.parametrize(
    ("rules", "more", "expected"),
    [
        ((), (), "drop"),
        ((MAYBE,), (), "drop"),
        ((ACCEPT,), (), "accept"),
        ((DROP, ACCEPT), (), "drop"),
        ((replace(ACCEPT, interfaces=FOR_SHIM),), (), "accept"),
        ((replace(ACCEPT, interfaces=(("input", "mv-pub_net", False),)),), (), "drop"),
        ((replace(ACCEPT, interfaces=(("input", "mv-*", True),)),), (), "accept"),
        ((JUMP,), (ACCEPT,), "accept"),
        ((JUMP, ACCEPT), (Rule(verdict="return"), DROP), "accept"),
        ((JUMP, ACCEPT), (), "accept"),
        ((replace(JUMP, verdict="goto"), ACCEPT), (), "drop"),
        ((JUMP, ACCEPT), (JUMP,), "accept"),
    ],
    ids=[
        "policy",
        "a condition",
        "all",
        "the first counts",
        "the shim",
        "all but the shim",
        "the start of its name",
        "a jump",
        "a return",
        "the end of a jump",
        "a goto does not return",
        "a chain in itself",
    ],
)
def test_what_becomes_of_a_packet(rules: tuple[Rule, ...], more: tuple[Rule, ...], expected: str) -> None:
    base = replace(CLOSED, rules=rules)
    assert outcome(base, (base, replace(MORE, rules=more)), "mv-pub_net") == expected


@pytest.mark.parametrize(
    ("chain", "others", "command"),
    [
        (CLOSED, (), "nft insert rule inet filter input iifname mv-pub_net accept"),
        (
            replace(CLOSED, family="ip", name="INPUT"),
            (),
            "iptables -I INPUT -i mv-pub_net -j ACCEPT",
        ),
        (
            replace(CLOSED, family="ip", name="INPUT"),
            (replace(MORE, family="ip", name="ufw-user-input"),),
            "ufw allow in on mv-pub_net",
        ),
        (
            replace(CLOSED, table="firewalld", name="filter_INPUT"),
            (),
            "firewall-cmd --permanent --zone=trusted --add-interface=mv-pub_net && firewall-cmd --reload",
        ),
    ],
    ids=["nft", "iptables", "ufw", "firewalld"],
)
def test_a_firewall_is_opened_by_the_program_whose_it_is(chain: Chain, others: tuple[Chain, ...], command: str) -> None:
    assert diagnosis(replace(GOOD, firewall=(chain, *others)))[0].remedy == (command,)


# Edges that are files


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (Machine(), None),
        (Machine(vendor="Dell Inc.", product="OptiPlex"), None),
        (EC2, "Amazon EC2"),
        (Machine(hypervisor="xen", vendor="Xen", bios="4.11.amazon"), "Amazon EC2"),
        (Machine(vendor="Google", product="Google Compute Engine"), "Google Compute Engine"),
        (Machine(vendor="Google", product="Link"), None),
        (Machine(vendor="Microsoft Corporation", product="Virtual Machine", asset=AZURE), "Microsoft Azure"),
        (Machine(vendor="Microsoft Corporation", product="Virtual Machine"), "Hyper-V"),
        (Machine(vendor="Microsoft Corporation", product="Surface Pro"), None),
        (VMWARE, "VMware"),
        (Machine(vendor="innotek GmbH", product="VirtualBox"), "VirtualBox"),
        (Machine(vendor="QEMU", product="Standard PC (Q35 + ICH9, 2009)"), "QEMU or KVM"),
        (Machine(hypervisor="xen", vendor="Xen", product="HVM domU"), "Xen"),
    ],
)
def test_a_platform_is_told_by_its_firmware(machine: Machine, name: str | None) -> None:
    found = switch_of(machine)
    assert (found.name if found else None) == name


def test_the_firmware_is_read_where_there_is_some(tmp_path: Path) -> None:
    """A directory in the place of /sys: no test can choose the machine it runs on."""
    assert read_machine(tmp_path) == Machine()
    dmi = tmp_path / "class/dmi/id"
    dmi.mkdir(parents=True)
    (dmi / "sys_vendor").write_text("Microsoft Corporation\n")
    (dmi / "product_name").write_text("Virtual Machine\n")
    (dmi / "chassis_asset_tag").write_text(f"{AZURE}\n")
    assert read_machine(tmp_path) == Machine(vendor="Microsoft Corporation", product="Virtual Machine", asset=AZURE)


def test_on_a_platform_that_is_open_by_default_the_filters_are_a_note() -> None:
    shot = replace(GOOD, machine=Machine(vendor="QEMU", product="Standard PC"))
    assert diagnosis(shot) == []
    assert any("filterref" in note for note in notes(shot))
    assert any("macfilter" in note for note in notes(shot))


def test_who_manages_a_link_is_read_from_state_files(tmp_path: Path) -> None:
    """Files as systemd-networkd 252 and NetworkManager 1.42 write them: neither runs where tests do."""
    networkd, manager = tmp_path / "links", tmp_path / "devices"
    networkd.mkdir()
    manager.mkdir()
    (networkd / "7").write_text("ADMIN_STATE=configured\nOPER_STATE=routable\nNETWORK_FILE=/etc/systemd/network/a\n")
    (networkd / "8").write_text("ADMIN_STATE=unmanaged\n")
    (manager / "8").write_text("[device]\nmanaged=true\nconnection-uuid=1\n")
    (manager / "7").write_text("[device]\nmanaged=false\n")
    found = claims_on({"mv-a": 7, "mv-b": 8, "mv-c": 9}, networkd, manager)
    assert [(one.link, one.program) for one in found] == [("mv-a", "systemd-networkd"), ("mv-b", "NetworkManager")]
    assert "/etc/systemd/network/a" in found[0].written


def test_what_docker_reports_of_a_container_is_taken_as_far_as_it_goes() -> None:
    report = {
        "Name": "/web",
        "State": {"Pid": 17},
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "80"}], "81/tcp": None}},
        "NetworkSettings": {"Networks": {"pub_net": {"NetworkID": "id-of-pub_net"}}},
    }
    assert of_reports([report]) == [(replace(INSIDE, ports=("80/tcp",)), 17)]
    assert of_reports([{"Name": "/odd", "State": None}]) == [(Contained(name="odd", networks=frozenset()), 0)]


# Layout

SAMPLE: list[Finding] = diagnosis(CAUSES["a shim beside ours"][1]) + diagnosis(CAUSES["no Docker"][1])
GOLDEN_80 = """\
MV701  pub_net: a hand-made shim beside macvland's
  the LAN sees two MACs for the host, and a container's answers go to the wrong
  link
  seen: 'shim0' (02:00:00:00:00:99) is on the same parent and has
        192.168.1.222/32
  do:   ip link set shim0 arp off; sleep 60; ip link delete shim0

MV201  Docker does not answer
  no network can be made, and containers cannot be seen
  seen: nothing listens on /run/docker.sock: Docker is not running
  do:   systemctl start docker
        journalctl --unit docker --since -1h"""
GOLDEN_120 = """\
MV701  pub_net: a hand-made shim beside macvland's
  the LAN sees two MACs for the host, and a container's answers go to the wrong link
  seen: 'shim0' (02:00:00:00:00:99) is on the same parent and has 192.168.1.222/32
  do:   ip link set shim0 arp off; sleep 60; ip link delete shim0

MV201  Docker does not answer
  no network can be made, and containers cannot be seen
  seen: nothing listens on /run/docker.sock: Docker is not running
  do:   systemctl start docker
        journalctl --unit docker --since -1h"""


@pytest.mark.parametrize(("columns", "expected"), [(80, GOLDEN_80), (120, GOLDEN_120)])
def test_findings_fit_a_terminal(columns: int, expected: str) -> None:
    assert told(SAMPLE, columns) == expected


def test_a_remedy_is_never_wrapped_and_nothing_gives_a_terminal_what_does_not_print() -> None:
    odd = replace(SAMPLE[0], evidence=("a\x1b[31m",), remedy=("x " * 90,))
    lines = told([odd], 40).splitlines()
    assert any("x " * 89 in line for line in lines)
    assert all(line.isprintable() for line in lines)


# The command


@pytest.mark.parametrize(("shot", "code"), [(GOOD, 0), (CAUSES["no Docker"][1], 2)], ids=["nothing found", "findings"])
def test_the_exit_status_says_whether_there_are_findings(
    shot: Snapshot, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked: Callable[[str | None], tuple[Snapshot, list[str]]] = lambda _: (shot, ["untold"])  # noqa: E731
    monkeypatch.setattr("macvland.cli.doctor.verb.gather", looked)
    assert cli.main(["doctor", "--json"]) == code
    told_json = json.loads(capsys.readouterr().out)
    assert (told_json["version"], told_json["notes"], len(told_json["findings"])) == (1, ["untold"], code // 2)
    assert cli.main(["doctor"]) == code
    out, err = capsys.readouterr()
    assert (out == "nothing found\n", err) == (code == 0, "untold\n")
