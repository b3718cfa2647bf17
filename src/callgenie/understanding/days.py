"""Days that callers name: from their words and today's date to dates, in the order spoken.

Whether an utterance asks for opening hours at all is not decided here. The conventions for what is ambiguous are those
of `dates.weekdays`, `dates.calendar_dates`, `dates.named_days` and `dates.clock_times`; all of them stand in
docs/decisions as well.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from callgenie.understanding.dates import calendar_dates, named_days, relative, weekdays
from callgenie.understanding.dates.clock_times import Clock, Part, TimeOfDay, clocks_in, parts_in
from callgenie.understanding.dates.found import Context, Found, Rule
from callgenie.understanding.dates.joining import joined
from callgenie.understanding.dates.tokens import NormalText

# Two minutes of speech. Each rule reads the whole text: an utterance takes about a millisecond, a text of this length
# that is made of nothing but dates up to 50.
_CHARS_MAX: Final = 2_000

# In this order, so that "Easter Monday" is no Monday, and "Monday the 28th" neither a Monday nor a 28th alone.
_RULES: Final[tuple[Rule, ...]] = (
    *named_days.RULES,
    *relative.COUNTED,
    *calendar_dates.RULES,
    *weekdays.RULES,
    *relative.RULES,
)
_COORDINATED: Final = re.compile(r"(?: ,)?(?: and| or| ,| &)?(?: on)?(?: the)? ?")


@dataclass(frozen=True, slots=True)
class DayMention:
    """A day or several that are named in one go, such as "this weekend" or "Monday to Wednesday".

    Attributes:
        start: Where its words begin in the text.
        end: Where they end.
        dates: The dates, in order; today's where it is `now`.
        is_now: The present moment is meant, not the whole of today.
        is_recurring: Every week's ("Saturdays", "a Saturday", "the weekend") or every such holiday is meant; the dates
            are the next ones.
        is_ambiguous: The caller means one of the dates, or of the weekends; people disagree which.
        has_date: A date of the calendar or a holiday was named, so a reply should say the date.
        is_implied: Only a time of day was named, and the day is taken to be today.
        label: The name of the holiday or period, to be spoken; empty if there is none.
        is_holiday: The days are those of a holiday or feast, or around one, by their name.
        time: The time of day that is named with it.
    """

    start: int
    end: int
    dates: tuple[date, ...]
    is_now: bool = False
    is_recurring: bool = False
    is_ambiguous: bool = False
    has_date: bool = False
    is_implied: bool = False
    label: str = ""
    is_holiday: bool = False
    time: TimeOfDay | None = None


def days_in(text: str, today: date, country: str | None = None) -> list[DayMention]:
    """Return the days that a text names, in the order spoken.

    Args:
        text: What was said, as a recogniser writes it, with or without punctuation.
        today: The date at the business.
        country: Its ISO 3166 code, for the order of numeric dates, public holidays, and feasts that differ; None if it
            is not known.
    """
    normal = NormalText(text[:_CHARS_MAX])
    context = Context(today, country)
    found = joined(normal.text, _found(normal.text, context), context)
    spans = [(each.start, each.end) for each in found]
    clocks = clocks_in(normal.text, spans)
    if not found:
        return [_implied(normal, clock, today) for clock in clocks[:1]]
    times = _times(normal.text, found, clocks, list(parts_in(normal.text, spans)))
    return [_mention(normal, each, time) for each, time in zip(found, times, strict=True)]


def _found(text: str, context: Context) -> list[Found]:
    found: list[Found] = []
    for rule in _RULES:
        for match in rule.pattern.finditer(text):
            if not any(match.start() < each.end and each.start < match.end() for each in found):
                found.extend(rule.resolve(match, context))
    return found


def _implied(normal: NormalText, clock: Clock, today: date) -> DayMention:
    parts = parts_in(normal.text, [(clock.start, clock.end)])
    part = next((part for part in parts if part.start <= clock.end + 1 and clock.start <= part.end + 1), None)
    mention = _mention(normal, Found(clock.start, clock.end, (today,)), clock.time(part))
    return replace(mention, is_implied=True)


def _mention(normal: NormalText, found: Found, time: TimeOfDay | None) -> DayMention:
    start, end = normal.original(found.start, found.end)
    if time is not None:
        time_start, time_end = normal.original(time.start, time.end)
        time = replace(time, start=time_start, end=time_end)
    return DayMention(
        start,
        end,
        found.dates,
        is_now=found.is_now,
        is_recurring=found.is_recurring,
        is_ambiguous=found.is_ambiguous,
        has_date=found.has_date,
        label=found.label,
        is_holiday=found.is_holiday,
        time=time,
    )


def _times(text: str, found: Sequence[Found], clocks: Sequence[Clock], parts: Sequence[Part]) -> list[TimeOfDay | None]:
    """Return the time of day that belongs to each of the days: the nearest, or the one time of a list of days."""
    times: list[TimeOfDay | None] = []
    for at, each in enumerate(found):
        part = next((part for part in parts if _nearest(found, part) == at), None)
        clock = next((clock for clock in clocks if _nearest(found, clock) == at), None)
        if clock is not None:
            times.append(clock.time(part))
        else:
            times.append(None if part is None or each.is_now else part.time())
    for group in _lists_of(text, found):
        named = [times[at] for at in group if times[at] is not None]
        if len(named) == 1:
            for at in group:
                times[at] = named[0]
    return times


def _nearest(found: Sequence[Found], item: Clock | Part) -> int:
    """Return which day an item stands next to; between two of them it belongs to the one before it."""
    return min(range(len(found)), key=lambda at: max(found[at].start - item.end, item.start - found[at].end, 0))


def _lists_of(text: str, found: Sequence[Found]) -> list[list[int]]:
    """Return the days that stand in one list, such as "Monday and Tuesday"."""
    lists: list[list[int]] = []
    for at, each in enumerate(found):
        if at and _COORDINATED.fullmatch(text, found[at - 1].end, each.start):
            lists[-1].append(at)
        else:
            lists.append([at])
    return lists
