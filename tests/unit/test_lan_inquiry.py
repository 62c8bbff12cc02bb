"""What is asked of a LAN and when, and what its answers come to: a LAN in memory, a clock turned by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address, ip_address

import pytest

from macvland.lan.frames import NOBODY, Claim
from macvland.lan.inquiry import BURST, CALM, SETTLE, SLOT, TWINS, Inquiry
from macvland.lan.topic import Interest, Own, Wire
from macvland.model import About, Address, Question
from macvland.pauses import LONGEST

OUR_MAC, CHILD = "02:00:00:00:00:50", "02:42:c0:a8:01:33"
STRANGER, OTHER = "00:11:32:aa:bb:cc", "00:11:32:aa:bb:dd"
MINE, GATEWAY = ip_address("192.168.1.223"), ip_address("192.168.1.1")
CONTROLS = (ip_address("192.168.1.77"), ip_address("192.168.1.78"))
ETH0 = Wire(
    name="eth0",
    index=2,
    mac=OUR_MAC,
    live=True,
    macs=frozenset({OUR_MAC, CHILD}),
    source=IPv6Address("fe80::50"),
)
OWN = Own(macs=frozenset({OUR_MAC, CHILD}), addresses=frozenset({MINE}))

SHIM = Question(parent="eth0", address=MINE, about=About.SHIM, controls=CONTROLS)
ROUTER = Question(parent="eth0", address=GATEWAY, about=About.GATEWAY)


@dataclass
class Lan:
    """A LAN: who answers for which address, the questions that were heard there, and the time."""

    owners: dict[Address, set[str]] = field(default_factory=dict)
    everything: str = ""  # who answers for all
    now: float = 1000.0
    asked: list[tuple[float, Address]] = field(default_factory=list)
    inquiry: Inquiry = field(default_factory=Inquiry)
    listened: Mapping[Wire, Interest] = field(default_factory=dict)

    def want(self, *questions: Question, wire: Wire = ETH0, first: bool = True) -> None:
        self.inquiry.want(questions, [wire], OWN, self.now, first=first)

    def run(self, seconds: float) -> None:
        """Let time pass, and the LAN answer."""
        end = self.now + seconds
        while True:
            asked = self.inquiry.steps(self.now)
            if self.inquiry.news():
                self.listened = self.inquiry.listened(self.now)
            for it in asked:
                self.asked.append((self.now, it.address))
                for mac in self.owners.get(it.address, set()) | ({self.everything} - {""}):
                    self.answer(it.parent, it.address, mac)
            due = self.inquiry.next()
            if due is None or due > end:
                break
            self.now = max(due, self.now)
        self.now = end

    def answer(self, parent: str, address: Address, mac: str) -> None:
        """Let *mac* answer, as the filter of the host's sockets has it."""
        heard = next((it.addresses for wire, it in self.listened.items() if wire.name == parent), frozenset())
        if heard is None or (address in heard) != (mac in OWN.macs):
            self.inquiry.hear(parent, Claim(address, mac), self.now)

    def hear(self, address: Address, mac: str) -> None:
        self.inquiry.hear("eth0", Claim(address, mac), self.now)

    def said(self) -> dict[Address, set[str]]:
        """Return what is certain."""
        return {it.question.address: set(it.macs) for it in self.inquiry.words()}

    def times(self, address: Address) -> int:
        return sum(it == address for _, it in self.asked)


def test_three_probes_and_silence_mean_that_an_address_is_free() -> None:
    lan = Lan()
    lan.want(SHIM)
    lan.run(0.39)
    assert (lan.times(MINE), lan.said()) == (3, {})
    lan.run(0.02)
    assert lan.said() == {MINE: set()}
    lan.run(3600)
    assert lan.times(MINE) == 3
    assert lan.inquiry.next() is None, "nothing wakes anybody on a quiet LAN"


def test_all_networks_are_asked_at_the_same_time() -> None:
    lan = Lan()
    lan.want(*(replace(SHIM, address=MINE + number) for number in range(10)))
    lan.run(0.41)
    assert len(lan.said()) == 10


def test_a_flood_of_questions_is_spread() -> None:
    lan = Lan()
    lan.want(*(replace(SHIM, address=MINE + number, about=About.CONTAINER) for number in range(2000)), SHIM)
    lan.run(SLOT * 9.5)
    assert len(lan.asked) <= 10 * BURST
    assert lan.asked[0][1] == MINE, "what a shim waits for comes first"
    lan.run(9)
    assert len(lan.said()) == 2000


def test_who_has_an_address_is_asked_again_later_and_later_until_it_is_free() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(1)
    assert lan.said() == {MINE: {STRANGER}}
    lan.run(3600)
    assert 3 * 12 < lan.times(MINE) < 3 * 30
    lan.owners.clear()
    lan.run(LONGEST * 1.3)
    assert lan.said() == {MINE: set()}


def test_who_answers_for_two_more_addresses_answers_for_everything() -> None:
    lan = Lan(everything=STRANGER)
    lan.want(SHIM)
    lan.run(0.45)
    assert lan.said() == {}, "it is not certain yet"
    lan.run(0.6)
    assert lan.said() == {MINE: set()}
    assert lan.inquiry.proxies() == {("eth0", STRANGER)}
    lan.owners[MINE] = {OTHER}
    lan.run(LONGEST)
    assert lan.said() == {MINE: {OTHER}}, "its answers do not hide those of others"
    lan.everything = ""
    lan.run(LONGEST * 2)
    assert lan.inquiry.proxies() == frozenset()


def test_it_is_known_where_the_whole_range_is_asked_for_as_well() -> None:
    lan = Lan(everything=STRANGER)
    lan.want(*(replace(SHIM, address=it, about=About.RANGE) for it in (MINE, *CONTROLS)))
    lan.run(2)
    assert lan.said() == {MINE: set(), CONTROLS[0]: set(), CONTROLS[1]: set()}
    assert lan.inquiry.proxies() == {("eth0", STRANGER)}


def test_one_who_begins_to_answer_for_everything_is_never_taken_for_an_owner() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(2.5)
    lan.owners.clear()
    lan.everything = OTHER
    told = set[str]()
    for _ in range(100):
        lan.run(0.1)
        told |= lan.said()[MINE]
    assert (told, lan.said()) == ({STRANGER}, {MINE: set()})


@pytest.mark.parametrize("about", [About.CONTAINER, About.RANGE])
@pytest.mark.parametrize("passed", [0.0, 0.2, 1.5, 15.0])
def test_one_who_stops_answering_for_everything_is_never_taken_for_an_owner(about: About, passed: float) -> None:
    lan = Lan(everything=STRANGER)
    pool = [ip_address("192.168.1.192") + number for number in range(32)]
    lan.want(SHIM, *(replace(SHIM, address=it, about=about) for it in pool))
    lan.run(20)
    lan.inquiry.forget(lan.now)  # somebody asks for all of it anew
    lan.run(passed)
    lan.everything = ""
    for _ in range(3000):
        lan.run(0.1)
        assert not any(lan.said().values())
    assert lan.inquiry.proxies() == frozenset()


def test_a_range_is_asked_for_anew_for_each_network_that_is_to_be_made() -> None:
    lan = Lan()
    to_be_made, there = replace(SHIM, about=About.RANGE), replace(SHIM, about=About.RANGE, of="id")
    lan.want(to_be_made)
    lan.run(2)
    lan.want(there)
    assert [it.question.of for it in lan.inquiry.words()] == ["id"], "it was asked for a moment ago"
    lan.want(to_be_made)
    assert lan.said() == {}


def test_of_several_questions_about_one_address_the_most_urgent_is_asked() -> None:
    lan = Lan()
    lan.want(replace(SHIM, about=About.RANGE), SHIM, replace(SHIM, about=About.CONTAINER))
    lan.run(2)
    assert [it.question for it in lan.inquiry.words()] == [SHIM]


def test_a_device_with_one_more_address_does_not() -> None:
    lan = Lan(owners={MINE: {STRANGER}, CONTROLS[0]: {STRANGER}})
    lan.want(SHIM)
    lan.run(2)
    assert (lan.said(), lan.inquiry.proxies()) == ({MINE: {STRANGER}}, frozenset())


def test_a_gateway_should_answer_and_may_change() -> None:
    lan = Lan()
    lan.want(ROUTER)
    lan.run(1)
    assert lan.said() == {GATEWAY: set()}
    lan.owners[GATEWAY] = {STRANGER}
    lan.run(5)
    assert lan.said() == {GATEWAY: {STRANGER}}
    asked = lan.times(GATEWAY)
    lan.hear(GATEWAY, OTHER)
    lan.run(3600)
    assert lan.times(GATEWAY) == asked, "who has it is of no interest"


def test_what_is_heard_later_is_asked_for_and_then_certain() -> None:
    lan = Lan()
    lan.want(SHIM)
    lan.run(10)
    lan.owners[MINE] = {STRANGER}
    lan.hear(MINE, STRANGER)
    assert lan.said() == {MINE: set()}
    lan.run(1)
    assert lan.said() == {MINE: {STRANGER}}


def test_what_is_said_once_is_over_soon() -> None:
    lan = Lan()
    lan.want(SHIM)
    lan.run(10)
    lan.hear(MINE, STRANGER)
    lan.run(0.9)
    assert lan.said() == {MINE: {STRANGER}}
    lan.run(3)
    assert lan.said() == {MINE: set()}


def test_what_comes_and_goes_is_told_ever_more_rarely() -> None:
    lan = Lan()
    lan.want(SHIM)
    lan.run(10)
    changes, last = 0, set[str]()
    for _ in range(3600):
        lan.hear(MINE, STRANGER)
        lan.run(0.5)
        changes += lan.said()[MINE] != last
        last = lan.said()[MINE]
    assert changes < 30
    lan.run(CALM + 2 * LONGEST)
    lan.hear(MINE, STRANGER)
    lan.run(3)
    assert lan.said() == {MINE: set()}, "it has been quiet for long"


def test_nothing_more_is_heard_of_what_is_known() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(2.5)  # between two rounds, whatever the jitter
    assert lan.inquiry.listened(lan.now) == {ETH0: Interest(addresses=frozenset())}
    asked = len(lan.asked)
    for _ in range(1000):
        lan.hear(MINE, OTHER)
    lan.run(0.1)
    assert (len(lan.asked), lan.said()) == (asked, {MINE: {STRANGER}})


def test_a_new_mac_of_the_device_is_told_when_it_is_asked_again() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(1)
    lan.owners[MINE] = {OTHER}
    lan.run(10)
    assert lan.said() == {MINE: {OTHER}}


def test_our_own_answers_do_not_count() -> None:
    lan = Lan(owners={MINE: {OUR_MAC, CHILD}})
    lan.want(SHIM)
    lan.run(1)
    assert lan.said() == {MINE: set()}


def test_nor_do_those_of_a_container_that_is_known_only_then() -> None:
    lan = Lan(owners={MINE: {OTHER}})
    lan.want(replace(SHIM, about=About.RANGE))
    lan.run(0.3)
    own = replace(OWN, macs=OWN.macs | {OTHER})
    lan.inquiry.want([replace(SHIM, about=About.RANGE)], [ETH0], own, lan.now)
    lan.run(1)
    assert lan.said() == {MINE: set()}


def test_without_a_carrier_nobody_is_asked_until_it_is_there() -> None:
    lan = Lan()
    dead = replace(ETH0, live=False)
    lan.want(SHIM, wire=dead)
    lan.run(60)
    assert (lan.asked, lan.said(), lan.inquiry.next(), lan.inquiry.listened(lan.now)) == ([], {}, None, {})
    lan.owners[GATEWAY] = {STRANGER}
    lan.want(SHIM, ROUTER, first=False)
    lan.run(1)
    assert lan.said() == {MINE: set(), GATEWAY: {STRANGER}}


def test_after_a_new_carrier_silence_counts_once_anything_was_heard_or_a_while_later() -> None:
    lan = Lan()
    lan.want(SHIM, first=False)
    lan.run(SETTLE - 2)
    assert lan.said() == {}
    assert lan.inquiry.listened(lan.now) == {ETH0: Interest(addresses=None)}, "any word will do"
    lan.run(4)
    assert lan.said() == {MINE: set()}


def test_on_a_carrier_that_has_been_there_for_long_silence_counts_at_once() -> None:
    lan = Lan()
    lan.want(first=False)
    lan.run(SETTLE)
    lan.want(SHIM, first=False)
    lan.run(1)
    assert lan.said() == {MINE: set()}


def test_just_after_the_boot_no_carrier_is_old() -> None:
    lan = Lan(now=SETTLE / 2)
    lan.want(SHIM)
    lan.run(SETTLE / 3)
    assert lan.said() == {}


def test_with_the_first_word_after_a_new_carrier_silence_counts() -> None:
    lan = Lan()
    lan.want(SHIM, first=False)
    lan.run(5)
    lan.hear(ip_address("192.168.1.9"), OTHER)
    lan.run(2)
    assert lan.said() == {MINE: set()}


def test_after_another_carrier_everything_is_asked_anew() -> None:
    lan = Lan(owners={GATEWAY: {STRANGER}})
    lan.want(SHIM, ROUTER)
    lan.run(2)
    lan.want(SHIM, ROUTER, wire=replace(ETH0, live=False))
    lan.owners[MINE] = {STRANGER}
    lan.want(SHIM, ROUTER, first=False)
    assert lan.said() == {GATEWAY: {STRANGER}}, "what was free may not be so here"
    lan.run(2)
    assert lan.said() == {MINE: {STRANGER}, GATEWAY: {STRANGER}}


@pytest.mark.parametrize("address", ["192.168.1.99", "fe80::99"])
def test_somebody_with_a_mac_of_ours_is_known_until_it_is_gone(address: str) -> None:
    lan = Lan()
    elsewhere = ip_address(address)
    lan.want(SHIM)
    lan.run(2)
    lan.owners[elsewhere] = {CHILD}
    lan.hear(elsewhere, CHILD)
    lan.run(2)
    assert lan.said() == {MINE: set(), elsewhere: {CHILD}}
    lan.owners.clear()
    lan.run(60)
    assert lan.said() == {MINE: set()}


def test_what_could_be_our_own_question_that_came_back_is_nobody() -> None:
    lan = Lan()
    lan.want(SHIM, wire=replace(ETH0, source=NOBODY))
    lan.run(2)
    lan.hear(IPv6Address("fe80::99"), CHILD)
    lan.run(2)
    assert {address for _, address in lan.asked} == {MINE}


def test_of_many_such_addresses_a_few_are_enough() -> None:
    lan = Lan()
    lan.want(SHIM)
    lan.run(2)
    for number in range(1000):
        lan.hear(ip_address("10.0.0.0") + number, CHILD)
    lan.run(0.1)
    assert len({address for _, address in lan.asked}) == 1 + TWINS


def test_what_is_asked_no_longer_is_forgotten() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(SHIM)
    lan.run(1)
    lan.want()
    lan.run(10)
    assert (lan.said(), lan.inquiry.next()) == ({}, None)


def test_what_is_in_use_of_a_range_is_asked_for_once_and_again_when_somebody_wants_it() -> None:
    lan = Lan(owners={MINE: {STRANGER}})
    lan.want(replace(SHIM, about=About.RANGE))
    lan.run(3600)
    assert (lan.times(MINE), lan.said()) == (3, {MINE: {STRANGER}})
    lan.owners.clear()
    lan.inquiry.forget(lan.now)
    lan.run(1)
    assert lan.said() == {MINE: set()}
    lan.owners[MINE] = {OTHER}
    lan.hear(MINE, OTHER)
    lan.run(1)
    assert lan.said() == {MINE: {OTHER}}


def test_another_container_at_an_address_is_another_question() -> None:
    lan = Lan()
    web = replace(SHIM, about=About.CONTAINER, of=CHILD)
    lan.want(web)
    lan.run(1)
    lan.want(replace(web, of=OUR_MAC))
    lan.run(1)
    assert lan.times(MINE) == 6
    lan.want(replace(web, of=OUR_MAC))
    lan.run(1)
    assert lan.times(MINE) == 6
