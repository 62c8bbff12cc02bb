"""The parts that several sentences share: lists, and what depends on how many there are."""

from collections.abc import Sequence

SHOWN = 3  # containers of many
NAMED = 4  # devices of many
MOST_DEVICES = 32  # that are remembered of one address: a stranger may use ever other MACs


def names(containers: Sequence[str]) -> str:
    """Return *containers* as a sentence shows them: three of many."""
    shown = ", ".join(f"'{container}'" for container in containers[:SHOWN])
    return shown if len(containers) <= SHOWN else f"{shown} and {len(containers) - SHOWN} more"


def several(devices: Sequence[str]) -> str:
    """Return *devices* as a sentence shows them; of MOST_DEVICES, nobody knows how many more there are."""
    if len(devices) <= NAMED:
        return " and ".join(devices)
    least = " at least" if len(devices) >= MOST_DEVICES else ""
    return f"{', '.join(devices[:NAMED])} and {len(devices) - NAMED} more{least}"
