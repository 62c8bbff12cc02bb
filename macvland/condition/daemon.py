"""What macvland itself fails at, and what it works round."""

from functools import partial

from macvland.condition.value import Kind, Severity, State

_failed = partial(Kind, code="MV104", severity=Severity.ERROR, state=State.FAILED)
_survived = partial(Kind, code="MV106", severity=Severity.WARNING, state=None)

DEFECT = _failed(name="defect", sentence="macvland failed on it: {defect}; please report this")
NO_EFFECT = _failed(name="no-effect", sentence="it had no effect: is another program undoing it?")
NOT_DONE = _failed(name="not-done", sentence="not done yet")
OTHER = _failed(name="failed", sentence="{words}")

NO_LOOK = _survived(name="links-unreadable", sentence="cannot look at the kernel's links: {error}")
NO_STATUS = _survived(name="status-unwritable", sentence="cannot write {path}: {error}; the status there is old")
NO_LOCK = _survived(
    name="lock-unwritable",
    sentence="cannot lock {path}: {error}; a second macvland would not be noticed",
)
NO_DIRECTORY = _survived(
    name="directory-replaced",
    sentence="{path} vanished or was replaced: its networks stay until it is back or macvland is reloaded",
)
UNWATCHED = _survived(name="watch-refused", sentence="{trouble}")
NO_SWEEP = _survived(name="sweep-denied", sentence="a sweep needs CAP_NET_RAW: run it as root")
UNHEARD = _survived(name="lan-unheard", sentence="{trouble}")
