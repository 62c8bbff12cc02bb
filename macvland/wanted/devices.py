"""How a sentence names the devices that have one address. Pure."""

from collections.abc import Collection

from macvland.model import MOST_DEVICES, Device

NAMED = 4  # of many


def devices(found: Collection[Device]) -> str:
    """Return *found* as a sentence shows them; of MOST_DEVICES, nobody knows how many more there are."""
    names = sorted(map(str, found))
    if len(names) <= NAMED:
        return " and ".join(names)
    least = " at least" if len(names) >= MOST_DEVICES else ""
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more{least}"
