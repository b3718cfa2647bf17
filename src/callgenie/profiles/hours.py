"""When the business is open: at a given instant, from when on, and as sentences that can be spoken.

Opening hours are what hangs on the door: wall-clock times of one time zone. An instant always has exactly one
wall-clock time, so whether it is open can be told without caring that clocks change. The other direction, from the
wall clock to an instant, is only taken on days of 24 hours; a day on which clocks change is looked through by the
minute.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callgenie.profiles.models import DAYS, Business, Day, OpenInterval
from callgenie.profiles.spoken_times import (
    clock,
    day_name,
    days_text,
    month_and_day,
    times_text,
    until_text,
    when_text,
)

_MINUTE: Final = timedelta(minutes=1)
_USUAL_DAY: Final = timedelta(days=1)

# A year of holidays, which is as many as can be set, and the week after it.
_OPENING_DAYS_MAX: Final = 374
# "Open until Thursday" is of no use to a caller: who is open for so long is open.
_CLOSING_DAYS_MAX: Final = 2


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


def next_opening(business: Business, at: datetime) -> datetime | None:
    """Return the first instant from `at` on at which the business is open, in UTC; None: not within a year."""
    if not any(business.hours.values()) and business.hours:
        return None
    return _first(business, at, is_to_be_open=True, days_max=_OPENING_DAYS_MAX)


def next_closing(business: Business, at: datetime) -> datetime | None:
    """Return the first instant from `at` on at which the business is closed, in UTC; None: not so soon."""
    return _first(business, at, is_to_be_open=False, days_max=_CLOSING_DAYS_MAX)


def _first(business: Business, at: datetime, *, is_to_be_open: bool, days_max: int) -> datetime | None:
    zone, at = ZoneInfo(business.timezone), at.astimezone(UTC)
    if is_open(business, at) is is_to_be_open:
        return at
    today = at.astimezone(zone).date()
    for ahead in range(days_max):
        for moment in _changes(business, today + timedelta(days=ahead), zone):
            if moment > at and is_open(business, moment) is is_to_be_open:
                return moment
    return None


def _changes(business: Business, day: date, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield, in order and in UTC, every instant of a day at which the business may open or close, and some others."""
    start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    if end - start == _USUAL_DAY:
        spans = () if day in business.holidays else business.hours.get(DAYS[day.weekday()], ())
        minutes = {0, *(minute for span in spans for minute in (span.open, span.close))}
        yield from (start + minute * _MINUTE for minute in sorted(minutes))
    else:
        yield from (start + minute * _MINUTE for minute in range((end - start) // _MINUTE))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    # A midnight that comes twice is meant the first time. One that never comes is the moment at which clocks jump it.
    return datetime.combine(day, time(), zone).astimezone(UTC)


def state_sentence(business: Business, at: datetime) -> str:
    """Return whether the business is open at an instant, to be spoken; empty when nobody has said when it is.

    It says until when, or when it opens again, as far as that can be foreseen.
    """
    if not business.hours:
        return ""
    if is_open(business, at):
        closing = next_closing(business, at)
        return (
            "We are open now."
            if closing is None
            else f"We are open now, until {until_text(*_local(business, closing, at))}."
        )
    opening = next_opening(business, at)
    if opening is None:
        return "We are closed at the moment."
    return f"We are closed at the moment, and open again {when_text(*_local(business, opening, at))}."


def local_date(business: Business, at: datetime) -> date:
    """Return the day of an instant at the business."""
    return at.astimezone(ZoneInfo(business.timezone)).date()


def local_time_text(business: Business, at: datetime) -> str:
    """Return day and time of an instant as the business's wall says it, such as `Monday, March 16, 2026, 9:30 AM`."""
    (local,) = _local(business, at)
    return f"{day_name(local)}, {month_and_day(local)}, {local.year}, {clock(local.hour * 60 + local.minute)}"


def _local(business: Business, *moments: datetime) -> list[datetime]:
    return [moment.astimezone(ZoneInfo(business.timezone)) for moment in moments]


def hours_sentence(business: Business) -> str:
    """Return when the business is open, to be spoken; empty when nobody has said."""
    if not business.hours:
        return ""
    if not any(business.hours.values()):
        return "We are closed every day at the moment."
    return f"We are {usual_hours(business, DAYS)}."


def usual_hours(business: Business, days: Sequence[Day]) -> str:
    """Return when it is open on these days of a week, without holidays, as what follows "we are"."""
    spans = {day: tuple(business.hours.get(day, ())) for day in days}
    groups: dict[tuple[OpenInterval, ...], list[Day]] = {}
    for day in days:
        groups.setdefault(spans[day], []).append(day)
    closed = groups.pop((), [])
    parts = [f"{days_text(days)} {times_text(times)}" for times, days in groups.items()]
    if parts:
        parts[0] = f"open {parts[0]}"
    if closed:
        text = days_text(closed)
        parts.append(f"closed {text}" if " to " in text or len(closed) == len(DAYS) else f"closed on {text}")
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
