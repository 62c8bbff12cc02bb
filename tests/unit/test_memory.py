"""What the daemon remembers: failed tries, fresh removals, directories."""

import random
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from macvland.action import Add, Failure, Part
from macvland.config import Directory
from macvland.memory import GRACE, Backoff, Grace, Recheck, Trust, Ways
from macvland.model import Dad, Host, Neighbour, Network, Shim, ShimAddress
from macvland.pauses import FACTOR, FIRST, JITTER, LONGEST
from macvland.wanted import wanted
from tests.conditions import said
from tests.unit.samples import HOST, MACHINE, PUB, container, declared, goal
from tests.unit.world import DOCKER

SHIM = Shim(name="mv-pub_net", network="pub_net", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
NET, A, B = Part("pub_net", engine=True), Part("a", engine=True), Part("b", engine=True)
HERE = Path("/etc/macvlan.d")
DENIED = ShimAddress(shim="mv-pub_net", address=ip_address("fd00::223"), dad=Dad.FAILED)
ASKED, CERTAIN = replace(DENIED, dad=Dad.TENTATIVE), replace(DENIED, dad=Dad.DONE)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """No jitter."""
    monkeypatch.setattr(random, "uniform", lambda _least, _most: 0.0)


def failure(network: str, *, passing: bool = True) -> Failure:
    """A failure at Docker."""
    return Failure(action=Add(Network(name=network, parent="eth0")), condition=said(""), passing=passing)


def delays(backoff: Backoff, count: int) -> list[float]:
    found = []
    for _ in range(count):
        backoff.note({NET: "try"}, [failure("pub_net")], now=1000.0)
        again = backoff.again()
        assert again is not None
        found.append(again - 1000.0)
    return found


@pytest.mark.usefixtures("steady")
def test_delays_double_up_to_the_longest() -> None:
    assert delays(Backoff(), 11) == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST, LONGEST]


def test_delays_differ_by_no_more_than_the_jitter() -> None:
    for found in (delays(Backoff(), 5) for _ in range(50)):
        for number, delay in enumerate(found):
            plain = FIRST * FACTOR**number
            assert plain * (1 - JITTER) <= delay <= plain * (1 + JITTER)
    assert len({delays(Backoff(), 1)[0] for _ in range(20)}) > 1


@pytest.mark.usefixtures("steady")
def test_the_same_try_is_due_once_its_time_has_come() -> None:
    backoff = Backoff()
    assert backoff.due(NET, "try", now=0.0)
    backoff.note({NET: "try"}, [failure("pub_net")], now=0.0)
    assert [backoff.due(NET, "try", now) for now in (0.0, 0.99, 1.0)] == [False, False, True]
    assert backoff.due(Part("lab", engine=True), "try", now=0.0)


@pytest.mark.usefixtures("steady")
def test_another_try_is_due_at_once_and_starts_anew() -> None:
    backoff = Backoff()
    delays(backoff, 5)
    assert backoff.due(NET, "another try", now=1000.0)
    backoff.note({NET: "another try"}, [failure("pub_net")], now=1000.0)
    assert backoff.again_for("pub_net") == 1001.0


def test_what_fails_for_good_is_not_tried_again_until_it_is_another_try() -> None:
    backoff = Backoff()
    backoff.note({NET: "try"}, [failure("pub_net", passing=False)], now=0.0)
    assert not backoff.due(NET, "try", now=1e9)
    assert backoff.due(NET, "another try", now=0.0)
    assert (backoff.again(), backoff.again_for("pub_net")) == (None, None)


def test_a_try_that_waited_keeps_its_time() -> None:
    backoff = Backoff()
    backoff.note({NET: "try"}, [failure("pub_net")], now=0.0)
    before = backoff.again_for("pub_net")
    backoff.note({NET: "try"}, [], now=0.5)
    assert backoff.again_for("pub_net") == before


def test_success_ends_the_tries() -> None:
    backoff = Backoff()
    backoff.note({NET: "try"}, [failure("pub_net")], now=0.0)
    backoff.note({}, [], now=1.0)
    assert (backoff.again(), backoff.due(NET, "try", now=0.0)) == (None, True)


def test_a_failure_of_nothing_that_is_left_is_not_remembered() -> None:
    backoff = Backoff()
    backoff.note({}, [failure("pub_net")], now=0.0)
    assert backoff.again() is None


@pytest.mark.usefixtures("steady")
def test_the_next_try_of_all_is_the_earliest() -> None:
    backoff = Backoff()
    backoff.note({A: 1, B: 1}, [failure("a"), failure("b")], now=0.0)
    backoff.note({A: 1, B: 1}, [failure("a")], now=1.0)
    assert (backoff.again_for("a"), backoff.again_for("b"), backoff.again()) == (3.0, 1.0, 1.0)


@pytest.mark.usefixtures("steady")
def test_what_the_engine_failed_at_is_not_over_while_it_is_waited_for_and_wakes_nobody() -> None:
    backoff = Backoff()
    for count in range(3):
        backoff.note({NET: "try"}, [failure("pub_net")], now=10.0 * count)
        backoff.note({}, [], now=10.0 * count + 5, waiting=True)  # it is tried again, and takes its time
        assert backoff.again() is None
    backoff.note({NET: "try"}, [failure("pub_net")], now=30.0)
    assert backoff.again() == 38.0
    backoff.note({}, [], now=31.0)
    assert backoff.due(NET, "try", now=31.0)


def test_what_the_engine_refused_for_good_stays_so_when_it_was_slow_for_once() -> None:
    backoff = Backoff()
    backoff.note({NET: "try"}, [failure("pub_net", passing=False)], now=0.0)
    backoff.note({}, [], now=1.0, waiting=True)
    assert not backoff.due(NET, "try", now=2.0)


def test_what_the_kernel_failed_at_is_over_whatever_the_engine_does() -> None:
    backoff, part = Backoff(), Part("pub_net", engine=False)
    backoff.note({part: "try"}, [Failure(action=Add(SHIM), condition=said(""))], now=0.0)
    backoff.note({}, [], now=0.1, waiting=True)
    assert backoff.due(part, "try", now=0.1)


@pytest.mark.usefixtures("steady")
def test_what_the_engine_failed_at_holds_up_nothing_of_the_kernels_and_is_no_other_try_for_it() -> None:
    backoff, part = Backoff(), Part("pub_net", engine=False)
    for now in (0.0, 1.0):
        backoff.note({NET: "try"}, [failure("pub_net")], now=now)
    assert backoff.due(part, "a route", now=1.0)
    backoff.note({NET: "try", part: "a route"}, [], now=1.5)
    assert not backoff.due(NET, "try", now=2.9)
    assert (backoff.due(NET, "try", now=3.0), backoff.again_for("pub_net")) == (True, 3.0)


def test_who_asks_for_it_gets_another_try_at_once() -> None:
    backoff = Backoff()
    backoff.note({A: 1, B: 1}, [failure("a", passing=False), failure("b", passing=False)], now=0.0)
    backoff.forget()
    assert [backoff.due(part, 1, now=0.0) for part in (A, B)] == [True, True]


@pytest.mark.fault("E66")
def test_a_removal_counts_once_it_has_lasted() -> None:
    grace = Grace()
    assert grace.fresh({"pub_net"}, now=10.0) == {"pub_net"}
    assert grace.next(10.0) == 10.0 + GRACE
    assert grace.fresh({"pub_net"}, now=10.0 + GRACE) == frozenset()
    assert grace.next(10.0 + GRACE) is None


def test_a_removal_that_was_none_starts_anew() -> None:
    grace = Grace()
    grace.fresh({"pub_net"}, now=10.0)
    grace.fresh(frozenset(), now=10.5)
    assert grace.fresh({"pub_net"}, now=11.5) == {"pub_net"}


@pytest.mark.parametrize(
    ("first", "then", "broken"),
    [
        ((1, 5), (1, 5), ()),
        ((1, 5), (1, 6), (HERE,)),
        ((1, 5), None, (HERE,)),
        (None, None, ()),
        (None, (1, 5), ()),
    ],
    ids=["as it was", "replaced", "vanished", "still missing", "there at last"],
)
@pytest.mark.fault("E75")
def test_a_directory_is_trusted_as_long_as_it_is_the_one_it_was(
    first: tuple[int, int] | None, then: tuple[int, int] | None, broken: tuple[Path, ...]
) -> None:
    trust = Trust()
    assert trust.broken([Directory(path=HERE, identity=first)]) == ()
    assert trust.broken([Directory(path=HERE, identity=then)]) == broken


def test_a_directory_that_comes_back_is_trusted_again() -> None:
    trust = Trust()
    for identity, broken in (((1, 5), ()), (None, (HERE,)), ((1, 5), ())):
        assert trust.broken([Directory(path=HERE, identity=identity)]) == broken


def test_a_reload_says_that_the_directories_are_meant_as_they_are() -> None:
    trust = Trust()
    trust.broken([Directory(path=HERE, identity=(1, 5))])
    trust.renew()
    assert trust.broken([Directory(path=HERE, identity=(1, 6))]) == ()
    assert trust.broken([Directory(path=HERE, identity=(1, 5))]) == (HERE,)


@pytest.mark.usefixtures("steady")
def test_an_address_that_another_device_has_is_asked_for_again_later_and_later() -> None:
    recheck, now, waits = Recheck(), 1000.0, []
    for _ in range(11):
        assert recheck.again({DENIED}, now) == frozenset()
        again = recheck.next()
        assert again is not None
        assert recheck.again({DENIED}, again - 0.01) == frozenset()
        assert recheck.again({DENIED}, again) == {DENIED}
        waits.append(again - now)
        assert recheck.next() is None
        assert recheck.again({ASKED}, again + 0.5) == {ASKED}
        now = again + 1.5
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, LONGEST, LONGEST]


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("seen", [{CERTAIN}, set()], ids=["certain", "gone"])
def test_an_address_that_is_certain_or_gone_is_forgotten(seen: set[ShimAddress]) -> None:
    recheck = Recheck()
    for now in (0.0, 1.0, 2.0, 4.0):
        recheck.again({DENIED}, now)
    recheck.again(seen, 5.0)
    assert recheck.next() is None
    recheck.again({DENIED}, 6.0)
    assert recheck.next() == 7.0


def test_whoever_asks_for_it_has_every_address_asked_for_at_once() -> None:
    recheck = Recheck()
    recheck.again({DENIED}, 0.0)
    recheck.forget()
    assert recheck.again({DENIED}, 0.0) == {DENIED}


@pytest.mark.usefixtures("steady")
def test_what_is_being_asked_for_is_not_asked_for_once_more_at_once() -> None:
    recheck = Recheck()
    for now in (0.0, 1.0):
        recheck.again({DENIED}, now)
    recheck.forget()
    assert recheck.again({ASKED}, 1.1) == {ASKED}
    assert recheck.next() is None
    recheck.again({DENIED}, 2.0)
    assert recheck.next() == 3.0


def test_what_the_lan_was_never_asked_for_again_is_nobodys_question() -> None:
    recheck = Recheck()
    assert recheck.again({ASKED, CERTAIN}, 0.0) == frozenset()
    assert recheck.next() is None


# Ways to containers


def test_ways_are_those_of_the_time_when_docker_answered_last() -> None:
    way = Neighbour(shim="mv-pub_net", address=ip_address("192.168.1.51"), mac="02:00:00:00:00:51", network="pub_net")
    ways = Ways()
    assert ways.recall() == frozenset()
    ways.note(Host(engine=DOCKER), Host(neighbours=frozenset({way})))
    ways.note(Host(), Host())
    assert ways.recall() == {way}
    ways.note(Host(engine=DOCKER), Host())
    assert ways.recall() == frozenset()


def test_a_shim_made_anew_without_docker_is_to_reach_what_it_reached() -> None:
    seen = replace(HOST, attachments=frozenset({container("web", "192.168.1.51")}), networks=frozenset())
    made = goal(declared(PUB), seen).host
    network = replace(next(iter(made.networks)), id="id-of-pub_net")
    before = goal(declared(PUB), replace(seen, networks=frozenset({network}))).host
    assert before.routes
    without = wanted(declared(PUB), replace(HOST, engine=None), MACHINE, ways=before.neighbours).host
    assert (without.routes, without.neighbours) == (before.routes, before.neighbours)
