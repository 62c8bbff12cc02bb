"""The engine's edge when it is slow: a pass goes on without it, and hears of it later."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Event

import pytest

from macvland import patience
from macvland.action import Action, Add, Failure
from macvland.condition.docker import ANSWER_DEFECT, AT_WORK, NOT_YET
from macvland.error import EngineAbsentError
from macvland.model import Engine, Host, Link, Network
from macvland.patience import Patient
from tests.conditions import outcomes, said
from tests.unit.waiting import until

DOCKER = Engine(version="26.1.5", api=(1, 45))
NETWORK = Network(name="pub_net", parent="eth0", spec="1:x", id="1")
OTHER = Network(name="lab", parent="eth1", spec="1:y", id="2")
LOOKED = Host(engine=DOCKER, networks=frozenset({NETWORK}))
KERNELS = Host(links=frozenset({Link(name="eth0", index=2)}))
MERGED = Host(links=KERNELS.links, engine=DOCKER, networks=frozenset({NETWORK}))
SILENT = Host(links=KERNELS.links, absent=NOT_YET())


@dataclass
class Slow:
    """An edge that answers when it is let."""

    answers: Event = field(default_factory=Event)
    looks: int = 0
    acts: list[tuple[Action, ...]] = field(default_factory=list)
    defect: type[Exception] | None = None
    fail: Callable[[Sequence[Action]], tuple[Failure, ...]] = lambda _: ()

    def observe(self, host: Host) -> Host:
        assert host == Host()
        self.looks += 1
        assert self.answers.wait(10)
        if self.defect:
            raise self.defect("broken")
        return LOOKED

    def apply(self, actions: Sequence[Action]) -> tuple[Failure, ...]:
        assert self.answers.wait(10)
        self.acts.append(tuple(actions))
        if self.defect:
            raise self.defect("broken")
        return self.fail(actions)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    """An edge that answers nothing yet, and no patience with it."""
    monkeypatch.setattr(patience, "PATIENCE", 0.01)
    edge = Slow()
    yield edge
    edge.answers.set()


@pytest.fixture
def quick() -> Slow:
    """An edge that answers at once."""
    edge = Slow()
    edge.answers.set()
    return edge


def test_an_engine_that_answers_is_looked_at(quick: Slow) -> None:
    assert Patient(quick, lambda: None).observe(KERNELS) == MERGED


@pytest.mark.fault("B20")
def test_a_pass_goes_on_without_an_answer_and_is_woken_by_it(slow: Slow) -> None:
    woken = Event()
    patient = Patient(slow, woken.set)
    assert [patient.observe(KERNELS), patient.observe(KERNELS)] == [SILENT, SILENT]
    slow.answers.set()
    until(woken.is_set)
    assert patient.observe(KERNELS) == MERGED
    assert slow.looks == 1


def test_the_second_time_nobody_waits(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = Patient(slow, lambda: None)
    patient.observe(KERNELS)
    monkeypatch.setattr(patience, "wait", lambda *_, **__: pytest.fail("waited"))
    assert patient.observe(KERNELS) == SILENT


def test_after_a_late_answer_there_is_patience_again(slow: Slow) -> None:
    woken = Event()
    patient = Patient(slow, woken.set)
    for _ in range(3):
        slow.answers.clear()
        woken.clear()
        assert patient.observe(KERNELS) == SILENT
        slow.answers.set()
        until(woken.is_set)
        assert patient.observe(KERNELS) == MERGED


def test_while_docker_acts_it_is_not_looked_at(slow: Slow) -> None:
    woken = Event()
    patient = Patient(slow, woken.set)
    assert patient.apply([Add(NETWORK)]) == ()
    assert patient.observe(KERNELS) == replace(SILENT, absent=AT_WORK())
    assert patient.apply([Add(OTHER)]) == ()
    slow.answers.set()
    until(woken.is_set)
    assert patient.apply(()) == ()
    assert patient.observe(KERNELS) == MERGED
    assert (slow.looks, slow.acts) == (1, [(Add(NETWORK),)])


def test_a_failure_is_told_at_once_or_when_it_is_known(slow: Slow) -> None:
    woken = Event()
    slow.fail = lambda actions: tuple(Failure(action=one, condition=said("pool overlaps")) for one in actions)
    patient = Patient(slow, woken.set)
    assert patient.apply([Add(NETWORK)]) == ()
    slow.answers.set()
    until(woken.is_set)
    assert patient.apply(()) == (Failure(action=Add(NETWORK), condition=said("pool overlaps")),)
    assert patient.apply([Add(OTHER)]) == (Failure(action=Add(OTHER), condition=said("pool overlaps")),)
    assert patient.apply(()) == ()


@pytest.mark.fault("A4")
def test_a_defect_in_a_look_is_an_absence(quick: Slow) -> None:
    quick.defect = ZeroDivisionError
    assert Patient(quick, lambda: None).observe(KERNELS) == Host(
        links=KERNELS.links,
        absent=ANSWER_DEFECT(defect="ZeroDivisionError('broken')"),
    )


@pytest.mark.fault("A4")
def test_a_late_defect_in_an_action_is_its_networks_failure(slow: Slow) -> None:
    woken = Event()
    slow.defect = ZeroDivisionError
    patient = Patient(slow, woken.set)
    assert patient.apply([Add(NETWORK), Add(OTHER)]) == ()
    slow.answers.set()
    until(woken.is_set)
    reason = "macvland failed on it: ZeroDivisionError('broken'); please report this"
    assert outcomes(*patient.apply(())) == tuple((Add(one), reason, True) for one in (NETWORK, OTHER))
    assert slow.acts == [(Add(NETWORK), Add(OTHER)), (Add(NETWORK),), (Add(OTHER),)]


@pytest.mark.fault("B18")
def test_a_late_absence_fails_what_was_asked_for(slow: Slow) -> None:
    woken = Event()
    slow.defect = EngineAbsentError
    patient = Patient(slow, woken.set)
    patient.apply([Add(NETWORK)])
    slow.answers.set()
    until(woken.is_set)
    assert outcomes(*patient.apply(())) == ((Add(NETWORK), "broken", True),)
