"""How wide text is on a terminal, whatever is in it: the cells that each character takes.

Refuses to ask the terminal: what it does with one that Unicode calls ambiguous, nobody can know.
"""

from unicodedata import category, east_asian_width

TAB = 8  # cells to the next stop, as terminals have it
JAMO = range(0x1160, 0x1200)  # Hangul vowels and finals: they join the consonant before them


def width(text: str) -> int:
    """Return how many cells *text* takes, all of which prints."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def padded(text: str, cells: int) -> str:
    """Return *text* with spaces after it, so that it takes *cells*."""
    return text + " " * (cells - width(text))


def shown(character: str, at: int) -> str:
    """Return what stands for *character* in the cell *at*: for a tab spaces, for what does not print its escape."""
    if character == "\t":
        return " " * (TAB - at % TAB)
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _cells(character: str) -> int:
    if category(character) in {"Mn", "Me"} or ord(character) in JAMO:
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
