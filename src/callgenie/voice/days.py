"""Which day a caller asks about."""

import re
from typing import Final

_ABOUT_OPENING: Final = re.compile(
    r"\b(open|opens|opening|close|closes|closed|closing|shut|hours|come (by|in|over)|there)\b"
)
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH: Final = "|".join(_MONTHS)
_FEASTS: Final = (
    (re.compile(r"\bchristmas eve\b"), "12-24"),
    (re.compile(r"\b(christmas|christmas day)\b"), "12-25"),
    (re.compile(r"\bboxing day\b"), "12-26"),
    (re.compile(r"\bnew year'?s eve\b"), "12-31"),
    (re.compile(r"\bnew year('?s)?( day)?\b"), "01-01"),
)
_MONTH_DAY: Final = re.compile(rf"\b({_MONTH})\s+(?:the\s+)?(\d{{1,2}})(?:st|nd|rd|th)?\b")
_DAY_MONTH: Final = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+({_MONTH})\b")
_NAMED: Final = (
    (re.compile(r"\btomorrow\b"), "tomorrow"),
    (re.compile(r"\b(today|tonight|this (morning|afternoon|evening))\b"), "today"),
    *((re.compile(rf"\b{day}s?\b"), day) for day in _WEEKDAYS),
    (re.compile(r"\b(now|right now|at the moment|currently|still open|already open)\b"), "now"),
    (re.compile(r"(^|[.!?,]\s*)are you (guys )?open\W*$"), "now"),
)


def day_asked_for(text: str) -> str | None:
    """Return the day on which somebody wants to know whether we are open, as `business_hours` takes it, or None."""
    lower = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    if _ABOUT_OPENING.search(lower) is None:
        return None
    return next((day for pattern, day in (*_FEASTS, *_NAMED) if pattern.search(lower)), None) or _date_in(lower)


def _date_in(lower: str) -> str | None:
    if found := _MONTH_DAY.search(lower):
        month, day = found[1], found[2]
    elif found := _DAY_MONTH.search(lower):
        day, month = found[1], found[2]
    else:
        return None
    return f"{_MONTHS.index(month) + 1:02d}-{int(day):02d}"
