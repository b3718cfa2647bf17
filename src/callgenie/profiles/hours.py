"""When the business is open: at a given instant, and as a sentence that can be spoken.

Opening hours are what hangs on the door: wall-clock times of one time zone. An instant always has exactly one
wall-clock time, so nothing here can go wrong when clocks change; the other direction, which can, is never taken.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from callgenie.profiles.models import DAYS, Business, Day, OpenInterval

_MINUTES_A_DAY: Final = 24 * 60
_NOON: Final = 12 * 60
_ALL_DAY: Final = (OpenInterval(0, _MINUTES_A_DAY),)
_DAY_NAMES: Final[dict[Day, str]] = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
# From this many days in a row on, "Monday to Wednesday" is shorter to hear than a list.
_RUN_MIN: Final = 3


def minute_of(text: str) -> int:
    """Return the minutes since midnight of `HH:MM`; `24:00` ends a day."""
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def clock_text(minute: int) -> str:
    """Return minutes since midnight as `HH:MM`."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def is_open(business: Business, at: datetime) -> bool:
    """Tell whether the business is open at an instant; it always is when nobody has said when."""
    if not business.hours:
        return True
    local = at.astimezone(ZoneInfo(business.timezone))
    if local.date() in business.holidays:
        return False
    minute = local.hour * 60 + local.minute
    return any(span.open <= minute < span.close for span in business.hours.get(DAYS[local.weekday()], ()))


def hours_sentence(business: Business) -> str:
    """Return when the business is open, to be spoken; empty when nobody has said."""
    if not business.hours:
        return ""
    spans = {day: tuple(business.hours.get(day, ())) for day in DAYS}
    if not any(spans.values()):
        return "We are closed every day at the moment."
    groups: dict[tuple[OpenInterval, ...], list[Day]] = {}
    for day in DAYS:
        groups.setdefault(spans[day], []).append(day)
    closed = groups.pop((), [])
    parts = [f"{_days(days)} {_times(times)}" for times, days in groups.items()]
    if closed:
        days = _days(closed)
        parts.append(f"closed {days}" if " to " in days else f"closed on {days}")
    if len(parts) == 1:
        return f"We are open {parts[0]}."
    return f"We are open {', '.join(parts[:-1])}, and {parts[-1]}."


def _days(days: Sequence[Day]) -> str:
    if len(days) == len(DAYS):
        return "every day"
    runs: list[list[Day]] = []
    for day in days:
        if runs and DAYS.index(runs[-1][-1]) + 1 == DAYS.index(day):
            runs[-1].append(day)
        else:
            runs.append([day])
    names: list[str] = []
    for run in runs:
        if len(run) >= _RUN_MIN:
            names.append(f"{_DAY_NAMES[run[0]]} to {_DAY_NAMES[run[-1]]}")
        else:
            names.extend(_DAY_NAMES[day] for day in run)
    return _listed(names)


def _times(spans: Sequence[OpenInterval]) -> str:
    if tuple(spans) == _ALL_DAY:
        return "around the clock"
    return _listed([f"from {_clock(span.open)} to {_clock(span.close)}" for span in spans])


def _clock(minute: int) -> str:
    if minute in {0, _MINUTES_A_DAY}:
        return "midnight"
    if minute == _NOON:
        return "noon"
    hour, rest = divmod(minute, 60)
    half = "AM" if minute < _NOON else "PM"
    return f"{(hour - 1) % 12 + 1}:{rest:02d} {half}" if rest else f"{(hour - 1) % 12 + 1} {half}"


def _listed(names: Sequence[str]) -> str:
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
