"""A slow edge: a pass goes on without it, and nothing that happened meanwhile is missed."""

from collections.abc import Sequence
from dataclasses import replace
from threading import Event

from macvland.action import Action, Failure
from macvland.model import Engine, Host
from macvland.patience import Patient
from tests.unit.waiting import until


class Slow:
    """An edge whose looks wait until they are let go, and count themselves."""

    def __init__(self) -> None:
        self.looks = 0
        self.go = Event()

    def observe(self, host: Host) -> Host:
        self.looks += 1
        version = str(self.looks)
        self.go.wait()
        return replace(host, engine=Engine(version=version, api=(1, 41)))

    def apply(self, _: Sequence[Action]) -> tuple[Failure, ...]:
        return ()


def test_news_that_come_while_an_answer_is_late_lead_to_another_look() -> None:
    edge, woken = Slow(), Event()
    patient = Patient(edge, woken.set)
    assert patient.observe(Host()).engine is None
    patient.news()
    woken.clear()
    assert patient.observe(Host()).engine is None  # the pass that the news woke
    edge.go.set()
    until(woken.is_set)
    woken.clear()
    assert patient.observe(Host()).engine == Engine(version="1", api=(1, 41))
    assert woken.is_set()
    assert patient.observe(Host()).engine == Engine(version="2", api=(1, 41))


def test_a_late_answer_without_news_leads_to_no_other_look() -> None:
    edge, woken = Slow(), Event()
    patient = Patient(edge, woken.set)
    patient.observe(Host())
    edge.go.set()
    until(woken.is_set)
    woken.clear()
    assert patient.observe(Host()).engine == Engine(version="1", api=(1, 41))
    assert not woken.is_set()
