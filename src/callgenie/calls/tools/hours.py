"""Looks up the opening hours."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from callgenie.kernel.clock import Clock
from callgenie.profiles.countries import country_of
from callgenie.profiles.hours import local_date
from callgenie.profiles.models import DAYS, Business
from callgenie.profiles.opening_replies import opening_replies
from callgenie.understanding.dates.found import WEEKDAYS
from callgenie.understanding.days import DayMention, days_in
from callgenie.voice.ports import Message, ToolSpec
from callgenie.voice.tool_names import BUSINESS_HOURS
from callgenie.voice.tools import ToolResult

_ADVICE: Final = (
    "Say when: now, today, tomorrow, the name of a day, a date such as 2026-12-25 or 12-25, several of these with"
    " commas between them, or the caller's own words for the day."
)
_DAYS_A_WEEK: Final = 7

# A caller asks for two days at once, seldom for three.
_MENTIONS_MAX: Final = 4

# Nobody asks for the hours of another one, and days next to the ends of the calendar cannot be counted from.
_CENTURY: Final = range(2000, 2100)

# Leap days are the rarest dates there are; a date that none of the next eight years has is none.
_YEARS_MAX: Final = 8


class BusinessHours:
    """Tells whether the business is open, now or on other days."""

    spec: Final = ToolSpec(
        BUSINESS_HOURS,
        "Find out whether the business is open now or on certain days, and when it opens and closes.",
        {
            "type": "object",
            "properties": {
                "when": {
                    "type": "string",
                    "description": "now, today, tomorrow, the English name of a weekday, YYYY-MM-DD, or MM-DD for the"
                    " next such day; several with commas between them; or the caller's own words for the day and the"
                    " time of day, such as: a week from Friday after six.",
                }
            },
            "required": ["when"],
            "additionalProperties": False,
        },
    )
    has_effect: Final = False

    def __init__(self, business: Business, clock: Clock) -> None:
        self._business = business
        self._clock = clock

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        """Return what is to be said about the days that are asked for."""
        del conversation
        now, when = self._clock.now(), str(arguments.get("when", "now")).strip()
        mentions = _mentions(when, local_date(self._business, now), country_of(self._business.timezone))
        if not mentions:
            return ToolResult.error(_ADVICE)
        return ToolResult(opening_replies(self._business, mentions[:_MENTIONS_MAX], now))


def _mentions(when: str, today: date, country: str | None) -> list[DayMention]:
    """Return the days that an argument names: in the form that the tool describes, or in a caller's words."""
    parts = [_mention(part.strip().lower(), today) for part in when.split(",")]
    formal = [part for part in parts if part is not None]
    return formal if len(formal) == len(parts) else days_in(when, today, country)


def _mention(part: str, today: date) -> DayMention | None:
    if part == "now":
        return DayMention(0, 0, (today,), is_now=True)
    day = _day_of(part, today)
    return None if day is None else DayMention(0, 0, (day,))


def _day_of(part: str, today: date) -> date | None:
    if part == "today":
        return today
    if part == "tomorrow":
        return today + timedelta(days=1)
    if part[:3] in DAYS:
        weekday = DAYS.index(part[:3])
        is_name = WEEKDAYS[weekday].startswith(part)
        return today + timedelta(days=(weekday - today.weekday()) % _DAYS_A_WEEK) if is_name else None
    return _date_of(part) or _next_date(part, today)


def _date_of(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _CENTURY else None


def _next_date(text: str, today: date) -> date | None:
    """Return the next day that a `MM-DD` names, today among them."""
    days = (_date_of(f"{today.year + ahead:04d}-{text}") for ahead in range(_YEARS_MAX + 1))
    return next((day for day in days if day is not None and day >= today), None)
