"""Findings about macvland itself: its files, its daemon, and what that tells. Pure."""

from collections import defaultdict
from collections.abc import Iterator

from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.snapshot import Snapshot
from macvland.condition import State
from macvland.condition.daemon import DEFECT
from macvland.condition.obstacle import SAME_NAME, UNDONE
from macvland.status import ConditionStatus, told

START = "systemctl start macvland"
LOG = "journalctl --unit macvland --since -1h"
FAILED, IN_THE_WAY = DEFECT.code, SAME_NAME.code
OF_FAILURES = frozenset({FAILED, ""})  # an older macvland told no codes


def wrong_files(shot: Snapshot) -> Iterator[Finding]:
    """Find the files in error; a broken file's network stays as it is."""
    for error in shot.config.errors:
        yield Finding(
            code="MV101",
            network=error.condition.network,
            symptom="what the file says is not done, and its network stays as it was",
            conditions=(told(error.condition),),
            remedy=("macvlanctl check",),
        )


def not_running(shot: Snapshot) -> Iterator[Finding]:
    """Find that no daemon keeps the host as the files say."""
    if shot.running:
        return
    why = "the status file is one of a daemon that has ended" if shot.status else "there is no status file"
    yield Finding(
        code="MV102",
        network="",
        symptom="no change of a file, a link or a container has an effect",
        evidence=(f"{why}: macvland does not run",),
        remedy=(START, LOG),
    )


def stale(shot: Snapshot) -> Iterator[Finding]:
    """Find a daemon that says all is done while, looked at twice, something is to do."""
    if not (shot.running and shot.status and shot.status.converged and shot.actions):
        return
    todo = tuple(f"to do: {action}" for action in shot.actions[:6])
    yield Finding(
        code="MV103",
        network="",
        symptom="the daemon does not see what happens",
        evidence=(f"its status of {shot.status.time} says that all is done", *todo),
        remedy=("systemctl reload macvland", "systemctl restart macvland"),
    )


def failed(shot: Snapshot) -> Iterator[Finding]:
    """Find what the running daemon says that it failed at, but for files and for what Docker refuses: told apart."""
    for one in shot.status.networks if shot.running and shot.status else ():
        met = tuple(it for it in one.conditions if it.code in OF_FAILURES and it.state == str(State.FAILED))
        if met:
            yield Finding(
                code=FAILED,
                network=one.name,
                symptom="the network is not as its file asks",
                conditions=met,
                remedy=(f"journalctl MACVLAND_NETWORK={one.name} --since -1h", "macvlanctl apply"),
            )


def in_the_way(shot: Snapshot) -> Iterator[Finding]:
    """Find what macvland does not touch and what is undone by others, but for parents, which are told apart."""
    found: dict[str, list[ConditionStatus]] = defaultdict(list)
    for it in sorted(shot.goal.obstacles, key=lambda it: it.text):
        if it.code == IN_THE_WAY:
            found[it.network].append(told(it))
    for network in shot.status.networks if shot.running and shot.status else ():
        found[network.name] += [it for it in network.conditions if it.kind == UNDONE.name]
    for name, conditions in found.items():
        if conditions:
            yield Finding(
                code=IN_THE_WAY,
                network=name,
                symptom="the network is not as its file asks, and nothing will change that by itself",
                conditions=tuple(conditions),
                remedy=(f"docker network inspect {name}", f"macvlanctl adopt {name}"),
            )


FINDERS = (wrong_files, not_running, stale, failed, in_the_way)
