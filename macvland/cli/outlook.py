"""What the daemon would do now, by its own code: looked at, never done."""

from dataclasses import dataclass, replace

from macvland import config
from macvland.action import Action
from macvland.cli.daemon import is_current, last
from macvland.condition import Condition
from macvland.config import Config
from macvland.engine import Docker
from macvland.kernel import Kernel
from macvland.lan.vendor import vendor_of
from macvland.machine import machine_id, this_machine
from macvland.model import About, Device, Finding, Goal, Heard, Host, Question
from macvland.plan import plan
from macvland.reconcile import look
from macvland.status import DisputeStatus
from macvland.wanted import wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is to be done, in safe order; what keeps the daemon from more; and what both rest on."""

    declared: Config
    seen: Host
    actions: tuple[Action, ...]
    conditions: tuple[Condition, ...] = ()

    @property
    def obstacles(self) -> tuple[Condition, ...]:
        """What keeps the daemon from more."""
        return tuple(one for one in self.conditions if one.state is not None)

    @property
    def lines(self) -> tuple[str, ...]:
        """Both in words, each with its network."""
        return tuple(f"{one.network}: {one}" for one in (*self.obstacles, *self.warnings))

    @property
    def warnings(self) -> tuple[Condition, ...]:
        """What there is against what is in place; these come and go."""
        return tuple(one for one in self.conditions if one.state is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The files, the host as it is and as they ask for it, and what is to be done, in safe order."""

    declared: Config
    seen: Host
    goal: Goal
    actions: tuple[Action, ...]


def outlook(declared: Config | None = None) -> Outlook:
    """Look at files (or take *declared* for them), kernel and Docker. ApplyError where the kernel cannot be seen."""
    docker = Docker()
    ahead = look_ahead(docker, declared)
    refusals = [one.condition for one in docker.rehearse(ahead.actions)]
    told = sorted((*ahead.goal.obstacles, *refusals), key=lambda it: (it.network, it.text))
    return Outlook(
        declared=ahead.declared,
        seen=ahead.seen,
        actions=ahead.actions,
        conditions=tuple(told),
    )


def look_ahead(docker: Docker, declared: Config | None = None) -> Look:
    """Look, as `outlook` does, and ask *docker* nothing but what there is."""
    declared = config.read(this_machine()) if declared is None else declared
    identity = machine_id()
    seen = _with_lans(declared, look(Kernel(), docker), identity)
    goal = wanted(declared, seen, identity)
    return Look(declared=declared, seen=seen, goal=goal, actions=plan(goal.host, seen))


def _with_lans(declared: Config, seen: Host, identity: str) -> Host:
    """Add what the LANs have told the daemon: it alone asks them. Of what it does not tell, all is as it should be."""
    told = last()
    if told is None or not told.disputes or not is_current(told):
        return seen
    disputes = {(it.parent, it.address): it for it in told.disputes}
    questions = wanted(declared, replace(seen, heard=Heard()), identity).questions
    found = (_finding(it, disputes.get((it.parent, str(it.address)))) for it in questions)
    proxies = frozenset((it.parent, _device(mac)) for it in told.disputes if not it.address for mac in it.macs)
    return replace(seen, heard=Heard(findings=frozenset(it for it in found if it), proxies=proxies))


def _finding(question: Question, dispute: DisputeStatus | None) -> Finding | None:
    if dispute is None and question.about is About.GATEWAY:
        return None  # it answers; at which MAC is of no interest
    return Finding(question=question, devices=frozenset(map(_device, dispute.macs if dispute else ())))


def _device(mac: str) -> Device:
    return Device(mac=mac, vendor=vendor_of(mac))
