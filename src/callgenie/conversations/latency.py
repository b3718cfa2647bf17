"""How fast a conversation's answers were: percentiles over its turns."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from callgenie.conversations.documents import LATENCY_NAMES
from callgenie.conversations.models import RecordedTurn

MEDIAN: Final = 50
SLOW: Final = 95


def percentile(values: Sequence[int], percent: int) -> int:
    """Return the smallest value that at least `percent` of the values, which are not empty, do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def latency_percentiles(turns: Iterable[RecordedTurn], percent: int) -> Mapping[str, int]:
    """Return the percentile of each step that was measured, by its stored name, in milliseconds."""
    measured = [turn.latency for turn in turns if turn.latency is not None]
    shown: dict[str, int] = {}
    for ours, stored in LATENCY_NAMES.items():
        values = [value for latency in measured if (value := getattr(latency, ours)) is not None]
        if values:
            shown[stored] = percentile(values, percent)
    return shown
