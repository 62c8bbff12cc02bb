"""What is wrong with Docker: that it does not answer, has lost a network, or refuses one."""

from functools import partial

from macvland.condition.value import Kind, Severity, State

_absent = partial(Kind, code="MV201", severity=Severity.WARNING, state=State.WAITING)
_lost = partial(Kind, code="MV202", severity=Severity.ERROR, state=State.CONFLICT)
_would = partial(Kind, code="MV203", severity=Severity.ERROR, state=State.FAILED)
_failed = partial(Kind, code="MV104", severity=Severity.ERROR, state=State.FAILED)

# Docker does not answer

ASLEEP = Kind(
    name="docker-stopped",
    code="MV201",
    severity=Severity.INFO,  # it is so at each boot, before Docker is started, and when somebody stopped it
    state=State.WAITING,
    sentence="Docker is stopped; its socket would start it, which is not for macvland to do",
)
NO_SOCKET = _absent(name="docker-socket-missing", sentence="Docker's socket {path} does not exist")
DENIED = _absent(
    name="docker-socket-denied",
    sentence="permission denied on {path}: add the service user to group docker",
)
REFUSED = _absent(name="docker-not-running", sentence="nothing listens on {path}: Docker is not running")
TIMED_OUT = _absent(name="docker-silent", sentence="Docker did not answer within {seconds} s")
CROWDED = _absent(name="docker-crowded", sentence="Docker accepts no connection on {path}: too many wait there")
BROKEN_OFF = _absent(name="docker-broke-off", sentence="Docker's answer broke off: {error}")
NOT_YET = _absent(name="docker-slow", sentence="Docker has not answered yet")
AT_WORK = _absent(name="docker-at-work", sentence="Docker is at work on it")
NO_SENSE = _absent(name="docker-answer-wrong", sentence="Docker's answer makes no sense: {error}")
TOO_LARGE = _absent(name="docker-answer-large", sentence="Docker's answer to {request} is larger than {mebibytes} MiB")
ANSWER_DEFECT = _absent(
    name="docker-answer-defect",
    sentence="macvland failed on what Docker answered: {defect}; please report this",
)
UNREADABLE = _absent(name="docker-unreadable", sentence="{error}")
PODMAN = _absent(
    name="engine-podman",  # measured: docs/engines.md
    sentence="this is Podman {version}, not Docker, and macvland does not serve it: reserved addresses and modes get "
    "lost on the way, and it does not tell a network's parent",
)
NO_DOCKER = _absent(name="engine-unknown", sentence="what answers is not a Docker engine: it names no API version")
TOO_OLD = _absent(
    name="docker-old",
    sentence="Docker {version} is too old: it speaks API {api}, and 1.40 (Docker 19.03) is needed",
)

# Docker's driver has lost a network

LOST = _lost(
    name="network-lost",
    sentence="Docker's driver has forgotten it: its parent was missing when Docker started",
)
LOST_TO_ANOTHER = _lost(
    name="network-lost-to-another",
    sentence="Docker's driver has forgotten it, and '{other}' has its parent '{parent}'",
)
LOST_TO_NOBODY = _lost(
    name="network-lost-to-nobody",
    sentence="Docker's driver keeps '{parent}' for a network {other} that is no more (Docker up to 26): restart Docker "
    "while '{parent}' is there",
)

# Docker refuses, or would

ONE_PER_PARENT = _would(
    name="docker-one-per-parent",
    sentence="Docker {version} allows one macvlan network per parent (27 allows several); network '{other}' has it",
)
NO_IPV6_ALONE = _would(
    name="docker-no-ipv6-alone",
    sentence="this Docker {version} cannot make a network without IPv4; add an IPv4 subnet, or use Docker 28 or newer",
)
NO_GATEWAYLESS = _would(
    name="docker-invents-gateway",
    sentence="gateway = false needs Docker 29 or newer, this is {version}, which would invent one; use internal = "
    "true, or name a gateway",
)
STARTED_BY_ID = _would(
    name="container-started-by-id",
    sentence="'{container}' was started with the network's id and could not be connected again: start it with the name",
)
MAC_LOST = _would(
    name="container-mac-lost",
    sentence="'{container}' would lose its MAC {mac}, which Docker {version} forgets when it connects it again: remove "
    'and run it anew, or allow that by replace = "always"',
)


def _several(losses: tuple[str, ...]) -> str:
    return "; ".join(losses)


SEVERAL_LOSSES = _would(name="containers-would-lose", sentence=_several)
RESTARTING = _failed(
    name="container-restarting",
    sentence="'{container}' is about to be restarted, and its network is not replaced before it runs, or before "
    "'docker stop {container}'",
)
CONNECTED_LATER = _failed(
    name="container-connected-later",
    sentence="'{container}' is connected once it has been restarted: {refusal}",
)
ANSWERED = _failed(name="docker-refused", sentence="Docker answered {status}: {message}")
NAME_TAKEN = _failed(name="docker-name-taken", sentence="Docker has a network named '{name}' already")
OVERLAP = _failed(
    name="docker-subnet-overlaps",
    sentence="a subnet overlaps that of another Docker network, which may be on any parent; networks may have equal "
    "subnets if each has a range of its own",
)
PASSTHRU_SHARED = _failed(
    name="docker-passthru-shared",
    sentence="a passthru network needs its parent for itself, and '{other}' has it, too",
)
NO_PARENT = _failed(name="docker-parent-missing", sentence="parent '{parent}' does not exist in Docker's eyes")


def _in_use(containers: tuple[str, ...]) -> str:
    users = ", ".join(f"'{name}'" for name in containers) or "a container"
    return f"it is in use by {users}"


NETWORK_IN_USE = _failed(name="docker-network-in-use", sentence=_in_use)
NOT_OURS_DELETED = _failed(
    name="network-unlabelled-deleted", sentence="it does not carry macvland's label: never deleted"
)
NOT_OURS_REPLACED = _failed(
    name="network-unlabelled-replaced", sentence="it does not carry macvland's label: never replaced"
)
NO_ID = _failed(name="network-without-id", sentence="it has no id yet: nothing is deleted by its name")
UNABLE = _failed(name="docker-unable", sentence="Docker cannot {step}")
BACK = _failed(name="replacement-undone", sentence="{refusal}; the old network is back, with its containers")
IN_ITS_PLACE = _failed(
    name="replacement-blocked",
    sentence="a network that macvland did not make has taken the place of '{name}', which is under way: 'docker "
    "network rm {name}' lets it go on",
)
INTENT_UNREADABLE = _failed(name="intent-unreadable", sentence="cannot read {path}: {error}")
INTENT_UNWRITABLE = _failed(
    name="intent-unwritable", sentence="cannot write {path}: {error}; without it nothing is begun"
)
INTENT_STUCK = _failed(name="intent-stuck", sentence="cannot remove {path}: {error}")
INTENT_WRONG = _failed(
    name="intent-wrong",
    sentence="{path} cannot be understood ({error}) and is {aside} now: see that each container which it names is "
    "connected to '{name}'",
)
