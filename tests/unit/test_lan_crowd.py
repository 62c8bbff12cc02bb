"""Many devices, or one that changes its MAC, claim one address: what is remembered and told of them is bounded."""

from dataclasses import replace
from ipaddress import ip_address
from itertools import cycle

import pytest

from macvland.condition.wording import MOST_DEVICES
from macvland.lan.inquiry import TWINS
from macvland.model import About
from macvland.pauses import LONGEST
from tests.unit.test_lan_inquiry import MINE, OTHER, SHIM, STRANGER, Lan

DAY = 86400
CROWD = [f"00:11:{number >> 8:02x}:{number & 255:02x}:00:01" for number in range(500)]


def told_while(lan: Lan, seconds: float, step: float) -> list[set[str]]:
    """Let time pass in steps; return what was told of MINE, each change once."""
    told: list[set[str]] = []
    for _ in range(int(seconds / step)):
        lan.run(step)
        said = lan.said().get(MINE)
        if said is not None and (not told or told[-1] != said):
            told.append(said)
    return told


def rotating(period: float) -> Lan:
    """Return a LAN on which who has MINE has another MAC after each *period*."""

    class Rotating(dict):  # type: ignore[type-arg]
        def get(self, key: object, _: object = None) -> set[str]:
            return {CROWD[int(lan.now / period) % len(CROWD)]} if key == MINE else set()

    lan = Lan(owners=Rotating())
    lan.want(SHIM)
    return lan


def test_of_five_hundred_macs_a_few_are_remembered() -> None:
    lan = Lan(owners={MINE: set(CROWD)})
    lan.want(SHIM)
    lan.run(1)
    (topic,) = (it for it in lan.inquiry._topics.values() if it.question == SHIM)
    assert len(lan.said()[MINE]) == MOST_DEVICES
    lan.inquiry.forget(lan.now)
    for mac in CROWD:
        lan.hear(MINE, mac)
    assert len(topic.heard) == MOST_DEVICES


@pytest.mark.parametrize("period", [0.01, 1, 60, 600, 3600])
def test_a_device_that_changes_its_mac_all_day_is_told_a_few_times(period: float) -> None:
    told = told_while(rotating(period), DAY, 5)
    assert 1 <= len(told) <= 8
    assert set() not in told, "it is one conflict all the time"


def test_a_device_that_changes_its_mac_with_each_question_is_told_once() -> None:
    class Another(dict):  # type: ignore[type-arg]
        def get(self, key: object, _: object = None) -> set[str]:
            return {next(macs)} if key == MINE else set()

    macs = cycle(CROWD)
    lan = Lan(owners=Another())
    lan.want(SHIM)
    assert len(told_while(lan, DAY, 10)) == 1


def test_who_comes_in_place_of_another_is_told_once_he_is_there_to_stay() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(1)
    lan.owners[MINE] = {OTHER}
    assert told_while(lan, 60, 0.1) == [{STRANGER}, {OTHER}]
    lan.owners[MINE] = {OTHER, STRANGER}
    assert told_while(lan, 8 * LONGEST, 1) == [{OTHER}, {OTHER, STRANGER}]
    lan.owners[MINE] = set()
    assert told_while(lan, 2 * LONGEST, 1) == [{OTHER, STRANGER}, set()]


def test_after_a_reload_what_there_is_is_told_at_once() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(DAY)
    (topic,) = (it for it in lan.inquiry._topics.values() if it.question == SHIM)
    lan.owners[MINE] = {CROWD[0]}
    while topic.answers != frozenset({CROWD[0]}):
        lan.run(1)
    assert lan.said()[MINE] == {STRANGER}, "it may be one of many"
    lan.owners[MINE] = {OTHER}
    lan.inquiry.forget(lan.now)
    lan.run(1)
    assert lan.said()[MINE] == {OTHER}


def test_of_whoever_uses_a_mac_of_ours_with_ever_other_addresses_a_few_are_told() -> None:
    lan = Lan()
    lan.want(replace(SHIM, about=About.CONTAINER))
    lan.run(1)
    told = set()
    for number in range(5000):
        lan.hear(ip_address("10.0.0.0") + number, "02:42:c0:a8:01:33")
        lan.run(0.1)
        told |= {address for address in lan.said() if address != MINE}
    assert 0 < len(told) <= TWINS
