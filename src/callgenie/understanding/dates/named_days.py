"""Holidays in callers' words: "Easter Monday", "Christmas 2027", "over Easter", "the August bank holiday".

Conventions: a holiday without a year is the next one, today included; "over Christmas" is December 24 to 26, "the
Christmas holidays" lead to New Year's Day, "over Easter" is Good Friday to Easter Monday; "bank holidays" are told by
the next one, since no sentence is true of all of them.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from callgenie.understanding.dates.found import (
    MONTH,
    YEAR,
    YEARS_MAX,
    Context,
    Found,
    Resolver,
    Rule,
    days_from,
    month_of,
    weekday_of,
    words,
)
from callgenie.understanding.dates.holidays import HOLIDAYS, Holiday, easter_of, public_holidays

_WHICH: Final = r"(?:(?P<which>this coming|this|the coming|coming|the next|next|last|the) )?"
_YEAR_OF: Final = rf"(?:(?: ,)?(?: in| of)? (?P<year>{YEAR}|next year|this year|last year))?"
# "Merry Christmas", "we start in the new year"
_NO_WISH: Final = r"(?<!merry )(?<!happy )(?<!in the )(?<!blessed )"
_YEAR_WORDS: Final = {"last year": -1, "this year": 0, "next year": 1}
_MONDAY, _THURSDAY, _FRIDAY, _SUNDAY = 0, 3, 4, 6
# In summer "over the holidays" is about those of the schools.
_WINTER: Final = frozenset({11, 12, 1})

DatesIn = Callable[[int], Sequence[date]]


def _next_of(dates_in: DatesIn, match: re.Match[str], earliest: date) -> date | None:
    """Return the date that is meant of those that `dates_in` gives for each year: the first from `earliest` on.

    A year beside the name, or "last" before it, choose another one.
    """
    groups = match.groupdict()
    year, which = groups.get("year"), groups.get("which")
    if year is not None:
        named = earliest.year + _YEAR_WORDS[year] if year in _YEAR_WORDS else int(year)
        return next(iter(dates_in(named)), None)
    if which == "last":
        past = [day for ahead in (-1, 0) for day in dates_in(earliest.year + ahead) if day < earliest]
        return past[-1] if past else None
    ahead = (day for years in range(YEARS_MAX + 1) for day in dates_in(earliest.year + years) if day >= earliest)
    return next(ahead, None)


def _found(match: re.Match[str], days: Sequence[date], label: str = "") -> list[Found]:
    span = (match.start(), match.end())
    return [Found(*span, tuple(days), has_date=True, label=label, is_holiday=True)] if days else []


def _holiday(holiday: Holiday) -> Rule:
    def resolve(match: re.Match[str], context: Context) -> Sequence[Found]:
        rule = holiday.rule_in(context.country)
        day = None if rule is None else _next_of(rule, match, context.today)
        if day is None:
            return []
        return _found(match, _long_weekend(day)) if match["weekend"] else _found(match, [day], holiday.name)

    return Rule(words(rf"{_WHICH}{_NO_WISH}(?:{holiday.words})(?:'s)?(?P<weekend> weekend)?{_YEAR_OF}"), resolve)


def _long_weekend(day: date) -> tuple[date, ...]:
    """Return the weekend next to a holiday, with the holiday and the days between."""
    if day.weekday() >= _THURSDAY:
        saturday = day + timedelta(days=_SUNDAY - 1 - day.weekday())
        return days_from(min(day, saturday), saturday + timedelta(days=1))
    return days_from(day - timedelta(days=day.weekday() + 2), day)


def _period(first_in: DatesIn, days: int, label: str) -> Resolver:
    """Resolve a time of so many days, of which only those are left that are not over yet."""

    def resolve(match: re.Match[str], context: Context) -> Sequence[Found]:
        first = _next_of(first_in, match, context.today - timedelta(days=days - 1))
        if first is None:
            return []
        period = days_from(first, first + timedelta(days=days - 1))
        return _found(match, [day for day in period if day >= context.today] or period, label)

    return resolve


def _christmas_eve(year: int) -> Sequence[date]:
    return [date(year, 12, 24)]


def _boxing_day(year: int) -> Sequence[date]:
    return [date(year, 12, 26)]


def _good_friday(year: int) -> Sequence[date]:
    return [easter_of(year) - timedelta(days=2)]


_CHRISTMAS_HOLIDAYS: Final = _period(_christmas_eve, 9, "over the holidays")


def _holidays(match: re.Match[str], context: Context) -> Sequence[Found]:
    return _CHRISTMAS_HOLIDAYS(match, context) if context.today.month in _WINTER else []


_CHRISTMAS_TIME: Final = words(
    rf"(?:(?:at|over|during|around|for|in) )?{_WHICH}(?:christmas|xmas|festive)"
    rf"(?: (?:and|&) new year'?s?| ?(?:period|time|season|holidays|break|week|vacation)){_YEAR_OF}"
)
_AFTER_CHRISTMAS: Final = words(rf"between (?:christmas|xmas)(?: day)? (?:and|&) new year'?s?(?: day| eve)?{_YEAR_OF}")
_AT_CHRISTMAS: Final = words(rf"(?:at|over|during|around) {_WHICH}(?:christmas|xmas)(?! (?:eve|day)){_YEAR_OF}")
_AT_EASTER: Final = words(
    rf"(?:at|over|during|around) {_WHICH}easter(?! (?:sunday|monday|day|friday|saturday)){_YEAR_OF}"
)
_EASTER_WEEKEND: Final = words(
    rf"(?:(?:at|over|during|on|for) )?{_WHICH}easter (?:weekend|break|bank holiday weekend){_YEAR_OF}"
)
_THE_HOLIDAYS: Final = words(
    rf"(?:over|during|for|around|through) {_WHICH}holidays{_YEAR_OF}"
    r"|(?:the )?holiday (?:hours|schedule|season|opening(?: hours| times)?)"
)

_PUBLIC: Final = r"(?:bank|public|federal|national|legal|statutory|stat|gazetted)"
_SEASON: Final = rf"(?:(?P<part>early|late) )?(?P<month>{MONTH}|spring|summer|christmas|new year'?s?|easter)"
_ONE_PUBLIC: Final = words(
    rf"{_WHICH}(?:{_SEASON} )?{_PUBLIC} holiday(?: (?P<weekday>monday|friday))?(?P<weekend> weekend)?"
    rf"|{_WHICH.replace('which', 'that')}(?P<long>long weekend)"
)
_ALL_PUBLIC: Final = words(rf"(?:(?:any|every|each|on a|a|the|on) )?{_PUBLIC} holidays?|(?:on|open|open on) holidays")
_AFTER_SEASON: Final = re.compile(rf"(?<!\S){_SEASON} $")
_SEASONS: Final = {"spring": (5, "late"), "summer": (8, ""), "christmas": (12, ""), "easter": (4, ""), "new": (1, "")}


def _one_public(match: re.Match[str], context: Context) -> Sequence[Found]:
    """Resolve "the next bank holiday", "the early May bank holiday", "the bank holiday weekend"."""
    listed = public_holidays(context.country, context.today)
    is_weekend = bool(match["weekend"] or match["long"])
    if is_weekend or match["weekday"]:
        wanted = {weekday_of(match["weekday"])} if match["weekday"] else {_MONDAY, _FRIDAY}
        listed = [(day, name) for day, name in listed if day.weekday() in wanted]
    if match["month"]:
        season = match["month"].split()[0].removesuffix("s").removesuffix("'")
        month, part = _SEASONS.get(season) or (month_of(season), match["part"])
        listed = [(day, name) for day, name in listed if day.month == month]
        listed = [each for each in listed if each[0].year == listed[0][0].year]
        listed = listed[-1:] if part == "late" else listed[:1] if part == "early" else listed
    else:
        listed = listed[:1]
    if is_weekend and listed:
        return _found(match, _long_weekend(listed[0][0]))
    found = _found(match, [day for day, _ in listed], listed[0][1] if len(listed) == 1 else "")
    return [replace(each, is_ambiguous=len(listed) > 1) for each in found]


def _all_public(match: re.Match[str], context: Context) -> Sequence[Found]:
    # "the August bank holiday" where there is none
    if _AFTER_SEASON.search(match.string, 0, match.start()):
        return []
    listed = public_holidays(context.country, context.today)[:1]
    return [replace(each, is_recurring=True) for day, name in listed for each in _found(match, [day], name)]


RULES: Final = (
    Rule(_AFTER_CHRISTMAS, _period(_boxing_day, 6, "between Christmas and New Year")),
    Rule(_CHRISTMAS_TIME, _CHRISTMAS_HOLIDAYS),
    Rule(_AT_CHRISTMAS, _period(_christmas_eve, 3, "")),
    Rule(_EASTER_WEEKEND, _period(_good_friday, 4, "")),
    Rule(_AT_EASTER, _period(_good_friday, 4, "")),
    Rule(_ONE_PUBLIC, _one_public),
    Rule(_ALL_PUBLIC, _all_public),
    *(_holiday(holiday) for holiday in HOLIDAYS),
    Rule(_THE_HOLIDAYS, _holidays),
)
