"""Repairs that do not last: when they are a quarrel, how long they wait, when it is over. No clock runs here."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from macvland.action import Action, Add, Change, Delete, Replace
from macvland.model import Host, Link, Mode, Neighbour, Network, Route, Shim, ShimAddress
from macvland.quarrel import CALM, FIRST, LONGEST, MANY, WHILE, Quarrels, repair_of

SEEN = Host(links=frozenset({Link(name="eth0", index=2)}))
SHIM = Shim(name="mv-lan", network="lan", parent="eth0", mac="02:00:00:00:00:01", mtu=1500)
BENT = replace(SHIM, mode=Mode.PRIVATE)
ROUTE = Route(shim="mv-lan", destination=ip_address("192.168.1.51"), source=ip_address("192.168.1.50"), network="lan")
OTHER = replace(ROUTE, destination=ip_address("192.168.1.52"))
STRAY = ShimAddress(shim="mv-lan", address=ip_address("192.168.1.224"), network="lan")
NEIGHBOUR = Neighbour(shim="mv-lan", address=ip_address("192.168.1.51"), mac="02:42:00:00:00:01", network="lan")
NETWORK = Network(name="lan", parent="eth0", spec="1:abc")
TURNED = replace(ROUTE, source=None)
ADD = Add(ROUTE)

pytestmark = pytest.mark.fault("C51")


def make(quarrels: Quarrels, now: float, *actions: Action, seen: Host = SEEN) -> tuple[Action, ...]:
    """A pass at *now* that made *actions*; return those worth telling."""
    return quarrels.note(seen, made=actions, undone=(), held=(), now=now)


def hold(quarrels: Quarrels, now: float, *actions: Action) -> None:
    """A pass at *now* that held *actions* back."""
    quarrels.note(SEEN, made=(), undone=(), held=actions, now=now)


def quarrelling(action: Action = ADD) -> Quarrels:
    """A quarrel that has begun at 100 - 0.1 * MANY, and whose last repair was made at 100."""
    quarrels = Quarrels()
    for number in reversed(range(MANY)):
        make(quarrels, 100 - 0.1 * number, action)
    return quarrels


def undone(repair: object) -> str:
    return f"somebody keeps undoing '{repair}': macvland does it again, after pauses that grow"


def reasons(quarrels: Quarrels) -> list[tuple[str, str, str]]:
    return [(one.network, one.code, one.text) for one in quarrels.obstacles()]


def test_the_first_repairs_do_not_wait() -> None:
    quarrels = Quarrels()
    for number in range(MANY - 1):
        make(quarrels, number * 0.1, Add(ROUTE))
        assert not quarrels.held(Add(ROUTE), SEEN, now=number * 0.1)
    assert (reasons(quarrels), quarrels.next()) == ([], None)


def test_many_within_a_while_are_a_quarrel_that_says_what_is_undone() -> None:
    quarrels = quarrelling()
    assert reasons(quarrels) == [
        (
            "lan",
            "MV105",
            undone("add route to 192.168.1.51 over shim 'mv-lan' from 192.168.1.50"),
        )
    ]
    assert [quarrels.held(Add(ROUTE), SEEN, now) for now in (100.0, 100 + FIRST - 0.01, 100 + FIRST)] == [
        True,
        True,
        False,
    ]


def test_as_many_over_a_longer_time_are_none() -> None:
    quarrels = Quarrels()
    for number in range(3 * MANY):
        make(quarrels, number * WHILE / (MANY - 1), Add(ROUTE))
    assert reasons(quarrels) == []


def test_the_pauses_grow_up_to_the_longest() -> None:
    quarrels, now, pauses = quarrelling(), 100.0, []
    for _ in range(9):
        hold(quarrels, now + 0.01, Add(ROUTE))
        again = quarrels.next()
        assert again == quarrels.again_for("lan")
        assert again
        pauses.append(again - now)
        now = again
        make(quarrels, now, Add(ROUTE))
    assert pauses == [1, 2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]


def test_what_is_undone_before_the_pass_ends_is_made_again_at_once_but_not_for_ever() -> None:
    quarrels = Quarrels()
    for _ in range(MANY - 1):
        quarrels.note(SEEN, made=(), undone=[Add(ROUTE)], held=(), now=100.0)
        assert not quarrels.held(Add(ROUTE), SEEN, now=100.0)
        assert (reasons(quarrels), quarrels.next()) == ([], 100.0)
    quarrels.note(SEEN, made=(), undone=[Add(ROUTE)], held=(), now=100.0)
    assert (len(reasons(quarrels)), quarrels.next()) == (1, 100 + FIRST)


def test_what_it_says_stays_the_same_until_it_is_over() -> None:
    quarrels = quarrelling(Change(SHIM, BENT))
    said = reasons(quarrels)
    make(quarrels, 102.0, Change(SHIM, replace(SHIM, mode=Mode.VEPA)))
    assert reasons(quarrels) == said
    assert "mode private -> bridge" in said[0][2]


def test_a_repair_in_a_quarrel_is_not_told() -> None:
    quarrels = Quarrels()
    told = [make(quarrels, 100 + number * 0.1, Add(ROUTE)) for number in range(MANY)]
    assert told == [(Add(ROUTE),)] * MANY
    assert make(quarrels, 102.0, Add(ROUTE), Add(OTHER)) == (Add(OTHER),)


def test_the_quarrel_is_over_once_the_repair_has_lasted() -> None:
    quarrels = quarrelling()
    hold(quarrels, 100.1, Add(ROUTE))
    make(quarrels, 101.0, Add(ROUTE))
    over = quarrels.next()
    assert over == 101 + CALM
    assert over
    make(quarrels, over - 0.1)
    assert reasons(quarrels)
    make(quarrels, over)
    assert (reasons(quarrels), quarrels.next()) == ([], None)


def test_with_somebody_who_takes_their_time_it_must_last_longer() -> None:
    quarrels = Quarrels()
    for number in range(MANY):
        make(quarrels, number * 10.0, Add(ROUTE))
    last = (MANY - 1) * 10.0
    assert quarrels.next() == last + 30
    make(quarrels, last + CALM)
    assert reasons(quarrels)


def test_what_waits_keeps_the_quarrel_open() -> None:
    quarrels = quarrelling()
    hold(quarrels, 100.1, Add(ROUTE))
    hold(quarrels, 500.0, Add(ROUTE))
    assert reasons(quarrels)


def test_what_is_no_longer_wanted_ends_it() -> None:
    quarrels = quarrelling()
    hold(quarrels, 100.1, Add(ROUTE))
    make(quarrels, 200.0)
    assert (reasons(quarrels), quarrels.next()) == ([], None)


def test_who_asks_for_it_gets_another_repair_at_once() -> None:
    quarrels = quarrelling()
    quarrels.end()
    assert not quarrels.held(Add(ROUTE), SEEN, now=100.0)


def test_another_repair_does_not_wait() -> None:
    quarrels = quarrelling()
    assert not quarrels.held(Add(OTHER), SEEN, now=100.0)
    assert not quarrels.held(Delete(ROUTE), SEEN, now=100.0)


OURS: dict[str, Sequence[Action]] = {
    "a container that starts and dies": (Add(ROUTE), Delete(ROUTE)),
    "a file edited there and back": (Change(SHIM, BENT), Change(replace(SHIM, mtu=1400), SHIM)),
    "an address edited there and back": (Change(ROUTE, TURNED), Change(TURNED, ROUTE)),
    "a network made and removed": (Add(NETWORK), Delete(NETWORK)),
    "a container that takes turns at its address": (Add(NEIGHBOUR), Add(replace(NEIGHBOUR, mac="02:42:00:00:00:02"))),
    "a shim made and removed": (Add(SHIM), Add(ROUTE), Delete(SHIM)),
    "an address that took routes along": (Add(STRAY), Add(ROUTE), Delete(STRAY)),
}


@pytest.mark.parametrize("actions", OURS.values(), ids=OURS)
def test_what_we_undo_ourselves_is_no_quarrel(actions: Sequence[Action]) -> None:
    quarrels = Quarrels()
    for number in range(10 * MANY):
        make(quarrels, number * 0.1, actions[number % len(actions)])
    assert reasons(quarrels) == []


def test_a_nic_that_comes_and_goes_is_no_quarrel() -> None:
    quarrels = Quarrels()
    for index in range(10 * MANY):
        replugged = Host(links=frozenset({Link(name="eth0", index=index)}))
        make(quarrels, index * 0.1, Add(SHIM), Add(NEIGHBOUR), Add(ROUTE), seen=replugged)
    assert reasons(quarrels) == []


THEIRS: dict[str, Sequence[Action]] = {
    "a shim deleted": (Add(SHIM), Add(NEIGHBOUR), Add(ROUTE)),
    "a route replaced by another": (Change(ROUTE, TURNED),),
    "an address added": (Delete(STRAY),),
    "a neighbour replaced": (Add(NEIGHBOUR),),
    "a network removed": (Add(NETWORK),),
    "a setting changed": (Change(SHIM, BENT),),
}


@pytest.mark.parametrize("actions", THEIRS.values(), ids=THEIRS)
def test_what_somebody_else_undoes_is_a_quarrel_about_what_the_rest_rests_on(actions: Sequence[Action]) -> None:
    quarrels = Quarrels()
    for number in range(MANY):
        make(quarrels, number * 0.1, *actions)
    assert [reason for _, _, reason in reasons(quarrels)] == [undone(actions[0])]


def test_nothing_is_remembered_for_ever() -> None:
    quarrels = Quarrels()
    for number in range(100):
        make(quarrels, number, Add(replace(ROUTE, destination=ip_address(number))))
    assert sum(map(len, quarrels._made.values())) <= WHILE + 1
    make(quarrels, 1000.0)
    assert not quarrels._made


def test_what_docker_itself_undoes_is_no_quarrel() -> None:
    quarrels = Quarrels()
    for number in range(2 * MANY):
        assert make(quarrels, number * 0.1, Replace(NETWORK, NETWORK, ())) == (Replace(NETWORK, NETWORK, ()),)
    assert reasons(quarrels) == []


def test_repairs_of_two_networks_are_two() -> None:
    other = replace(SHIM, name="mv-dmz", network="dmz")
    assert repair_of(Add(SHIM), SEEN) != repair_of(Add(other), SEEN)
    assert repair_of(Add(SHIM), SEEN) == repair_of(Change(SHIM, BENT), SEEN)
