"""What is logged between one status and the next: each fact once."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from macvland import journal
from macvland.action import Add, Change, Delete
from macvland.condition.docker import ASLEEP
from macvland.condition.kernel import REFUSED
from macvland.condition.lan import SILENT_GATEWAY
from macvland.condition.parent import NO_CARRIER
from macvland.journal import LOGGER
from macvland.model import Dad, Goal, Host, Mode, Neighbour, Network, Promiscuity, Route, Shim, ShimAddress
from macvland.reconcile import Pass
from macvland.record import record
from macvland.status import NetworkStatus, State, Status
from macvland.status import told as in_status
from tests.conditions import absent, because, warned, wrong
from tests.unit.samples import ETH0

READY = NetworkStatus(
    name="pub_net",
    state=State.READY,
    since="2026-01-01T00:00:00Z",
    retry="",
    file="/etc/macvlan.d/pub_net.toml",
    parent="eth0",
    link="eth0",
    mode="bridge",
    subnets=("192.168.1.0/24",),
    shim="mv-pub_net",
    host=("192.168.1.50",),
    attachments=(),
)
WAITING = replace(READY, state=State.WAITING, conditions=because(State.WAITING, "waits for its parent 'eth0'"))
FINE = Status(time="2026-01-01T00:00:00Z", pid=1, converged=True, engine="26.1.5", networks=(READY,))
NOTHING_DONE = Pass(seen=Host(), goal=Goal(host=Host()))

Told = list[tuple[str, str, dict[str, str | tuple[str, ...]]]]


class Kept(logging.Handler):
    """Keeps level, text and fields of each record."""

    def __init__(self) -> None:
        super().__init__()
        self.told: Told = []

    def emit(self, record: logging.LogRecord) -> None:
        fields = record.__dict__["fields"]
        self.told.append((record.levelname, record.getMessage(), dict(fields)))


@pytest.fixture
def told() -> Iterator[Told]:
    handler = Kept()
    level = LOGGER.level
    LOGGER.setLevel(logging.INFO)
    LOGGER.addHandler(handler)
    yield handler.told
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(level)


def test_nothing_is_told_when_nothing_changed(told: Told) -> None:
    later = replace(FINE, time="2026-01-01T00:10:00Z", networks=(replace(READY, host=("192.168.1.77",)),))
    record(NOTHING_DONE, later, FINE)
    assert told == []


def test_an_action_is_told_with_its_fields(told: Told) -> None:
    shim = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
    neighbour = Neighbour(
        shim="mv-pub_net",
        address=next(iter(ETH0.addresses)).ip,
        mac="02:00:00:00:00:02",
        network="pub_net",
    )
    record(replace(NOTHING_DONE, done=(Add(shim), Add(neighbour))), FINE, FINE)
    fields = {"MESSAGE_ID": journal.CHANGED, "MACVLAND_NETWORK": "pub_net", "MACVLAND_ACTION": "add"}
    assert told == [
        ("INFO", "add shim 'mv-pub_net' on 'eth0'", fields | {"MACVLAND_PARENT": "eth0"}),
        ("INFO", "add neighbour 192.168.1.50 at 02:00:00:00:00:02 on shim 'mv-pub_net'", fields),
    ]


def test_what_is_made_anew_is_told_so(told: Told) -> None:
    shim = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
    route = Route(shim="mv-pub_net", destination=ip_address("192.168.1.51"), source=ip_address("192.168.1.50"))
    network = Network(name="pub_net", parent="eth0", spec="1:abc")
    seen = Host(
        shims=frozenset({replace(shim, mode=Mode.PRIVATE)}),
        routes=frozenset({route}),
        networks=frozenset({replace(network, id="id-of-the-one-that-went")}),
    )
    other = replace(route, destination=ip_address("192.168.1.52"))
    record(replace(NOTHING_DONE, done=(Add(shim), Add(route), Add(other), Add(network))), FINE, FINE, seen)
    assert [text for _, text, _ in told] == [
        "add shim 'mv-pub_net' on 'eth0', which was gone",
        "add route to 192.168.1.51 over shim 'mv-pub_net' from 192.168.1.50, which was gone",
        "add route to 192.168.1.52 over shim 'mv-pub_net' from 192.168.1.50",
        "add Docker network 'pub_net' on 'eth0' with , which was gone",
    ]


def test_what_the_pass_itself_took_away_was_not_lost(told: Told) -> None:
    shim = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
    route = Route(shim="mv-pub_net", destination=ip_address("192.168.1.51"), source=ip_address("192.168.1.50"))
    seen = Host(shims=frozenset({shim}), routes=frozenset({route}))
    moved = replace(shim, parent="eth1")
    record(replace(NOTHING_DONE, done=(Delete(shim), Add(moved), Add(route))), FINE, FINE, seen)
    assert [text for _, text, _ in told][1:] == [
        "add shim 'mv-pub_net' on 'eth1'",
        "add route to 192.168.1.51 over shim 'mv-pub_net' from 192.168.1.50",
    ]


def test_to_ask_the_lan_again_is_not_told_and_an_address_set_anew_is(told: Told) -> None:
    wanted = ShimAddress(shim="mv-pub_net", address=ip_address("fd00::5"), network="pub_net")
    again, anew = Change(wanted, replace(wanted, dad=Dad.FAILED)), Change(wanted, replace(wanted, prefix_length=64))
    record(replace(NOTHING_DONE, done=(again, anew)), FINE, FINE)
    assert [text for _, text, _ in told] == ["change address fd00::5 on shim 'mv-pub_net': prefix_length 64 -> None"]


def of_network(state: str) -> dict[str, str | tuple[str, ...]]:
    return {
        "MESSAGE_ID": journal.STATE,
        "MACVLAND_NETWORK": "pub_net",
        "MACVLAND_STATE": state,
        "MACVLAND_PARENT": "eth0",
    }


@pytest.mark.parametrize(
    ("network", "level", "text"),
    [
        (READY, "INFO", "ready"),
        (WAITING, "WARNING", "waiting: waits for its parent 'eth0'"),
        (replace(READY, state=State.FAILED, conditions=because(State.FAILED, "a", "b")), "ERROR", "failed: a; b"),
        (replace(READY, state=State.CONFLICT, conditions=because(State.CONFLICT, "a")), "ERROR", "conflict: a"),
        (replace(READY, state=State.CHECKING, conditions=because(State.CHECKING, "a")), "INFO", "checking: a"),
        (replace(READY, state=State.LEAVING, conditions=because(State.LEAVING, "a")), "INFO", "leaving: a"),
        (replace(READY, state=State.FOREIGN, conditions=because(State.FOREIGN, "a")), "INFO", "foreign: a"),
    ],
    ids=lambda value: str(value.state) if isinstance(value, NetworkStatus) else "",
)
def test_a_new_network_is_told_with_its_state(network: NetworkStatus, level: str, text: str, told: Told) -> None:
    record(NOTHING_DONE, replace(FINE, networks=(network,)), replace(FINE, networks=()))
    assert told == [(level, text, of_network(str(network.state)))]


def test_a_transition_is_told_once_and_so_is_the_way_back(told: Told) -> None:
    waiting = replace(FINE, networks=(WAITING,))
    for before, now in ((FINE, waiting), (waiting, waiting), (waiting, FINE), (FINE, FINE)):
        record(NOTHING_DONE, now, before)
    assert told == [
        ("WARNING", "waiting: waits for its parent 'eth0'", of_network("waiting")),
        ("INFO", "ready", of_network("ready")),
    ]


def test_what_begins_and_what_ends_is_told_with_its_code(told: Told) -> None:
    unplugged = (in_status(NO_CARRIER("pub_net", parent="eth0")), in_status(SILENT_GATEWAY(address="a", parent="eth0")))
    held = replace(FINE, networks=(replace(READY, state=State.WAITING, conditions=unplugged),))
    record(NOTHING_DONE, held, FINE)
    record(NOTHING_DONE, FINE, held)
    assert [(text.partition(":")[0], fields.get("MACVLAND_CODE")) for _, text, fields in told] == [
        ("waiting", ("MV303",)),
        ("its gateway a does not answer on the LAN of 'eth0'", ("MV502",)),
        ("ready", ("MV303",)),
        ("no longer so", ("MV502",)),
    ]


def test_other_words_for_the_same_are_no_news(told: Told) -> None:
    held = in_status(NO_CARRIER("pub_net", parent="eth0"))
    networks = (replace(READY, state=State.WAITING, conditions=(held,)),)
    reworded = (replace(READY, state=State.WAITING, conditions=(replace(held, text="no cable"),)),)
    record(NOTHING_DONE, replace(FINE, networks=reworded), replace(FINE, networks=networks))
    assert told == []


def test_what_is_normal_at_boot_is_no_warning(told: Told) -> None:
    """Docker's socket is there before Docker is, and macvland does not start it."""
    asleep = in_status(ASLEEP("pub_net"))
    networks = (replace(READY, state=State.WAITING, conditions=(asleep,)),)
    record(NOTHING_DONE, replace(FINE, engine="", networks=networks, conditions=(asleep,)), None)
    assert [(level, text.partition(" ")[0]) for level, text, _ in told] == [("INFO", "no"), ("INFO", "waiting:")]


def test_another_reason_is_told_as_well(told: Told) -> None:
    record(
        NOTHING_DONE,
        replace(FINE, networks=(replace(WAITING, conditions=because(State.WAITING, "other")),)),
        replace(FINE, networks=(WAITING,)),
    )
    assert told == [("WARNING", "waiting: other", of_network("waiting"))]


def test_a_network_that_is_gone_is_told(told: Told) -> None:
    record(NOTHING_DONE, replace(FINE, networks=()), FINE)
    fields = {"MESSAGE_ID": journal.STATE, "MACVLAND_NETWORK": "pub_net", "MACVLAND_STATE": "gone"}
    assert told == [("INFO", "gone", fields)]


def test_a_problem_of_a_file_is_told_and_so_is_its_end(told: Told) -> None:
    broken = replace(FINE, conditions=wrong("pub_net.toml:1: is not TOML"))
    for before, now in ((FINE, broken), (broken, broken), (broken, FINE)):
        record(NOTHING_DONE, now, before)
    assert told == [
        ("ERROR", "pub_net.toml:1: is not TOML", {"MESSAGE_ID": journal.CONFIG_ERROR, "MACVLAND_CODE": "MV101"}),
        (
            "INFO",
            "no longer so: pub_net.toml:1: is not TOML",
            {"MESSAGE_ID": journal.CONFIG_FIXED, "MACVLAND_CODE": "MV101"},
        ),
    ]


def test_docker_is_told_when_it_goes_and_when_it_comes(told: Told) -> None:
    gone = replace(FINE, engine="", conditions=absent("no socket"))
    for before, now in ((FINE, gone), (gone, gone), (gone, FINE)):
        record(NOTHING_DONE, now, before)
    assert told == [
        (
            "WARNING",
            "no Docker: no socket; shims are kept meanwhile",
            {"MESSAGE_ID": journal.ENGINE, "MACVLAND_CODE": "MV201"},
        ),
        ("INFO", "Docker 26.1.5 answers", {"MESSAGE_ID": journal.ENGINE, "MACVLAND_CODE": "MV201"}),
    ]


def test_a_host_without_networks_misses_no_docker(told: Told) -> None:
    record(NOTHING_DONE, replace(FINE, networks=(), engine="", conditions=absent("no socket")), None)
    assert told == []


def test_the_first_status_is_told_whole(told: Told) -> None:
    record(NOTHING_DONE, FINE, None)
    assert [text for _, text, _ in told] == ["Docker 26.1.5 answers", "ready"]


def test_what_the_lan_has_against_a_network_is_told_once_and_when_it_is_over(told: Told) -> None:
    now = replace(FINE, networks=(replace(READY, conditions=warned("somebody has it as well")),))
    record(NOTHING_DONE, now, FINE)
    record(NOTHING_DONE, now, now)
    record(NOTHING_DONE, FINE, now)
    fields = {"MESSAGE_ID": journal.DISPUTED, "MACVLAND_NETWORK": "pub_net", "MACVLAND_PARENT": "eth0"}
    assert told == [
        ("WARNING", "somebody has it as well", fields),
        ("INFO", "no longer so: somebody has it as well", fields),
    ]


def test_the_failure_of_what_belongs_to_no_network_is_told_once_and_so_is_its_end(told: Told) -> None:
    condition = REFUSED(error="Operation not permitted", words="").during(Delete(Promiscuity(parent="eth0")), "")
    failed = replace(FINE, conditions=(in_status(condition),))
    record(NOTHING_DONE, failed, FINE)
    record(NOTHING_DONE, failed, failed)
    record(NOTHING_DONE, FINE, failed)
    starts = [(level, text.partition("delete")[0]) for level, text, _ in told]
    assert starts == [("ERROR", ""), ("INFO", "no longer so: ")]
