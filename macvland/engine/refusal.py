"""What Docker's refusals mean, and whether waiting helps. Docker says it in prose only, so prose it is."""

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Engine

# Docker up to 26 refuses every second network and tells the start of the first one's id; later passthru alone, and all.
PARENT_TAKEN = re.compile(r"network (?:dm-)?([0-9a-f]{12,64}) is already using parent interface")
PERMANENT = re.compile(r"loopback interface|macvlan mode .* not valid|out of range|[Ii]nvalid (?!subinterface)")


class RefusedError(ApplyError):
    """Docker answered, and the answer is no."""

    def __init__(self, status: int, message: str, words: str = "", *, passing: bool = True) -> None:
        """Keep the HTTP *status* and Docker's own *message*; *words* say it better where they can."""
        super().__init__(words or f"Docker answered {status}: {message}", passing=passing)
        self.status = status
        self.message = message


def creation_refused(
    body: Mapping[str, Any], engine: Engine, refusal: RefusedError, name_of: Callable[[str], str]
) -> RefusedError:
    """Say why the network of *body* was not created; *name_of* finds the name of a network by the start of its id."""
    said = partial(RefusedError, refusal.status, refusal.message)
    words = refusal.message
    if refusal.status == 409:
        return said(f"Docker has a network named '{body['Name']}' already")
    if refusal.status == 403 and "overlaps" in words:
        return said(
            "a subnet overlaps that of another Docker network, which may be on any parent; "
            "networks may have equal subnets if each has a range of its own"
        )
    if other := PARENT_TAKEN.search(words):
        if "passthru" in words:
            return said(f"a passthru network needs its parent for itself, and '{name_of(other[1])}' has it, too")
        return said(
            f"Docker {engine.version} allows one macvlan network per parent (27 allows several); "
            f"network '{name_of(other[1])}' has it"
        )
    if "invalid subinterface vlan name" in words:
        return said(f"parent '{body['Options'].get('parent')}' does not exist in Docker's eyes")
    permanent = refusal.status == 400 or PERMANENT.search(words)
    return said(passing=not permanent)


def deletion_refused(refusal: RefusedError, containers: Collection[str]) -> ApplyError:
    """Say why a network was not deleted to which *containers* were attached a moment before."""
    if refusal.status == 403:
        users = ", ".join(f"'{name}'" for name in sorted(containers)) or "a container"
        return ApplyError(f"it is in use by {users}")
    return ApplyError(str(refusal))


def no_answer(path: str, error: Exception, seconds: float = 0) -> EngineAbsentError:
    """Say why nothing answered at *path* within *seconds*."""
    match error:
        case FileNotFoundError():
            words = f"Docker's socket {path} does not exist"
        case PermissionError():
            words = f"permission denied on {path}: add the service user to group docker"
        case ConnectionRefusedError():
            words = f"nothing listens on {path}: Docker is not running"
        case TimeoutError():
            words = f"Docker did not answer within {seconds:g} s"
        case BlockingIOError():
            words = f"Docker accepts no connection on {path}: too many wait there"
        case _:
            words = f"Docker's answer broke off: {type(error).__name__} {error}".rstrip()
    return EngineAbsentError(words)
