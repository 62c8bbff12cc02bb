"""The parts that several sentences share: lists, and what depends on how many there are."""

from collections.abc import Sequence

SHOWN = 3  # containers of many


def names(containers: Sequence[str]) -> str:
    """Return *containers* as a sentence shows them: three of many."""
    shown = ", ".join(f"'{container}'" for container in containers[:SHOWN])
    return shown if len(containers) <= SHOWN else f"{shown} and {len(containers) - SHOWN} more"


def both(some: Sequence[str]) -> str:
    """Return *some* joined as a sentence joins two of them."""
    return " and ".join(some)
