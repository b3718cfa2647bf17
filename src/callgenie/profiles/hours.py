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
_MINUTE: Final = timedelta(minutes=1)
_USUAL_DAY: Final = timedelta(days=1)

# A year of holidays, which is as many as can be set, and the week after it.
_OPENING_DAYS_MAX: Final = 374
# "Open until Thursday" is of no use to a caller: who is open for so long is open.
_CLOSING_DAYS_MAX: Final = 2
_WEEK_DAYS: Final = 7

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
            else f"We are open now, until {_until(*_local(business, closing, at))}."
        )
    opening = next_opening(business, at)
    if opening is None:
        return "We are closed at the moment."
    return f"We are closed at the moment, and open again {_when(*_local(business, opening, at))}."


def day_sentence(business: Business, day: date, at: datetime) -> str:
    """Return when the business is open on a day, to be spoken at the instant `at`."""
    spans = business.hours.get(DAYS[day.weekday()], ())
    opening = f"open {_times(spans)}" if spans else "closed"
    what = "closed for a holiday" if day in business.holidays else opening
    days = (day - local_date(business, at)).days
    named = {0: "Today", 1: "Tomorrow"}.get(days)
    if named is None:
        weekday = _DAY_NAMES[DAYS[day.weekday()]]
        named = f"On {weekday}" if 0 < days < _WEEK_DAYS else f"On {weekday}, {_month_and_day(day)},"
    # A day that is over is asked for by mistake, and the answer to it must not sound like one to come.
    return f"{named} we {'were' if days < 0 else 'are'} {what}."


def local_date(business: Business, at: datetime) -> date:
    """Return the day of an instant at the business."""
    return at.astimezone(ZoneInfo(business.timezone)).date()


def local_time_text(business: Business, at: datetime) -> str:
    """Return day and time of an instant as the business's wall says it, such as `Monday, March 16, 2026, 9:30 AM`."""
    (local,) = _local(business, at)
    return f"{_weekday(local)}, {_month_and_day(local)}, {local.year}, {_clock(_minute_of_day(local))}"


def _local(business: Business, *moments: datetime) -> list[datetime]:
    return [moment.astimezone(ZoneInfo(business.timezone)) for moment in moments]


def _when(moment: datetime, seen_from: datetime) -> str:
    """Return when that is, as said on the telephone; both by the wall clock of the business."""
    days = (moment.date() - seen_from.date()).days
    if days == 0:
        day = "today"
    elif days == 1:
        day = "tomorrow"
    elif days < _WEEK_DAYS:
        day = f"on {_weekday(moment)}"
    else:
        day = f"on {_weekday(moment)}, {_month_and_day(moment)},"
    minute = _minute_of_day(moment)
    # The midnight of a Monday may be the one before or the one after it.
    return f"{day} at {_clock(minute)}" if minute else f"{day} right after midnight"


def _until(moment: datetime, seen_from: datetime) -> str:
    days = (moment.date() - seen_from.date()).days
    minute = _minute_of_day(moment)
    if days == 0 or minute == 0:
        return _clock(minute)
    return f"tomorrow at {_clock(minute)}"


def _weekday(moment: datetime) -> str:
    return _DAY_NAMES[DAYS[moment.weekday()]]


def _month_and_day(day: date) -> str:
    return f"{_MONTH_NAMES[day.month - 1]} {day.day}"


def _minute_of_day(moment: datetime) -> int:
    return moment.hour * 60 + moment.minute


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
