"""Findings about macvland itself: its files, its daemon, and what that tells. Pure."""

from collections import defaultdict
from collections.abc import Iterator

from macvland.cli.doctor.finding import Finding
from macvland.cli.doctor.snapshot import Snapshot
from macvland.model import Hold
from macvland.status import State

START = "systemctl start macvland"
LOG = "journalctl --unit macvland --since -1h"


def wrong_files(shot: Snapshot) -> Iterator[Finding]:
    """Find the files in error; a broken file's network stays as it is."""
    for error in shot.config.errors:
        yield Finding(
            code="MV101",
            network=error.file.stem if error.file.suffix == ".toml" else "",
            symptom="what the file says is not done, and its network stays as it was",
            evidence=(str(error),),
            remedy=("macvlanctl check",),
        )


def not_running(shot: Snapshot) -> Iterator[Finding]:
    """Find that no daemon keeps the host as the files say."""
    if shot.running:
        return
    told = "the status file is one of a daemon that has ended" if shot.status else "there is no status file"
    yield Finding(
        code="MV102",
        network="",
        symptom="no change of a file, a link or a container has an effect",
        evidence=(f"{told}: macvland does not run",),
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
    if not (shot.running and shot.status):
        return
    elsewhere = [str(error) for error in shot.config.errors] + [reason for _, reason in shot.refusals]
    elsewhere += [one.reason for one in shot.goal.obstacles if one.hold is Hold.TAKEN]
    for one in shot.status.networks:
        reasons = tuple(reason for reason in one.reasons if not any(other in reason for other in elsewhere))
        if one.state is State.FAILED and reasons:
            yield Finding(
                code="MV104",
                network=one.name,
                symptom="the network is not as its file asks",
                evidence=reasons,
                remedy=(f"journalctl MACVLAND_NETWORK={one.name} --since -1h", "macvlanctl apply"),
            )


def in_the_way(shot: Snapshot) -> Iterator[Finding]:
    """Find the conflicts with what macvland does not touch, but for parents, which are told apart."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for one in sorted(shot.goal.obstacles, key=lambda it: it.reason):
        about_parent = one.reason.startswith("its parent ")
        if one.hold in {Hold.CONFLICT, Hold.UNDONE, Hold.ADDRESS} and not about_parent:
            reasons[one.network].append(one.reason)
    for name, found in reasons.items():
        yield Finding(
            code="MV105",
            network=name,
            symptom="the network is not as its file asks, and nothing will change that by itself",
            evidence=tuple(found),
            remedy=(f"docker network inspect {name}", f"macvlanctl adopt {name}"),
        )


FINDERS = (wrong_files, not_running, stale, failed, in_the_way)
