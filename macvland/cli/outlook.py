"""What the daemon would do now, by its own code: looked at, never done."""

from dataclasses import dataclass

from macvland import config
from macvland.action import Action
from macvland.config import Config
from macvland.engine import Docker
from macvland.kernel import Kernel
from macvland.machine import machine_id, this_machine
from macvland.model import Host
from macvland.plan import plan
from macvland.reconcile import look
from macvland.wanted import wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is to be done, in safe order; what keeps the daemon from more; and what both rest on."""

    declared: Config
    seen: Host
    actions: tuple[Action, ...]
    obstacles: tuple[str, ...]


def outlook(declared: Config | None = None) -> Outlook:
    """Look at files (or take *declared* for them), kernel and Docker. ApplyError where the kernel cannot be seen."""
    declared = config.read(this_machine()) if declared is None else declared
    docker = Docker()
    seen = look(Kernel(), docker)
    goal = wanted(declared, seen, machine_id())
    actions = plan(goal.host, seen)
    refusals = [f"{one.action.network}: {one.reason}" for one in docker.rehearse(actions)]
    obstacles = sorted((*(f"{one.network}: {one.reason}" for one in goal.obstacles), *refusals))
    return Outlook(declared=declared, seen=seen, actions=actions, obstacles=tuple(obstacles))
