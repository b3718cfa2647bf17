"""Looks up the opening hours."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from callgenie.kernel.clock import Clock
from callgenie.profiles.hours import day_sentence, local_date, state_sentence
from callgenie.profiles.models import DAYS, Business
from callgenie.voice.ports import Message, ToolSpec
from callgenie.voice.tool_names import BUSINESS_HOURS
from callgenie.voice.tools import ToolResult

_ADVICE: Final = "Say when: now, today, tomorrow, the name of a day, or a date such as 2026-12-25 or 12-25."
_DAYS_A_WEEK: Final = 7

# Leap days are the rarest dates there are; a date that none of the next eight years has is none.
_YEARS_MAX: Final = 8


class BusinessHours:
    """Tells whether the business is open, now or on another day."""

    spec: Final = ToolSpec(
        BUSINESS_HOURS,
        "Find out whether the business is open now or on a certain day, and when it opens and closes.",
        {
            "type": "object",
            "properties": {
                "when": {
                    "type": "string",
                    "description": "now, today, tomorrow, the English name of a weekday, YYYY-MM-DD, or MM-DD for the"
                    " next such day.",
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
        """Return a sentence about the day that is asked for."""
        del conversation
        now, when = self._clock.now(), str(arguments.get("when", "now")).strip().lower()
        if when == "now":
            return ToolResult(state_sentence(self._business, now))
        day = _day_of(when, local_date(self._business, now))
        if day is None:
            return ToolResult.error(_ADVICE)
        return ToolResult(day_sentence(self._business, day, now))


def _day_of(when: str, today: date) -> date | None:
    if when == "today":
        return today
    if when == "tomorrow":
        return today + timedelta(days=1)
    weekday = next((at for at, day in enumerate(DAYS) if when.startswith(day)), None)
    if weekday is not None:
        return today + timedelta(days=(weekday - today.weekday()) % _DAYS_A_WEEK)
    return _date_of(when) or _next_date(when, today)


def _date_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _next_date(text: str, today: date) -> date | None:
    """Return the next day that a `MM-DD` names, today among them."""
    days = (_date_of(f"{today.year + ahead:04d}-{text}") for ahead in range(_YEARS_MAX + 1))
    return next((day for day in days if day is not None and day >= today), None)
