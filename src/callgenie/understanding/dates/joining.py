"""Days told from other days: "the day after tomorrow", "a week from Friday", "Monday to Wednesday"."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from callgenie.understanding.dates.found import DAYS_A_WEEK, WEEKDAY, Context, Found, days_from, week_of, weekday_of
from callgenie.understanding.dates.relative import count_of, moved

_WEEK: Final = timedelta(days=DAYS_A_WEEK)
_SATURDAY, _SUNDAY = 5, 6
# "From now to Easter" is no list of days anybody reads out.
_RANGE_DAYS_MAX: Final = 62

# Words that end where a day begins.
_SHIFT: Final = re.compile(
    r"(?<!\S)(?:in )?(?:(?P<number>an?|the|\d{1,2}) )?(?P<unit>day|week|fortnight|month)s?"
    r" (?P<how>after|from|before|following)(?: the)? $"
)
# "5 days a week Monday to Friday" is no such thing.
_WEEKS_ON: Final = re.compile(
    r"(?<!day )(?<!days )(?<!times )(?<!once )(?<!twice )(?<!hours )"
    r"(?<!\S)(?:in )?(?P<number>an?|\d{1,2}) (?P<unit>week|fortnight)s?(?P<how> on)?(?: the)? $"
)
_WEEKDAY_BESIDE: Final = re.compile(
    rf"(?<!\S)(?:the )?(?P<weekday>{WEEKDAY}) (?P<how>after|before|following)(?: the)? $"
)
_PERIOD_BESIDE: Final = re.compile(
    r"(?<!\S)(?:the )?(?P<period>week|weekend) (?P<how>of|after|before|following)(?: the)? $"
)
# Words that begin where a day ends.
_WEEK_LATER: Final = re.compile(r" week(?!\S)| (?:a )?fortnight(?!\S)")
_TO: Final = re.compile(r" (?:to|through|thru|till|until|up to|-|\N{EN DASH})(?: and including)?(?: the)? ")
_DAY_AFTER: Final = re.compile(r"(?<!\S)(?:the )?(?:day after(?: that)?|(?:next|following) day)(?!\S)")
_WHICH_IS: Final = re.compile(r"(?: ,)?(?: (?:which is|which falls on|that is|that's|it's|on|a))* ")
_AND: Final = re.compile(r" and(?: the)? ")
_BETWEEN: Final = re.compile(r"(?<!\S)between(?: the)? $")


def joined(text: str, found: Sequence[Found], context: Context) -> list[Found]:
    """Return the days of a normal form, in order, with those put together that are told from one another."""
    result: list[Found] = []
    for each in sorted(found, key=lambda each: each.start):
        counted = _counted(text, each, context)
        # "the Monday after Christmas": the weekday was found by itself, and is part of this one.
        while result and result[-1].end > counted.start:
            result.pop()
        if result and _is_weekday_of(text, result[-1], counted):
            continue
        days = _range(text, result[-1], counted, context) if result else None
        result[-1:] = [days] if days else [*result[-1:], counted]
    return _with_days_after(text, result)


def _is_weekday_of(text: str, date_named: Found, weekday: Found) -> bool:
    """Tell whether the second is only the weekday of the first: "December 28th, which is a Monday"."""
    return (
        date_named.has_date
        and (weekday.is_bare or weekday.is_recurring)
        and len(date_named.dates) == len(weekday.dates) == 1
        and date_named.dates[0].weekday() == weekday.dates[0].weekday()
        and _WHICH_IS.fullmatch(text, date_named.end, weekday.start) is not None
    )


def _with_days_after(text: str, found: Sequence[Found]) -> list[Found]:
    """Return the days with those that are told from the one before: "New Year's Day and the day after"."""
    result = list(found)
    for match in _DAY_AFTER.finditer(text):
        before = [each for each in found if each.end <= match.start() and not each.is_recurring]
        if before and not any(each.start < match.end() and match.start() < each.end for each in found):
            day = before[-1].dates[-1] + timedelta(days=1)
            result.append(Found(match.start(), match.end(), (day,), has_date=before[-1].has_date))
    return sorted(result, key=lambda each: each.start)


def _counted(text: str, each: Found, context: Context) -> Found:
    """Return the day that is meant if the words beside `each` count from it."""
    if each.is_now:
        return each
    if not each.has_date and (suffix := _WEEK_LATER.match(text, each.end)):
        weeks = 2 if "fortnight" in suffix[0] else 1
        return _moved_to(replace(each, end=suffix.end()), each.start, [day + weeks * _WEEK for day in each.dates])
    before = text[: each.start]
    if (prefix := _PERIOD_BESIDE.search(before)) or (prefix := _WEEKDAY_BESIDE.search(before)):
        return _moved_to(each, prefix.start(), _beside(prefix, each))
    prefix = _SHIFT.search(before) or _WEEKS_ON.search(before)
    if prefix is None:
        return each
    sign = -1 if prefix["how"] == "before" else 1
    origins = list(each.dates)
    if each.is_bare and each.dates == (context.today,) and prefix["unit"] != "day":
        origins.append(context.today + _WEEK)
    moves = [moved(day, sign * count_of(prefix["number"]), prefix["unit"]) for day in origins]
    return _moved_to(each, prefix.start(), moves)


def _moved_to(each: Found, start: int, dates: Sequence[date]) -> Found:
    return Found(
        start,
        each.end,
        tuple(dates),
        is_ambiguous=each.is_ambiguous or (each.is_bare and len(dates) > 1),
        has_date=each.has_date,
    )


def _beside(prefix: re.Match[str], each: Found) -> tuple[date, ...]:
    """Return the weekday, weekend or week that lies before, around or after a day."""
    before, how = prefix["how"] == "before", prefix["how"]
    first, last = each.dates[0], each.dates[-1]
    if "weekday" in prefix.groupdict():
        weekday = weekday_of(prefix["weekday"])
        if before:
            return (first - timedelta(days=(first.weekday() - weekday - 1) % DAYS_A_WEEK + 1),)
        return (last + timedelta(days=(weekday - last.weekday() - 1) % DAYS_A_WEEK + 1),)
    if prefix["period"] == "week":
        monday = week_of(first if how in {"of", "before"} else last) + _WEEK * {"of": 0, "before": -1}.get(how, 1)
        return days_from(monday, monday + timedelta(days=_SUNDAY))
    if how == "of":
        saturday = week_of(first) + timedelta(days=_SATURDAY)
    elif before:
        saturday = first - timedelta(days=(first.weekday() - _SUNDAY - 1) % DAYS_A_WEEK + 2)
    else:
        saturday = last + timedelta(days=(_SATURDAY - last.weekday() - 1) % DAYS_A_WEEK + 1)
    return saturday, saturday + timedelta(days=1)


def _range(text: str, left: Found, right: Found, context: Context) -> Found | None:
    """Return the days from one to another, if the words between them say so."""
    between = text[left.end : right.start]
    is_range = _TO.fullmatch(between) or (_AND.fullmatch(between) and _BETWEEN.search(text[: left.start]))
    ends = (left, right)
    if not is_range or any(end.is_now or end.is_ambiguous or len(end.dates) != 1 for end in ends):
        return None
    first, last = left.dates[0], right.dates[0]
    if left.is_bare and right.is_bare:
        last = first + timedelta(days=(last - first).days % DAYS_A_WEEK)
    elif last < first:
        # On December 26, "December 24 to January 2" has begun.
        first = context.today
    if not 0 < (last - first).days <= _RANGE_DAYS_MAX:
        return None
    return Found(
        left.start,
        right.end,
        days_from(first, last),
        is_recurring=left.is_bare and right.is_bare,
        has_date=left.has_date or right.has_date,
    )
