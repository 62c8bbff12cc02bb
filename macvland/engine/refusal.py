"""What Docker's refusals mean, and whether waiting helps. Docker says it in prose only, so prose it is."""

import re
from collections.abc import Callable, Collection

from macvland.error import ApplyError, EngineAbsentError
from macvland.model import Engine, Network

ONE_PER_PARENT = re.compile(r"network dm-([0-9a-f]{12}) is already using parent interface")  # up to Docker 26
PERMANENT = re.compile(r"loopback interface|macvlan mode .* not valid|out of range|[Ii]nvalid (?!subinterface)")


class RefusedError(ApplyError):
    """Docker answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        """Keep the HTTP *status* and Docker's own words."""
        super().__init__(f"Docker answered {status}: {message}")
        self.status = status
        self.message = message


def creation_refused(
    network: Network, engine: Engine, refusal: RefusedError, name_of: Callable[[str], str]
) -> ApplyError:
    """Say why *network* was not created; *name_of* finds the name of a network by the start of its id."""
    words = refusal.message
    if refusal.status == 409:
        return ApplyError(f"Docker has a network named '{network.name}' already")
    if refusal.status == 403 and "overlaps" in words:
        return ApplyError(
            "a subnet overlaps that of another Docker network, which may be on any parent; "
            "networks may have equal subnets if each has a range of its own"
        )
    if other := ONE_PER_PARENT.search(words):
        return ApplyError(
            f"Docker {engine.version} allows one macvlan network per parent (27 allows several); "
            f"network '{name_of(other[1])}' has it"
        )
    if "invalid subinterface vlan name" in words:
        return ApplyError(f"parent '{network.parent}' does not exist in Docker's eyes")
    permanent = refusal.status == 400 or PERMANENT.search(words)
    return ApplyError(str(refusal), passing=not permanent)


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
