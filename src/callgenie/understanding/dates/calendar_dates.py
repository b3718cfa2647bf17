"""Dates of the calendar: "December 11", "the 4th of July", "Monday the 28th", "5/12", "the last Friday in March".

Conventions:

- A date without a year is the next such date, today included.
- "Monday the 28th" is the next 28th that is a Monday. If that is more than about two months away, the caller may as
  well have the weekday wrong, and it is both: the next 28th, and the next Monday the 28th. "Monday, December 28" with a
  month is that date, whatever its weekday.
- "5/12" is read by the country: the month first in the United States, the day first in most others. Where both are
  usual (Canada) or the country is unknown, it is both, unless only one of them exists.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

from callgenie.understanding.dates.found import (
    MONTH,
    MONTHS,
    WEEKDAY,
    YEAR,
    Context,
    Found,
    Rule,
    day_or_none,
    days_from,
    last_of_month,
    month_of,
    next_date,
    weekday_of,
    with_month,
    words,
)
from callgenie.understanding.dates.holidays import nth_weekday

_MONTH_FIRST: Final = frozenset({"US"})
_DAY_FIRST: Final = frozenset({"AU", "GB", "IE", "IN", "NZ", "ZA"})

# A 28th on a given weekday comes within a year; callers mean one of the next two.
_NEAR_DAYS: Final = 62
_MONTHS_MAX: Final = 14

# Nobody asks for the hours of another one, and days next to the ends of the calendar cannot be counted from.
_CENTURY: Final = range(2000, 2100)

_DAY: Final = r"(?:3[01]|[12]\d|0?[1-9])"
_GAP: Final = r"(?: ,)? "
_OPTIONAL_WEEKDAY: Final = rf"(?:{WEEKDAY}{_GAP})?"
_YEAR_OF: Final = rf"(?:(?: ,)?(?: in| of)? (?P<year>{YEAR}|next year|this year))?"
# "at 5 may I come in"
_NO_VERB: Final = (
    r"(?! (?:i|we|you|he|she|they|my|it|be|as|not|have|sound|take|need|seem|just|also|well|work|require|cause)(?!\S))"
)
_AND: Final = r"(?: ,)?(?: and| or| ,)"
_TO: Final = r" (?:to|through|thru|till|until|-|\u2013)(?: the)? "


def _year_in(text: str | None, today: date) -> int | None:
    if text is None:
        return None
    return {"this year": today.year, "next year": today.year + 1}.get(text) or int(text)


def _date(year: int | None, month: int, day: int, today: date) -> tuple[date, ...]:
    found = next_date(month, day, today) if year is None else day_or_none(year, month, day)
    return () if found is None else (found,)


def _named(match: re.Match[str], dates: Sequence[date], *, is_ambiguous: bool = False) -> list[Found]:
    if not dates:
        return []
    return [Found(match.start(), match.end(), tuple(dates), has_date=True, is_ambiguous=is_ambiguous)]


def _iso(match: re.Match[str], context: Context) -> Sequence[Found]:
    del context
    year, month, day = (int(part) for part in match[0].split("-"))
    found = day_or_none(year, month, day) if year in _CENTURY else None
    # Nobody says it like this: it is how a program names a day, so no reply needs to repeat it.
    return [] if found is None else [Found(match.start(), match.end(), (found,))]


def _numeric(match: re.Match[str], context: Context) -> Sequence[Found]:
    first, second, *rest = (int(part) for part in re.split("[/.-]", match[0]))
    if match[0] == "24/7":
        return []
    year = None if not rest else rest[0] if rest[0] >= _CENTURY.start else rest[0] + _CENTURY.start
    if year is not None and year not in _CENTURY:
        return []
    month_first = [] if context.country in _DAY_FIRST else _date(year, first, second, context.today)
    day_first = [] if context.country in _MONTH_FIRST else _date(year, second, first, context.today)
    if not month_first and not day_first:  # "13/5" in the United States can only be one thing
        month_first, day_first = (_date(year, *pair, context.today) for pair in ((first, second), (second, first)))
    dates = sorted({*month_first, *day_first})
    return _named(match, dates, is_ambiguous=len(dates) > 1)


def _day_and_month(match: re.Match[str], context: Context) -> Sequence[Found]:
    """Read one or several days of a month, which comes before or after them."""
    month, year = month_of(match["month"]), _year_in(match["year"], context.today)
    days = list(re.finditer(rf"(?<!\S)({_DAY})(?:th)?(?!\S)", match["days"]))
    offset = match.start("days")
    found = []
    for day in days:
        dates = _date(year, month, int(day[1]), context.today)
        if not dates:
            return []
        found.append(Found(offset + day.start(), offset + day.end(), dates, has_date=True))
    found[0] = Found(match.start(), found[0].end if len(found) > 1 else match.end(), found[0].dates, has_date=True)
    if len(found) > 1:
        found[-1] = Found(found[-1].start, match.end(), found[-1].dates, has_date=True)
    return found


_DAYS_THEN_MONTH: Final = words(
    rf"{_OPTIONAL_WEEKDAY}(?:the )?(?P<days>{_DAY}(?:th)?(?:{_AND}(?: the)? {_DAY}(?:th)?)*)"
    rf"(?: day)?(?: of)?(?: ,)? (?P<month>{MONTH}){_NO_VERB}{_YEAR_OF}"
)
_MONTH_THEN_DAYS: Final = words(
    rf"{_OPTIONAL_WEEKDAY}(?P<month>{MONTH})(?: the)? (?P<days>{_DAY}(?:th)?(?:{_AND}(?: the)? {_DAY}th)*){_YEAR_OF}"
)
_RANGE_THEN_MONTH: Final = words(
    rf"(?:from )?(?:the )?(?P<first>{_DAY})(?:th)?{_TO}"
    rf"(?P<last>{_DAY})(?:th)?(?: of)? (?P<month>{MONTH}){_NO_VERB}{_YEAR_OF}"
)
_MONTH_THEN_RANGE: Final = words(
    rf"(?:from )?(?P<month>{MONTH})(?: the)? (?P<first>{_DAY})(?:th)?{_TO}"
    rf"(?P<last>{_DAY})(?:th)?{_YEAR_OF}(?! (?:am|pm|o'clock))"
)


def _range(match: re.Match[str], context: Context) -> Sequence[Found]:
    month, year = month_of(match["month"]), _year_in(match["year"], context.today)
    last = _date(year, month, int(match["last"]), context.today)
    if not last:
        return []
    first = day_or_none(last[0].year, month, int(match["first"]))
    if first is None or first > last[0]:
        return []
    return _named(match, days_from(max(first, min(context.today, last[0])) if year is None else first, last[0]))


# What may follow "the 4th" so that it is a day, and not "the 4th floor".
_NO_NOUN: Final = (
    r"(?= ?$| (?:[,.;:?!-]|at|in|on|for|and|or|to|from|is|are|was|do|does|can|could|will|would|should|please|then|too"
    r"|also|instead|around|about|before|after|until|till|by|when|what|i|we|you|it|if|so|but|as|which|through|morning|afternoon"
    r"|evening|night|maybe|may|thanks|thank)(?!\S))"
)
_OF_MONTH: Final = r"(?: of (?P<month>the month|this month|next month|the following month))"
_WEEKDAY_THE_DAY: Final = words(rf"(?:the )?(?P<weekday>{WEEKDAY}){_GAP}(?:the )?(?P<day>{_DAY})th{_OF_MONTH}?")
_THE_DAY: Final = words(rf"(?:(?:the|on|for|by|until|till) )+(?P<weekday>)(?P<day>{_DAY})th(?:{_OF_MONTH}|{_NO_NOUN})")


def _day_of_month(match: re.Match[str], context: Context) -> Sequence[Found]:
    today, day = context.today, int(match["day"])
    if match["month"]:
        months = 0 if match["month"] in {"the month", "this month"} else 1
        first = with_month(today.replace(day=1), months)
        named = day_or_none(first.year, first.month, day)
        if match["month"] == "the month" and named is not None and named < today:
            named = None
        if named is not None:
            return _named(match, [named])
    firsts = (with_month(today.replace(day=1), ahead) for ahead in range(_MONTHS_MAX))
    days = [each for first in firsts if (each := day_or_none(first.year, first.month, day)) and each >= today]
    if not match["weekday"]:
        return _named(match, days[:1])
    weekday = weekday_of(match["weekday"])
    fitting = next((each for each in days if each.weekday() == weekday), days[0])
    is_near = (fitting - today).days <= _NEAR_DAYS
    dates = [fitting] if is_near or fitting == days[0] else [days[0], fitting]
    return _named(match, dates, is_ambiguous=len(dates) > 1)


_NTH_WEEKDAY: Final = words(
    rf"(?:the )?(?P<nth>1th|2th|3th|4th|5th|last) (?P<weekday>{WEEKDAY})"
    rf"(?: of| in)? (?:(?P<month>{MONTH}){_YEAR_OF}|(?P<relative>the month|this month|next month|every month))"
)


def _nth_weekday(match: re.Match[str], context: Context) -> Sequence[Found]:
    today = context.today
    nth = -1 if match["nth"] == "last" else int(match["nth"][0])
    if match["month"]:
        month, year = month_of(match["month"]), _year_in(match["year"], today)
        firsts = [date(year, month, 1)] if year else [date(today.year + ahead, month, 1) for ahead in range(2)]
    else:
        firsts = [with_month(today.replace(day=1), ahead) for ahead in range(_MONTHS_MAX)]
        if match["relative"] == "next month":
            firsts = firsts[1:]
    weekday = weekday_of(match["weekday"])
    days = (nth_weekday(first.year, first.month, weekday, nth) for first in firsts)
    found = next((day for day in days if day is not None and (day >= today or match["year"])), None)
    return _named(match, [] if found is None else [found])


_WHOLE_MONTH: Final = words(
    rf"(?:(?:in|during|all|over|throughout|for|this|next)(?: the month of)?(?: (?P<part>early|mid|late))?(?: -)?"
    rf"|(?:at |in |towards )?(?:the )?(?P<third>beginning|start|middle|end) of) "
    rf"(?P<month>{MONTH}){_NO_VERB}{_YEAR_OF}(?! {_DAY}(?:th)?(?!\S))|(?P<relative>this month|next month)"
)
_THIRDS: Final = {
    "early": (1, 10),
    "beginning": (1, 10),
    "start": (1, 10),
    "mid": (11, 20),
    "middle": (11, 20),
    "late": (21, 31),
    "end": (21, 31),
}


def _whole_month(match: re.Match[str], context: Context) -> Sequence[Found]:
    today = context.today
    if match["relative"]:
        first = with_month(today.replace(day=1), int(match["relative"] == "next month"))
        label = match["relative"]
    else:
        month, year = month_of(match["month"]), _year_in(match["year"], today)
        first = date(year or today.year + (month < today.month), month, 1)
        label = f"in {MONTHS[month - 1].capitalize()}"
    lowest, highest = _THIRDS.get(match["part"] or match["third"] or "", (1, 31))
    days = days_from(first, last_of_month(first))
    chosen = tuple(day for day in days if lowest <= day.day <= highest and (day >= today or match["year"]))
    return [Found(match.start(), match.end(), chosen, label=label)] if chosen else []


RULES: Final = (
    Rule(words(r"\d{4}-\d\d-\d\d"), _iso),
    Rule(words(r"\d\d?/\d\d?(?:/\d{2,4})?|\d\d?[.-]\d\d?[.-]\d{4}"), _numeric),
    Rule(_RANGE_THEN_MONTH, _range),
    Rule(_MONTH_THEN_RANGE, _range),
    Rule(_DAYS_THEN_MONTH, _day_and_month),
    Rule(_MONTH_THEN_DAYS, _day_and_month),
    Rule(_NTH_WEEKDAY, _nth_weekday),
    Rule(_WEEKDAY_THE_DAY, _day_of_month),
    Rule(_THE_DAY, _day_of_month),
    Rule(_WHOLE_MONTH, _whole_month),
)
