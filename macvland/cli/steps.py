"""Actions for people and for programs: by network, with whom they cut off. Pure."""

from collections.abc import Iterator, Sequence
from typing import Any

from macvland.action import Action, Add, Change, Delete, Disconnect, Finish, Prove, Reconnect, Replace
from macvland.cli.impact import impact
from macvland.cli.text.layout import filled
from macvland.cli.text.terminal import BOLD, CYAN, GREEN, RED, YELLOW, Paint
from macvland.model import Host

COLOURS: dict[type[Action], str] = {
    Add: GREEN,
    Change: YELLOW,
    Delete: RED,
    Replace: YELLOW,
    Finish: YELLOW,
    Prove: CYAN,
    Reconnect: GREEN,
    Disconnect: RED,
}
INDENT = "  "
MARK = "! "  # before what cuts somebody off


def steps(actions: Sequence[Action], seen: Host, columns: int, paint: Paint) -> Iterator[str]:
    """Yield *actions* below their networks, each network's in safe order; below what cuts somebody off, whom."""
    for network in dict.fromkeys(action.network for action in actions):
        yield paint(network or "host", BOLD)
        for action in (one for one in actions if one.network == network):
            cut = impact(action, actions, seen)
            lines = filled(str(action), columns, MARK if cut else INDENT, INDENT * 2)
            yield from (paint(line, COLOURS[type(action)]) for line in lines)
            if cut:
                yield from (paint(line, RED) for line in filled(str(cut), columns, INDENT * 2, INDENT * 3))


def described(actions: Sequence[Action], seen: Host) -> list[dict[str, Any]]:
    """Return *actions* for JSON, in the order in which they are done."""
    return [_described(action, actions, seen) for action in actions]


def _described(action: Action, actions: Sequence[Action], seen: Host) -> dict[str, Any]:
    cut = impact(action, actions, seen)
    disrupts = {"who": list(cut.who), "what": cut.what, "seconds": cut.seconds} if cut else None
    return {"network": action.network, "action": str(action), "disrupts": disrupts}
