"""What date rules share: the days they find, what they need to know, and the words that stand for days and months."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

DAYS_A_WEEK: Final = 7

# Leap days are the rarest dates there are; a date that none of the next eight years has does not exist.
YEARS_MAX: Final = 8

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# Short forms that are words of their own (mon, wed, sat, sun) are left out.
WEEKDAY: Final = rf"(?:{'|'.join(WEEKDAYS)}|tues|tue|weds|thurs|thur|thu|fri)"
MONTHS: Final = (
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
)
MONTH: Final = rf"(?:{'|'.join(MONTHS)}|(?:jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec)(?: \.)?)"
YEAR: Final = r"20\d\d"


@dataclass(frozen=True, slots=True)
class Context:
    """The day on which something is said, and the ISO code of the country in which it is said, if that is known."""

    today: date
    country: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """Days that words of a text name; the span is one of the normal form. The rest is told in `days.DayMention`.

    Attributes:
        is_holiday: The days are those of a holiday or feast, or around one.
        is_bare: Nothing but the name of a weekday, so that "Monday to Friday" is every week's.
    """

    start: int
    end: int
    dates: tuple[date, ...] = ()
    is_now: bool = False
    is_recurring: bool = False
    is_ambiguous: bool = False
    has_date: bool = False
    label: str = ""
    is_holiday: bool = False
    is_bare: bool = False


Resolver = Callable[[re.Match[str], Context], Sequence[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern over the normal form, and the days that a match of it names; none if it names no date there is."""

    pattern: re.Pattern[str]
    resolve: Resolver


def words(pattern: str) -> re.Pattern[str]:
    """Compile a pattern that matches whole tokens only."""
    return re.compile(rf"(?<!\S)(?:{pattern})(?!\S)")


def weekday_of(name: str) -> int:
    """Return the number of a weekday, Monday being 0; the name may be short, a plural or a genitive."""
    return next(at for at, day in enumerate(WEEKDAYS) if day.startswith(name[:3]))


def month_of(name: str) -> int:
    """Return the number of a month, whose name may be short."""
    return next(at for at, month in enumerate(MONTHS, start=1) if month.startswith(name[:3]))


def day_or_none(year: int, month: int, day: int) -> date | None:
    """Return the date, or None if the calendar has none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def next_date(month: int, day: int, today: date) -> date | None:
    """Return the next such day of a month, today included."""
    days = (day_or_none(today.year + ahead, month, day) for ahead in range(YEARS_MAX + 1))
    return next((each for each in days if each is not None and each >= today), None)


def coming(weekday: int, today: date) -> date:
    """Return the next such weekday, today included."""
    return today + timedelta(days=(weekday - today.weekday()) % DAYS_A_WEEK)


def after(weekday: int, today: date) -> date:
    """Return the next such weekday after today."""
    return coming(weekday, today + timedelta(days=1))


def week_of(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def days_from(first: date, last: date) -> tuple[date, ...]:
    """Return every day from the first to the last."""
    return tuple(first + timedelta(days=ahead) for ahead in range((last - first).days + 1))


def with_month(today: date, months: int) -> date:
    """Return the same day so many months later, or the last of that month if it is shorter."""
    year, month = divmod(today.year * 12 + today.month - 1 + months, 12)
    days = (day_or_none(year, month + 1, day) for day in range(today.day, 0, -1))
    return next(day for day in days if day is not None)


def last_of_month(first: date) -> date:
    """Return the last day of the month that begins with `first`."""
    return with_month(first.replace(day=1), 1) - timedelta(days=1)
