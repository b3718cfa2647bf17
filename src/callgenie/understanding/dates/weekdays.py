"""Weekdays, weekends and weeks: "next Friday", "Monday week", "this weekend", "the week after next", "Saturdays".

Conventions:

- A bare weekday is the next one, today included. "This coming Monday" said on a Monday is the one in seven days.
- "Next Monday" said on a Monday is in seven days. Otherwise "next Friday" is the coming one if that lies in another
  week (Monday to Sunday) and at least three days ahead. If not, people disagree, as do programs (Duckling: the coming
  one; chrono: next week's; Mycroft: the first at least 48 hours ahead), so it is both: the coming one or the one after.
- "A week from Monday" said on a Monday counts from today or from the next Monday: both.
- "This weekend" is what is left of it: on a Sunday, that Sunday. "Next weekend" said from Monday to Friday is both.
- "The weekend", "Saturdays", "a Saturday" and "Monday to Friday" are every week's.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from callgenie.understanding.dates.found import (
    DAYS_A_WEEK,
    WEEKDAY,
    Context,
    Found,
    Rule,
    after,
    coming,
    days_from,
    week_of,
    weekday_of,
    words,
)

_WEEK: Final = timedelta(days=DAYS_A_WEEK)
_SAT, _SUN = 5, 6
_FRIDAY: Final = 4
# Nobody calls the day after tomorrow "next Monday" for certain.
_NEAR_DAYS: Final = 2

_NAME: Final = rf"{WEEKDAY}(?:'?s)?"
_SEPARATOR: Final = r"(?: ,)?(?: and| or| ,| /| &)"
_LISTED: Final = rf"{_NAME}(?:{_SEPARATOR} {_NAME})*"
_NEXT: Final = frozenset({"next", "the next"})
_EVERY: Final = r"every|each|any|most|(?:on|of) a|a"
_MODIFIER: Final = r"this coming|the coming|coming|this past|the following|following|this|the next|next|last|" + _EVERY
_SUFFIX: Final = (
    r"(?:of |on |in )?(?:the week after next|next week|this week|last week|the following week)|after next|next|week"
    r"|after(?: that(?: one)?)?(?= ?$| [.,?!])"
)
_WEEKDAYS_LISTED: Final = words(
    rf"(?:(?P<before>next week|this week|the week after next)(?: ,)?(?: on)? )?(?:(?P<modifier>{_MODIFIER}) )?"
    rf"(?P<list>{_LISTED})(?: (?P<suffix>{_SUFFIX}))?"
)


def next_weekday(weekday: int, today: date) -> tuple[date, ...]:
    """Return the days that "next Friday" may mean, one or two."""
    first = after(weekday, today)
    if first - today == _WEEK or (first > week_of(today) + timedelta(days=_SUN) and (first - today).days > _NEAR_DAYS):
        return (first,)
    return first, first + _WEEK


def week_from(weekday: int, today: date, weeks: int) -> tuple[date, ...]:
    """Return the days that "a week from Monday" may mean: two if today is one."""
    first = coming(weekday, today)
    return tuple(day + weeks * _WEEK for day in ((first, first + _WEEK) if first == today else (first,)))


def _listed(match: re.Match[str], context: Context) -> Sequence[Found]:
    modifier = match["modifier"] or ""
    suffix = (match["suffix"] or match["before"] or "").removeprefix("of ").removeprefix("on ").removeprefix("in ")
    names = list(re.finditer(_NAME, match["list"]))
    offset = match.start("list")
    found = [
        replace(
            _weekday(name[0], modifier, suffix, context.today),
            start=offset + name.start(),
            end=offset + name.end(),
        )
        for name in names
    ]
    found[0] = replace(found[0], start=match.start())
    found[-1] = replace(found[-1], end=match.end())
    return found


def _weekday(name: str, modifier: str, suffix: str, today: date) -> Found:
    weekday = weekday_of(name)
    if suffix:
        dates = _with_suffix(weekday, modifier, suffix, today)
    elif modifier in _NEXT:
        dates = next_weekday(weekday, today)
    elif modifier in {"last", "this past"}:
        dates = (coming(weekday, today) - _WEEK,)
    elif modifier in {"this coming", "the coming", "coming", "the following", "following"}:
        dates = (after(weekday, today),)
    else:
        dates = (coming(weekday, today),)
    is_plural = name.endswith("s") and name.removesuffix("s").removesuffix("'").endswith("day")
    is_recurring = not suffix and (is_plural or re.fullmatch(_EVERY, modifier) is not None)
    return Found(
        0,
        0,
        dates,
        is_recurring=is_recurring and modifier not in {"next", "last", "this"},
        is_ambiguous=len(dates) > 1,
        is_bare=not modifier and not suffix,
    )


_WEEKS_AHEAD: Final = {
    "last week": -1,
    "this week": 0,
    "next week": 1,
    "the following week": 1,
    "the week after next": 2,
}


def _with_suffix(weekday: int, modifier: str, suffix: str, today: date) -> tuple[date, ...]:
    weeks = _WEEKS_AHEAD.get(suffix)
    if weeks is not None:
        day = week_of(today) + timedelta(days=weekday) + weeks * _WEEK
        # On a Sunday the week that begins tomorrow is the next one to some, and already this one to others.
        return (day, day + _WEEK) if weeks == 1 and today.weekday() == _SUN else (day,)
    if suffix == "week" and modifier not in _NEXT:
        return week_from(weekday, today, 1)
    if suffix.startswith("after") and suffix != "after next":  # "not this Friday but the Friday after"
        return (after(weekday, today) + _WEEK,)
    days = next_weekday(weekday, today)
    return days if suffix == "next" else tuple(day + _WEEK for day in days)


_WEEKEND: Final = words(
    r"(?:(?P<which>this coming|this|the coming|coming|next|last|every|(?:(?:at|on|over|for|during) )?(?:the|a)|at|on)"
    r" )?weekends?(?P<after> after next)?"
)


def rest_of_weekend(today: date) -> tuple[date, ...]:
    """Return what is left of this weekend."""
    saturday = coming(_SAT, today) if today.weekday() != _SUN else today - timedelta(days=1)
    return tuple(day for day in (saturday, saturday + timedelta(days=1)) if day >= today)


def _weekend(match: re.Match[str], context: Context) -> Sequence[Found]:
    today, which = context.today, match["which"] or ""
    this = rest_of_weekend(today)
    following = tuple(day + _WEEK for day in (this[-1] - timedelta(days=1), this[-1]))
    is_ambiguous = is_recurring = False
    if match["after"]:
        dates = tuple(day + _WEEK for day in following)
    elif which == "last":
        dates = tuple(day - 2 * _WEEK for day in following)
    elif which == "next":
        is_ambiguous = today.weekday() <= _FRIDAY
        dates = this + following if is_ambiguous else following
    elif which in {"this coming", "this", "the coming", "coming"}:
        dates = this
    else:
        is_recurring = True
        dates = tuple(sorted((coming(_SAT, today), coming(_SUN, today))))
    return [Found(match.start(), match.end(), dates, is_ambiguous=is_ambiguous, is_recurring=is_recurring)]


_WEEK_WORDS: Final = words(
    r"(?P<which>(?:the |for the )?rest of (?:the|this)|(?:later |all |during )?this|next|last|the coming|the following)"
    r" week|(?P<far>the week after next)|(?P<same>all week)"
)


def _week(match: re.Match[str], context: Context) -> Sequence[Found]:
    monday = week_of(context.today)
    which = match["which"] or ""
    label = "this week"
    if match["far"]:
        monday, label = monday + 2 * _WEEK, "the week after next"
    elif which == "last":
        monday, label = monday - _WEEK, "last week"
    elif which in {"next", "the coming", "the following"}:
        monday, label = monday + _WEEK, "next week"
    days = days_from(monday, monday + timedelta(days=_SUN))
    if label == "this week":
        days = tuple(day for day in days if day >= context.today)
    return [Found(match.start(), match.end(), days, label=label)]


_EVERY_DAY: Final = words(r"every(?: single)? day(?: of the week)?|each day|daily|all days|7 days(?: a| of the)? week")
_WORKING_DAYS: Final = words(
    r"(?:on |of )?(?:a |the )?(?:every )?(?:week ?day|week ?night|work(?:ing)? ?day|business day)s?"
    r"|(?:in|during|through|throughout) the week"
)


def _every_day(match: re.Match[str], context: Context) -> Sequence[Found]:
    days = days_from(context.today, context.today + timedelta(days=_SUN))
    return [Found(match.start(), match.end(), days, is_recurring=True)]


def _working_days(match: re.Match[str], context: Context) -> Sequence[Found]:
    days = days_from(context.today, context.today + timedelta(days=_SUN))
    working = tuple(day for day in days if day.weekday() < _SAT)
    return [Found(match.start(), match.end(), working, is_recurring=True)]


RULES: Final = (
    Rule(_WEEKDAYS_LISTED, _listed),
    Rule(_WEEKEND, _weekend),
    Rule(_EVERY_DAY, _every_day),
    Rule(_WORKING_DAYS, _working_days),
    Rule(_WEEK_WORDS, _week),
)
