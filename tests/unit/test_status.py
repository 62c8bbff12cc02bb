"""A pass as people and programs read it: states, the file, the table, the line."""

import json
import os
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from macvland.action import Add, Delete, Failure
from macvland.cli.status.overview import overview
from macvland.cli.text.terminal import UNBOUNDED, plain
from macvland.condition import KINDS, Condition, Kind
from macvland.condition.lan import HANDED_OUT
from macvland.condition.parent import NO_CARRIER
from macvland.config import Config
from macvland.error import ConfigError
from macvland.model import About, Dad, Device, Finding, Heard, Host, Network, Promiscuity, Question, Subnet
from macvland.reconcile import Pass, converge
from macvland.status import (
    VERSION,
    AttachmentStatus,
    DisputeStatus,
    NetworkStatus,
    State,
    Status,
    dump,
    line,
    load,
    read,
    status,
    told,
    write,
)
from tests.conditions import a, absent, because, said, wrong
from tests.unit.samples import HOST, OTHER, PUB, container, declared, goal
from tests.unit.world import World

NOW = "2026-01-01T12:00:00Z"
LATER = "2026-01-01T12:10:00Z"
READY = NetworkStatus(
    name="pub_net",
    state=State.READY,
    since=NOW,
    retry="",
    file="/etc/macvlan.d/pub_net.toml",
    parent="eth0",
    link="eth0",
    mode="bridge",
    subnets=("192.168.1.0/24",),
    shim="mv-pub_net",
    host=("192.168.1.50",),
    attachments=(AttachmentStatus(container="web", addresses=("192.168.1.193",), mac="02:42:c0:a8:01:c1"),),
)


def ended_pass(config: Config, host: Host = HOST) -> Pass:
    """Converge a host with a container on it."""
    world = World(host)
    for _ in range(2):
        ended = converge(lambda seen: goal(config, seen), world.kernel, world.engine, lambda *_: True)
        world.run(frozenset({container("web", "192.168.1.193")}))
    return converge(lambda seen: goal(config, seen), world.kernel, world.engine, lambda *_: True) or ended


SETTLED = ended_pass(declared(PUB))
FINE = status(declared(PUB), SETTLED, NOW, {})


UNPLUGGED = NO_CARRIER("pub_net", parent="eth0")
WARNED = HANDED_OUT("pub_net", address="192.168.1.223")


def with_obstacle(condition: Condition) -> Pass:
    return replace(SETTLED, goal=replace(SETTLED.goal, obstacles=frozenset({condition})))


def bare(network: NetworkStatus) -> NetworkStatus:
    """Return *network* without its conditions, which are told apart."""
    return replace(network, conditions=())


def test_a_network_that_is_as_asked_is_ready() -> None:
    expected = Status(time=NOW, pid=os.getpid(), converged=True, engine="26.1.5", networks=(READY,))
    assert expected == FINE


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.state is not None], ids=lambda it: it.name)
def test_what_holds_a_network_gives_it_its_state(kind: Kind) -> None:
    condition = a(kind)
    found = status(declared(PUB), with_obstacle(condition), NOW, {})
    (network,) = found.networks
    expected = READY if kind.state is None else replace(READY, state=kind.state)
    assert (bare(network), network.reasons) == (expected, (condition.text,))
    assert network.conditions == (told(condition, NOW),)
    assert load(dump(found)) == found


@pytest.mark.parametrize("kind", [kind for kind in KINDS.values() if kind.state is None], ids=lambda it: it.name)
def test_a_warning_gives_a_network_no_state(kind: Kind) -> None:
    condition = a(kind)
    found = status(declared(PUB), with_obstacle(condition), NOW, {})
    assert (bare(found.networks[0]), found.networks[0].warnings) == (READY, (condition.text,))
    assert load(dump(found)) == found
    assert f"  warning: {condition.text}" in overview(found, UNBOUNDED, plain)


def test_what_the_lan_says_wrong_is_told_for_programs() -> None:
    device, router, mine = Device(mac="02:00:00:00:00:60"), ip_address("192.168.1.1"), ip_address("192.168.1.223")
    findings = {
        Finding(question=Question(parent="eth0", address=mine, about=About.SHIM), devices=frozenset({device})),
        Finding(question=Question(parent="eth0", address=router, about=About.GATEWAY)),
        Finding(question=Question(parent="eth1", address=mine, about=About.CONTAINER)),
        Finding(question=Question(parent="eth1", address=router, about=About.GATEWAY), devices=frozenset({device})),
    }
    said = Heard(findings=frozenset(findings), proxies=frozenset({("eth0", device)}))
    heard = replace(SETTLED, seen=replace(SETTLED.seen, heard=said))
    found = status(declared(PUB), heard, NOW, {})
    assert found.disputes == (
        DisputeStatus(parent="eth0", address="", about="everything", macs=("02:00:00:00:00:60",)),
        DisputeStatus(parent="eth0", address="192.168.1.1", about="gateway", macs=()),
        DisputeStatus(parent="eth0", address="192.168.1.223", about="shim", macs=("02:00:00:00:00:60",)),
    )
    assert load(dump(found)) == found


def test_a_warning_stays_while_docker_does_not_answer() -> None:
    before = status(declared(PUB), with_obstacle(WARNED), NOW, {})
    silent = replace(SETTLED, seen=replace(SETTLED.seen, engine=None))
    assert status(declared(PUB), silent, LATER, {}, before).networks[0].warnings == (WARNED.text,)
    assert status(declared(PUB), SETTLED, LATER, {}, before).networks[0].warnings == ()


def test_a_failure_comes_before_what_holds_a_network() -> None:
    (shim,) = SETTLED.seen.shims
    failed = replace(
        with_obstacle(UNPLUGGED), failures=(Failure(action=Add(shim), condition=said("busy")),), left=(Add(shim),)
    )
    (network,) = status(declared(PUB), failed, NOW, {"pub_net": LATER}).networks
    reasons = ("add shim 'mv-pub_net' on 'eth0': busy", "its parent 'eth0' has no carrier")
    assert (bare(network), network.reasons) == (replace(READY, state=State.FAILED, retry=LATER), reasons)


def test_a_failed_network_that_was_not_due_keeps_its_reason_and_its_time() -> None:
    (shim,) = SETTLED.seen.shims
    failed = replace(SETTLED, failures=(Failure(action=Add(shim), condition=said("busy")),), left=(Add(shim),))
    before = status(declared(PUB), failed, NOW, {})
    waiting = replace(SETTLED, left=(Add(shim),))
    now = status(declared(PUB), waiting, LATER, {"pub_net": LATER}, before)
    assert now == replace(before, time=LATER, networks=(replace(before.networks[0], retry=LATER),))


def test_a_state_has_its_time_of_beginning() -> None:
    now = status(declared(PUB), SETTLED, LATER, {}, FINE)
    assert now.networks == FINE.networks
    held = status(declared(PUB), with_obstacle(UNPLUGGED), LATER, {}, now)
    assert held.networks[0].since == LATER


def test_a_network_that_macvland_did_not_make_is_foreign() -> None:
    foreign = Network(
        name="pub_net",
        parent="eth0",
        subnets=frozenset(PUB.subnets),
        id="id-of-pub_net",
    )
    ended = ended_pass(declared(PUB), replace(HOST, networks=frozenset({foreign})))
    (network,) = status(declared(PUB), ended, NOW, {}).networks
    reasons = ("met by a network that macvland did not make and leaves alone",)
    assert (bare(network), network.reasons) == (replace(READY, state=State.FOREIGN), reasons)


def test_a_foreign_network_in_the_way_is_a_conflict_and_not_met() -> None:
    foreign = Network(name="pub_net", parent="eth1", subnets=frozenset(PUB.subnets), id="id-of-pub_net")
    ended = ended_pass(declared(PUB), replace(HOST, networks=frozenset({foreign})))
    (network,) = status(declared(PUB), ended, NOW, {}).networks
    assert network.state is State.CONFLICT
    assert len(network.reasons) == 1


def test_what_others_have_is_not_shown() -> None:
    foreign = Network(name="others", parent="eth1", id="o")
    ended = ended_pass(declared(PUB), replace(HOST, networks=frozenset({foreign})))
    assert [network.name for network in status(declared(PUB), ended, NOW, {}).networks] == ["pub_net"]


def test_a_leaving_network_is_shown_without_its_file() -> None:
    world = World(SETTLED.seen)
    ended = converge(lambda seen: goal(declared(), seen), world.kernel, world.engine, lambda *_: True)
    (network,) = status(declared(), ended, NOW, {}).networks
    reasons = ("its file is gone; it goes when 'web' leaves it",)
    assert (bare(network), network.reasons) == (
        replace(READY, state=State.LEAVING, file="", shim="", host=()),
        reasons,
    )


def test_a_broken_file_fails_its_network_and_no_other() -> None:
    error = ConfigError(file=Path("/etc/macvlan.d/pub_net.toml"), line=3, wrong="is not TOML")
    config = replace(declared(OTHER, frozen=frozenset({"pub_net"})), errors=(error,))
    world = World(SETTLED.seen)
    ended = converge(lambda seen: goal(config, seen), world.kernel, world.engine, lambda *_: True)
    now = status(config, ended, NOW, {})
    assert (now.converged, now.errors) == (False, (str(error),))
    assert [(network.name, network.state, network.reasons) for network in now.networks] == [
        ("lab", State.READY, ()),
        ("pub_net", State.FAILED, (str(error),)),
    ]


# The file


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    told = replace(
        FINE,
        networks=(replace(READY, state=State.FAILED, conditions=because(State.FAILED, "a", "b")),),
        conditions=wrong("c"),
        elsewhere=("d",),
    )
    write(told, tmp_path / "status.json")
    assert read(tmp_path / "status.json") == told
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [tmp_path / "status.json"]


FIRST_REASONS, WARNINGS = ("/etc/macvlan.d/pub_net.toml:1: wrong",), ("its gateway is silent",)
FIRST: dict[str, Any] = {
    "version": 1,
    "time": NOW,
    "pid": 17,
    "converged": False,
    "engine": "",
    "absence": "Docker has not answered yet",
    "networks": [
        {
            **{name: getattr(READY, name) for name in READY.__slots__ if name not in ("conditions", "attachments")},
            "state": "failed",
            "reasons": list(FIRST_REASONS),
            "attachments": [],
            "warnings": list(WARNINGS),
        }
    ],
    "errors": list(FIRST_REASONS),
}


def test_a_status_of_version_1_is_read_and_goes_on_in_version_2() -> None:
    """As at an upgrade: the daemon takes up what the one before told."""
    first = load(json.dumps(FIRST))
    (network,) = first.networks
    assert (network.state, network.reasons, network.warnings) == (State.FAILED, FIRST_REASONS, WARNINGS)
    assert (first.absence, first.errors) == (FIRST["absence"], FIRST_REASONS)
    assert load(dump(first)) == first
    silent = replace(SETTLED, seen=replace(SETTLED.seen, engine=None))
    assert status(declared(PUB), silent, LATER, {}, first).networks[0].warnings == WARNINGS


def test_what_version_1_had_version_2_has_as_well() -> None:
    found = json.loads(dump(status(declared(PUB), with_obstacle(UNPLUGGED), NOW, {})))
    assert FIRST.keys() <= found.keys()
    (network,) = found["networks"]
    assert (network["reasons"], network["warnings"]) == (["its parent 'eth0' has no carrier"], [])
    assert network["conditions"] == [
        {
            "code": "MV303",
            "kind": "parent-no-carrier",
            "network": "pub_net",
            "severity": "warning",
            "state": "waiting",
            "since": NOW,
            "text": "its parent 'eth0' has no carrier",
            "fields": {"parent": "eth0"},
        }
    ]


def test_a_condition_has_its_own_time_of_beginning() -> None:
    before = status(declared(PUB), with_obstacle(UNPLUGGED), NOW, {})
    both = replace(SETTLED, goal=replace(SETTLED.goal, obstacles=frozenset({UNPLUGGED, WARNED})))
    (network,) = status(declared(PUB), both, LATER, {}, before).networks
    assert [(one.code, one.since) for one in network.conditions] == [("MV303", NOW), ("MV503", LATER)]


WHOLE = dump(FINE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        WHOLE[: len(WHOLE) // 2],
        WHOLE.replace(f'"version": {VERSION}', '"version": 0'),
        WHOLE.replace(f'"version": {VERSION}', f'"version": {VERSION + 1}'),
        WHOLE.replace('"pid"', '"process"'),
        WHOLE.replace('"ready"', '"happy"'),
        json.dumps({"version": VERSION}),
        json.dumps({"version": VERSION, "networks": [1]}),
        "[]",
        "null",
        "1",
    ],
    ids=[
        "empty",
        "torn",
        "older",
        "newer",
        "another key",
        "another state",
        "no keys",
        "no network",
        "list",
        "null",
        "1",
    ],
)
@pytest.mark.fault("F82")
def test_a_file_that_is_not_ours_to_read_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "status.json").write_text(text)
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        read(tmp_path / "status.json")


@pytest.mark.fault("F82")
def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "status.json").write_bytes(b"\xff\x00\xff")
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        read(tmp_path / "status.json")


@pytest.mark.fault("F84")
def test_what_a_crash_left_behind_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".status.json.new").write_text(WHOLE[:20])
    write(FINE, tmp_path / "status.json")
    assert list(tmp_path.iterdir()) == [tmp_path / "status.json"]


@pytest.mark.fault("F81")
def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    write(FINE, tmp_path / "status.json")
    (tmp_path / ".status.json.new").mkdir()
    with pytest.raises(OSError, match=r"status\.json\.new"):
        write(replace(FINE, time=LATER), tmp_path / "status.json")
    assert read(tmp_path / "status.json") == FINE


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    write(FINE, tmp_path / "status.json")
    with (tmp_path / "status.json").open(encoding="utf-8") as old:
        write(replace(FINE, time=LATER), tmp_path / "status.json")
        assert load(old.read()) == FINE


# For people


def test_the_table_has_a_row_for_each_network_and_its_reasons_below() -> None:
    lab = replace(
        READY,
        name="lab",
        state=State.WAITING,
        conditions=because(State.WAITING, "waits for its parent 'eth7', which does not exist yet"),
        parent="eth7",
        link="",
        subnets=("10.0.0.0/24",),
        host=(),
        attachments=(),
    )
    told = replace(FINE, networks=(lab, READY), conditions=wrong("/etc/macvlan.d/x.toml:1: is not TOML"))
    assert overview(told, UNBOUNDED, plain).splitlines() == [
        "NETWORK  STATE    PARENT  SUBNETS         HOST          CONTAINERS",
        "lab      waiting  eth7    10.0.0.0/24     -             -",
        "  waits for its parent 'eth7', which does not exist yet",
        "pub_net  ready    eth0    192.168.1.0/24  192.168.1.50  web 192.168.1.193",
        "/etc/macvlan.d/x.toml:1: is not TOML",
        "",
        f"1 ready, 1 waiting; problems in files: 1 (Docker 26.1.5, {NOW})",
    ]


def test_the_table_names_the_link_that_a_parent_means_now() -> None:
    told = status(declared(replace(PUB, parent="auto")), SETTLED, NOW, {})
    assert "\npub_net  ready  eth0 (auto)  192.168.1.0/24" in overview(told, UNBOUNDED, plain)
    assert [(one.parent, one.link) for one in told.networks] == [("auto", "eth0")]


def test_a_parent_that_is_not_there_is_no_link_that_carries() -> None:
    told = status(declared(PUB), replace(SETTLED, seen=replace(SETTLED.seen, links=frozenset())), NOW, {})
    assert [(one.parent, one.link) for one in told.networks] == [("eth0", "")]


def test_a_problem_that_is_a_networks_reason_is_told_once() -> None:
    told = replace(
        FINE,
        networks=(replace(READY, state=State.FAILED, conditions=because(State.FAILED, "broken")),),
        conditions=(replace(wrong("broken")[0], network="pub_net"),),
    )
    assert overview(told, UNBOUNDED, plain).count("broken") == 1


def test_files_that_are_not_for_this_host_are_named() -> None:
    config = replace(declared(PUB), elsewhere=(replace(OTHER, match=("node2",)), replace(OTHER, name="x")))
    told = status(config, SETTLED, NOW, {})
    assert told.elsewhere == ("lab", "x")
    assert overview(told, UNBOUNDED, plain).splitlines()[-2] == "not for this host: lab, x"


def test_a_table_of_nothing_says_so() -> None:
    told = replace(FINE, networks=(), engine="", conditions=absent("Docker's socket does not exist"))
    assert overview(told, UNBOUNDED, plain).splitlines() == [
        "NETWORK  STATE  PARENT  SUBNETS  HOST  CONTAINERS",
        "",
        f"no networks declared; Docker does not answer (no Docker: Docker's socket does not exist, {NOW})",
    ]


def test_a_stopped_container_is_shown_without_an_address() -> None:
    stopped = AttachmentStatus(container="web", addresses=(), mac="")
    assert (
        overview(replace(FINE, networks=(replace(READY, attachments=(stopped,)),)), UNBOUNDED, plain)
        .splitlines()[1]
        .endswith("  web")
    )


@pytest.mark.parametrize(
    ("told", "text"),
    [
        (FINE, "1 ready"),
        (replace(FINE, networks=()), "no networks declared"),
        (replace(FINE, engine=""), "1 ready; Docker does not answer"),
        (
            replace(FINE, networks=(READY, replace(READY, state=State.FAILED), READY), conditions=wrong("x", "y")),
            "2 ready, 1 failed; problems in files: 2",
        ),
    ],
    ids=["ready", "nothing", "no docker", "mixed"],
)
def test_the_line_counts_states(told: Status, text: str) -> None:
    assert line(told) == text


def test_containers_do_not_meet_the_host_at_an_address_that_is_not_certain() -> None:
    pub = replace(PUB, subnets=(Subnet(cidr=ip_network("fd00::/64")),))
    asked = ended_pass(declared(pub))
    assert [it.dad for it in asked.seen.addresses] == [Dad.TENTATIVE]
    (network,) = status(declared(pub), asked, NOW, {}).networks
    assert (network.state, network.host) == (State.CHECKING, ())
    certain = frozenset(replace(it, dad=Dad.DONE) for it in asked.seen.addresses)
    (network,) = status(declared(pub), replace(asked, seen=replace(asked.seen, addresses=certain)), NOW, {}).networks
    assert network.host == tuple(str(it.address) for it in certain)


def test_an_own_address_is_where_containers_meet_the_host() -> None:
    own = replace(PUB, shim=replace(PUB.shim, addresses=frozenset({ip_address("192.168.1.223")})))  # type: ignore[type-var]  # it has one
    (network,) = status(declared(own), ended_pass(declared(own)), NOW, {}).networks
    assert network.host == ("192.168.1.223",)


NOBODYS = Failure(action=Delete(Promiscuity(parent="eth0")), condition=said("Operation not permitted"))


def test_the_failure_of_what_belongs_to_no_network_is_told_in_the_status_and_in_its_line() -> None:
    failed = replace(SETTLED, failures=(NOBODYS,), left=(NOBODYS.action,))
    told = status(declared(PUB), failed, NOW, {})
    assert (told.converged, told.networks) == (False, (READY,))
    assert [one.text for one in told.failures] == [f"{NOBODYS.action}: Operation not permitted"]
    assert line(told) == "1 ready; failed besides: 1"
    assert load(dump(told)) == told
    assert f"{NOBODYS.action}: Operation not permitted" in overview(told, UNBOUNDED, plain).splitlines()


def test_what_belongs_to_no_network_and_is_not_done_yet_keeps_the_reason_of_its_last_try() -> None:
    failed = status(declared(PUB), replace(SETTLED, failures=(NOBODYS,), left=(NOBODYS.action,)), NOW, {})
    waiting = replace(SETTLED, left=(NOBODYS.action,))
    assert status(declared(PUB), waiting, NOW, {}, failed).failures == failed.failures
    unknown = status(declared(PUB), waiting, NOW, {}).failures
    assert [one.text for one in unknown] == [f"{NOBODYS.action}: not done yet"]
