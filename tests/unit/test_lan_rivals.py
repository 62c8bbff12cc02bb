"""An address that the host is about to take, and somebody else who asks for it meanwhile."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from macvland.lan.frames import Claim
from macvland.lan.inquiry import Inquiry
from macvland.lan.topic import Interest, Own, Wire
from macvland.model import About, Question
from tests.unit.test_lan_inquiry import ETH0, MINE, OTHER, OWN, SHIM, STRANGER, Lan


def test_who_asks_for_an_address_just_as_we_do_is_about_to_take_it_too() -> None:
    lan = Lan()
    wanted = MINE + 1
    lan.want(replace(SHIM, address=wanted))
    lan.run(0.1)
    assert set(lan.listened[ETH0].probed) == {wanted}
    lan.inquiry.hear("eth0", Claim(wanted, STRANGER, asks=True), lan.now)
    lan.run(0.9)
    assert lan.said() == {wanted: {STRANGER}}
    lan.run(5)
    assert lan.said() == {wanted: set()}, "the other one gave way"
    lan.inquiry.hear("eth0", Claim(wanted, OTHER, asks=True), lan.now)
    lan.run(0.9)
    assert lan.said() == {wanted: {OTHER}}, "we had not taken it yet"
    lan.run(5)
    own = replace(OWN, addresses=frozenset({wanted}))
    lan.inquiry.want([replace(SHIM, address=wanted)], [ETH0], own, lan.now)
    lan.run(1)
    assert set(lan.listened[ETH0].probed) == set(), "now the kernel answers"


@dataclass
class Claimant:
    """A host that is about to take an address, and takes it a while after it is known to be free."""

    mac: str
    inquiry: Inquiry = field(default_factory=Inquiry)
    listened: Mapping[Wire, Interest] = field(default_factory=dict)
    takes: float | None = None  # when it will have it

    def want(self, now: float) -> None:
        had = frozenset({MINE} if self.has(now) else ())
        self.inquiry.want([SHIM], [ETH0], Own(macs=frozenset({self.mac}), addresses=had), now, first=True)

    def has(self, now: float) -> bool:
        return self.takes is not None and self.takes <= now

    def turn(self, other: "Claimant", now: float, latency: float) -> None:
        asked = self.inquiry.steps(now)
        if self.inquiry.news():
            self.listened = self.inquiry.listened(now)
        for question in asked:
            if any(question.address in it.probed for it in other.listened.values()):
                other.inquiry.hear("eth0", Claim(question.address, self.mac, asks=True), now)
            if question.address == MINE and other.has(now):
                self.inquiry.hear("eth0", Claim(question.address, other.mac), now)
        if self.takes is None and [set(it.macs) for it in self.inquiry.words()] == [set()]:
            self.takes = now + latency


@pytest.mark.parametrize("seed", range(20))
def test_of_two_hosts_that_ask_for_one_address_one_takes_it(seed: int) -> None:
    draw = random.Random(seed)
    one, other = Claimant(STRANGER), Claimant(OTHER)
    begins, latency = draw.uniform(0, 1), draw.uniform(0.05, 0.3)
    for tick in range(6_000):
        now = 1000 + tick / 100
        for host, rival, start in ((one, other, 1000.0), (other, one, 1000 + begins)):
            if now >= start:
                host.want(now)
                host.turn(rival, now, latency)
    assert [host.has(now) for host in (one, other)] in ([True, False], [False, True])


@pytest.mark.parametrize("question", [replace(SHIM, about=About.RANGE), replace(SHIM, about=About.CONTAINER)])
def test_who_asks_for_an_address_that_is_not_to_be_taken_only_asks(question: Question) -> None:
    lan = Lan()
    lan.want(question)
    lan.run(0.1)
    lan.inquiry.hear("eth0", Claim(MINE, STRANGER, asks=True), lan.now)
    lan.run(2)
    assert lan.said() == {MINE: set()}
