"""What holds a network up, what failed, what is warned of: as values, each with a stable code, and their sentences.

Each sentence stands here once, whoever tells it: journal, status, doctor or try. Nothing reads a sentence: programs and
macvland itself compare codes, kinds and fields.
"""

from macvland.condition.catalog import CODES, KINDS
from macvland.condition.value import Condition, Field, Kind, Severity, State

__all__ = ["CODES", "KINDS", "Condition", "Field", "Kind", "Severity", "State"]
