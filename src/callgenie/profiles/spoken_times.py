"""Days and times as they are said on the telephone: "Monday to Friday", "noon", "on Monday at 9 AM"."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from callgenie.profiles.models import DAYS, Day, OpenInterval

_MINUTES_A_DAY: Final = 24 * 60
_NOON: Final = 12 * 60
_WEEK_DAYS: Final = 7
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
_MONTH_NAMES: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

# From this many days in a row on, "Monday to Wednesday" is shorter to hear than a list.
_RUN_MIN: Final = 3


def day_name(day: date) -> str:
    """Return the name of a day of the week."""
    return _DAY_NAMES[DAYS[day.weekday()]]


def month_and_day(day: date) -> str:
    """Return a date without its year, such as `December 25`."""
    return f"{_MONTH_NAMES[day.month - 1]} {day.day}"


def clock(minute: int) -> str:
    """Return a time of day; minutes after the midnight that ends the day belong to the next one."""
    if minute in {0, _MINUTES_A_DAY}:
        return "midnight"
    minute %= _MINUTES_A_DAY
    if minute == _NOON:
        return "noon"
    hour, rest = divmod(minute, 60)
    half = "AM" if minute < _NOON else "PM"
    return f"{(hour - 1) % 12 + 1}:{rest:02d} {half}" if rest else f"{(hour - 1) % 12 + 1} {half}"


def times_text(spans: Sequence[OpenInterval]) -> str:
    """Return opening hours of a day, such as `from 9 AM to noon and from 1 PM to 6 PM`."""
    if tuple(spans) == _ALL_DAY:
        return "around the clock"
    return listed([f"from {clock(span.open)} to {clock(span.close)}" for span in spans])


def days_text(days: Sequence[Day]) -> str:
    """Return days of the week, in order, such as `Monday to Thursday and Saturday`."""
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
    return listed(names)


def when_text(moment: datetime, seen_from: datetime) -> str:
    """Return when that is, seen from another moment; both by the wall clock of the business."""
    days = (moment.date() - seen_from.date()).days
    if days == 0:
        day = "today"
    elif days == 1:
        day = "tomorrow"
    elif days < _WEEK_DAYS:
        day = f"on {day_name(moment)}"
    else:
        day = f"on {day_name(moment)}, {month_and_day(moment)},"
    minute = _minute_of_day(moment)
    # The midnight of a Monday may be the one before or the one after it.
    return f"{day} at {clock(minute)}" if minute else f"{day} right after midnight"


def until_text(moment: datetime, seen_from: datetime) -> str:
    """Return until when that is, today or tomorrow; both by the wall clock of the business."""
    days = (moment.date() - seen_from.date()).days
    minute = _minute_of_day(moment)
    if days == 0 or minute == 0:
        return clock(minute)
    return f"tomorrow at {clock(minute)}"


def _minute_of_day(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute


def listed(names: Sequence[str]) -> str:
    """Return names as a list that can be spoken."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} and {names[-1]}"
