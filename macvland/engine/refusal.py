"""What Docker's refusals mean, and whether waiting helps. Docker says it in prose only, so prose it is."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from macvland.condition import Condition
from macvland.condition.docker import (
    ANSWERED,
    BROKEN_OFF,
    CROWDED,
    DENIED,
    NAME_TAKEN,
    NETWORK_IN_USE,
    NO_PARENT,
    NO_SOCKET,
    ONE_PER_PARENT,
    OVERLAP,
    PASSTHRU_SHARED,
    REFUSED,
    TIMED_OUT,
)
from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Engine

# Docker up to 26 refuses every second network and tells the start of the first one's id; later passthru alone, and all.
PARENT_TAKEN = re.compile(r"network (?:dm-)?([0-9a-f]{12,64}) is already using parent interface")
PERMANENT = re.compile(r"loopback interface|macvlan mode .* not valid|out of range|[Ii]nvalid (?!subinterface)")


class RefusedError(ApplyError):
    """Docker answered, and the answer is no."""

    def __init__(self, status: int, message: str, why: Condition | None = None, *, passing: bool = True) -> None:
        """Keep the HTTP *status* and Docker's own *message*; *why* says it better where that is known."""
        super().__init__(why or ANSWERED(status=status, message=message), passing=passing)
        self.status = status
        self.message = message


def creation_refused(
    body: Mapping[str, Any], engine: Engine, refusal: RefusedError, name_of: Callable[[str], str]
) -> RefusedError:
    """Say why the network of *body* was not created; *name_of* finds the name of a network by the start of its id."""
    said = partial(RefusedError, refusal.status, refusal.message)
    words = refusal.message
    if refusal.status == 409:
        return said(NAME_TAKEN(name=body["Name"]))
    if refusal.status == 403 and "overlaps" in words:
        return said(OVERLAP())
    if other := PARENT_TAKEN.search(words):
        if "passthru" in words:
            return said(PASSTHRU_SHARED(other=name_of(other[1])))
        return said(ONE_PER_PARENT(version=engine.version, other=name_of(other[1])))
    if "invalid subinterface vlan name" in words:
        return said(NO_PARENT(parent=body["Options"].get("parent")))
    permanent = refusal.status == 400 or PERMANENT.search(words)
    return said(passing=not permanent)


def deletion_refused(refusal: RefusedError, containers: Collection[str]) -> ApplyError:
    """Say why a network was not deleted to which *containers* were attached a moment before."""
    return ApplyError(NETWORK_IN_USE(containers=sorted(containers)) if refusal.status == 403 else refusal.condition)


def no_answer(path: str, error: Exception, seconds: float = 0) -> EngineAbsentError:
    """Say why nothing answered at *path* within *seconds*."""
    match error:
        case FileNotFoundError():
            absent = NO_SOCKET(path=path)
        case PermissionError():
            absent = DENIED(path=path)
        case ConnectionRefusedError():
            absent = REFUSED(path=path)
        case TimeoutError():
            absent = TIMED_OUT(seconds=f"{seconds:g}")
        case BlockingIOError():
            absent = CROWDED(path=path)
        case _:
            absent = BROKEN_OFF(error=f"{type(error).__name__} {error}".rstrip())
    return EngineAbsentError(absent)
