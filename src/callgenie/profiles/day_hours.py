"""Opening hours of a single day, as callers speak of it, and whether it is open at a time of day that they name.

A night belongs to the day on which it begins: a bar that closes at 2 AM on Saturday is "open on Friday until 2 AM".
Holidays come before the weekly hours.
"""

from datetime import date, timedelta
from typing import Final

from callgenie.profiles.models import DAYS, Business, OpenInterval
from callgenie.understanding.dates.clock_times import Relation, TimeOfDay

_MINUTES_A_DAY: Final = 24 * 60
# What opens at midnight and closes later than this is no end of a night.
_NIGHT_END: Final = 12 * 60
_ONE_DAY: Final = timedelta(days=1)


def spans_on(business: Business, day: date) -> tuple[OpenInterval, ...]:
    """Return when it is open on a day; a night goes on past minute 1440, and the end of the last one is left out."""
    spans = _written(business, day)
    before, after = _written(business, day - _ONE_DAY), _written(business, day + _ONE_DAY)
    if len(spans) > 1 and _is_night_end(spans[0]) and _lasts_over_midnight(before):
        spans = spans[1:]
    if _lasts_over_midnight(spans) and after and _is_night_end(after[0]):
        spans = (*spans[:-1], OpenInterval(spans[-1].open, _MINUTES_A_DAY + after[0].close))
    return spans


def _written(business: Business, day: date) -> tuple[OpenInterval, ...]:
    return () if day in business.holidays else tuple(business.hours.get(DAYS[day.weekday()], ()))


def _is_night_end(span: OpenInterval) -> bool:
    return span.open == 0 and span.close <= _NIGHT_END


def _lasts_over_midnight(spans: tuple[OpenInterval, ...]) -> bool:
    return bool(spans) and spans[-1].open > 0 and spans[-1].close == _MINUTES_A_DAY


def open_readings(business: Business, day: date, time: TimeOfDay, earliest: int) -> dict[int, bool | None]:
    """Return for each reading of a time of day whether the business is open then; None: for part of the time only.

    Readings that are over at minute `earliest` of the day are left out.
    """
    readings: dict[int, bool | None] = {}
    for minute in time.minutes:
        start, end = _asked(time, minute)
        if end <= earliest:
            continue
        readings[minute] = _is_open(business, day, time.relation, max(start, earliest), end)
    return readings


def _asked(time: TimeOfDay, minute: int) -> tuple[int, int]:
    """Return the minutes that are asked about: from the first up to, and not including, the last."""
    match time.relation:
        case Relation.AFTER:
            return minute, max(_MINUTES_A_DAY, minute + 1)
        case Relation.BEFORE:
            return 0, minute
        case Relation.UNTIL:
            return minute - 1, minute
        case Relation.DURING | Relation.THROUGHOUT if time.last is not None:
            return minute, time.last
        case _:
            return minute, minute + 1


def _is_open(business: Business, day: date, relation: Relation, start: int, end: int) -> bool | None:
    ends_of_last_night = [span for span in _written(business, day)[:1] if _is_night_end(span)]
    spans = [*ends_of_last_night, *spans_on(business, day)]
    if relation is Relation.THROUGHOUT:
        if any(span.open <= start and end <= span.close for span in spans):
            return True
        return None if any(span.open < end and start < span.close for span in spans) else False
    if relation is Relation.AFTER:
        # After six is also after midnight, where a night lasts so long.
        return any(start < span.close for span in spans_on(business, day))
    return any(span.open < end and start < span.close for span in spans)
