"""Replies about the days that a caller names: when the business is open on them, and yes or no to a time of day."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from callgenie.profiles.countries import country_of
from callgenie.profiles.day_hours import open_readings, spans_on
from callgenie.profiles.hours import hours_sentence, local_date, next_opening, state_sentence, usual_hours
from callgenie.profiles.models import DAYS, Business
from callgenie.profiles.spoken_times import clock, day_name, listed, month_and_day, times_text, when_text
from callgenie.understanding.dates.clock_times import Relation
from callgenie.understanding.dates.holidays import public_holidays
from callgenie.understanding.days import DayMention
from callgenie.voice.courtesies import MAY_DIFFER

_WEEK_DAYS: Final = 7
_ONE_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=_WEEK_DAYS)

# More days than these are told by the hours of a week, and so are three or more weekdays of every week.
_SINGLE_DAYS_MAX: Final = 4
_WEEKDAYS_MAX: Final = 2
# "Saturdays" is also about the Saturday on which somebody will come.
_RECURRING_DAYS: Final = 14
# From here on a date without its year may be taken for that of the year before.
_YEAR_DAYS: Final = 330


def opening_reply(business: Business, mention: DayMention, now: datetime) -> str:
    """Return when the business is open on the days of one mention, to be spoken; see `opening_replies`."""
    return opening_replies(business, [mention], now)


def opening_replies(business: Business, mentions: Sequence[DayMention], now: datetime) -> str:
    """Return when the business is open on the days that a caller names, to be spoken; empty if nobody has said when.

    A public holiday of an owner who has set no holidays is told with the usual hours, and that they may be different.
    Where a time of day is named, the reply begins with yes or no, in answer to whether it is open then. So for "Are you
    closed after six?" and "When do you open in the morning?" leave `DayMention.time` out.
    """
    if not business.hours:
        return ""
    view = _View(business, now)
    mentions = [_shifted(view, mention) for mention in mentions]
    sentences: list[str] = []
    for is_single, group in groupby(mentions, key=_is_single):
        if is_single:
            sentences.append(_single_days(view, [item for mention in group for item in _items(view, mention)]))
        else:
            sentences.extend(_many_days(view, mention) for mention in group)
    text = " ".join(sentences)
    if any(view.may_differ(day, mention) for mention in mentions for day in mention.dates):
        return f"{text} {MAY_DIFFER}"
    verdict = _verdict(view, mentions)
    return f"{verdict} {text[0].lower()}{text[1:]}" if verdict.endswith(",") else f"{verdict} {text}".strip()


def hours_and_holidays(business: Business, now: datetime) -> str:
    """Return the hours of a week, and the holidays of the coming one, to be spoken; empty if nobody has said when."""
    hours, view = hours_sentence(business), _View(business, now)
    days = [view.today + _ONE_DAY * ahead for ahead in range(_WEEK_DAYS)]
    exceptions = [_Item(day, is_dated=True) for day in view.exceptions(days)]
    if not hours or not exceptions:
        return hours
    return f"{hours} {_capitalised(_names(view, exceptions))} we are closed for a holiday."


@dataclass(frozen=True, slots=True)
class _View:
    """A business, seen at the moment at which somebody asks."""

    business: Business
    now: datetime

    @property
    def today(self) -> date:
        return local_date(self.business, self.now)

    @property
    def minute(self) -> int:
        local = self.now.astimezone(ZoneInfo(self.business.timezone))
        return local.hour * 60 + local.minute

    @property
    def without_holidays(self) -> "_View":
        return replace(self, business=replace(self.business, holidays=()))

    def exceptions(self, days: Sequence[date]) -> list[date]:
        """Return those days on which it is closed for a holiday and would otherwise be open."""
        usual = self.without_holidays.business
        return [day for day in days if day in self.business.holidays and spans_on(usual, day)]

    def may_differ(self, day: date, mention: DayMention) -> bool:
        """Return true for a public holiday of an owner who has set none to come: the usual hours may not hold on it.

        Of longer times that were not named for a holiday the usual hours are told.
        """
        is_set = any(each >= self.today for each in self.business.holidays)
        is_usual = not mention.is_holiday and (mention.is_recurring or len(mention.dates) > _SINGLE_DAYS_MAX)
        if is_set or is_usual or day < self.today or not spans_on(self.business, day):
            return False
        return mention.is_holiday or any(
            each == day for each, _ in public_holidays(country_of(self.business.timezone), day)
        )

    def verb(self, days: Sequence[date], mention: DayMention, *, is_over: bool) -> str:
        """Return how the hours of days are told."""
        if is_over:
            return "were"
        return "are usually" if any(self.may_differ(day, mention) for day in days) else "are"

    def is_over(self, day: date) -> bool:
        """Return true once the opening hours of a day are over; a day that is closed is over when it ends."""
        spans = spans_on(self.business, day)
        return day < self.today or (day == self.today and bool(spans) and spans[-1].close <= self.minute)

    def opens_after(self, days: Sequence[date]) -> str:
        """Return `open again on Monday at 9 AM`, or nothing if it opens between the days, or nobody knows when."""
        zone = ZoneInfo(self.business.timezone)
        start = max(datetime.combine(min(days) + _ONE_DAY, time(), zone), self.now)
        opening = next_opening(self.business, start)
        if opening is None or opening.astimezone(zone).date() <= max(days):
            return ""
        return f"open again {when_text(opening.astimezone(zone), self.now.astimezone(zone))}"


@dataclass(frozen=True, slots=True)
class _Item:
    """One day to be told of, and how it is to be called."""

    day: date
    label: str = ""
    is_dated: bool = False
    verb: str = "are"


def _is_single(mention: DayMention) -> bool:
    return not mention.is_now and not mention.is_recurring and len(mention.dates) <= _SINGLE_DAYS_MAX


def _shifted(view: _View, mention: DayMention) -> DayMention:
    """Return the mention for tomorrow, if only a time was named that is over today."""
    if not mention.is_implied or mention.time is None:
        return mention
    if open_readings(view.business, view.today, mention.time, view.minute):
        return mention
    return replace(mention, dates=(view.today + _ONE_DAY,))


def _items(view: _View, mention: DayMention) -> list[_Item]:
    days = mention.dates
    if mention.is_ambiguous and len(days) % 2 == 0:
        # "Next Friday" may be two days. If the hours of both are the same, the weekday alone is right.
        first, second = days[: len(days) // 2], days[len(days) // 2 :]
        are_weeks_apart = all(right - left == _WEEK for left, right in zip(first, second, strict=True))
        are_alike = all(_what(view, left) == _what(view, right) for left, right in zip(first, second, strict=True))
        if are_weeks_apart and are_alike and first[-1] - view.today < _WEEK:
            return [_Item(day, verb=_verb(view, day, mention)) for day in first]
    is_dated = mention.has_date or mention.is_ambiguous
    return [_Item(day, mention.label, is_dated, _verb(view, day, mention)) for day in days]


def _verb(view: _View, day: date, mention: DayMention) -> str:
    # A day that is over must not sound like one to come.
    return view.verb([day], mention, is_over=view.is_over(day))


def _what(view: _View, day: date, label: str = "") -> str:
    if day in view.business.holidays:
        return "closed" if label else "closed for a holiday"
    spans = spans_on(view.business, day)
    return f"open {times_text(spans)}" if spans else "closed"


def _single_days(view: _View, items: Sequence[_Item]) -> str:
    """Return one sentence about all of the days, those with the same hours put together."""
    groups: dict[tuple[str, str], list[_Item]] = {}
    for item in items:
        groups.setdefault((item.verb, _what(view, item.day, item.label)), []).append(item)
    clauses = [f"{_names(view, group)} we {verb} {what}" for (verb, what), group in groups.items()]
    are_closed = all(what.startswith("closed") for _, what in groups)
    days = [item.day for item in items]
    if max(days) >= view.today and (are_closed or {verb for verb, _ in groups} == {"were"}):
        opening = view.opens_after(days)
        clauses[-1] += f", and {'' if are_closed else 'are '}{opening}" if opening else ""
    text = clauses[0] if len(clauses) == 1 else f"{', '.join(clauses[:-1])}, and {clauses[-1]}"
    return _capitalised(f"{text}.")


def _names(view: _View, items: Sequence[_Item]) -> str:
    """Return the names of days as the beginning of a clause, such as `on Monday and Tuesday`."""
    names: list[str] = []
    was_on = False
    for item in items:
        name = _name(view, item)
        is_on = name not in {"today", "tomorrow"}
        names.append(f"on {name}" if is_on and not was_on else name)
        was_on = is_on
    if any(name.endswith(",") for name in names):
        names = [name.removesuffix(",") for name in names]
        return f"{', '.join(names[:-1])}{', and ' if len(names) > 1 else ''}{names[-1]},"
    return listed(names)


def _name(view: _View, item: _Item) -> str:
    day = item.day
    ahead = (day - view.today).days
    if ahead in {0, 1}:
        return ("today", "tomorrow")[ahead]
    if 0 < ahead < _WEEK_DAYS and not item.is_dated:
        return day_name(day)
    parts = [item.label] if item.label else []
    if day_name(day) not in item.label:
        parts.append(day_name(day))
    parts.append(month_and_day(day))
    if abs(ahead) >= _YEAR_DAYS:
        parts.append(str(day.year))
    return f"{', '.join(parts)},"


def _date(view: _View, day: date) -> str:
    return _name(view, _Item(day, is_dated=True))


def _many_days(view: _View, mention: DayMention) -> str:
    if mention.is_now:
        state = state_sentence(view.business, view.now)
        is_sure = not view.may_differ(view.today, mention)
        return state if is_sure else state.replace("We are open", "We are usually open", 1)
    if mention.is_recurring and mention.has_date:
        return _next_holiday(view, mention)
    weekdays = sorted({day.weekday() for day in mention.dates})
    if mention.is_recurring:
        candidates = [view.today + _ONE_DAY * ahead for ahead in range(_RECURRING_DAYS)]
        exceptions = view.exceptions([day for day in candidates if day.weekday() in weekdays])
        return _capitalised(f"{_every_week(view.without_holidays, mention)}{_but(view, exceptions)}.")
    first, last = mention.dates[0], mention.dates[-1]
    period = mention.label or f"from {_date(view, first)} to {_date(view, last)}"
    verb = view.verb(mention.dates, mention, is_over=last < view.today)
    if not any(spans_on(view.business, day) for day in mention.dates):
        opening = view.opens_after(mention.dates)
        return _capitalised(f"{period} we {verb} closed{f', and {opening}' if opening else ''}.")
    usual = usual_hours(view.business, [DAYS[weekday] for weekday in weekdays])
    return _capitalised(f"{period} we {verb} {usual}{_but(view, view.exceptions(mention.dates))}.")


def _every_week(usual: _View, mention: DayMention) -> str:
    """Return the usual hours of one weekday or several."""
    if len(mention.dates) > _WEEKDAYS_MAX:
        weekdays = sorted(day.weekday() for day in mention.dates)
        return f"we are {usual_hours(usual.business, [DAYS[weekday] for weekday in weekdays])}"
    groups: dict[str, list[str]] = {}
    for day in sorted(mention.dates, key=date.weekday):
        groups.setdefault(_what(usual, day), []).append(f"{day_name(day)}s")
    return ", and ".join(f"on {listed(names)} we are {what}" for what, names in groups.items())


def _but(view: _View, exceptions: Sequence[date]) -> str:
    if not exceptions:
        return ""
    return f", but {_names(view, [_Item(day, is_dated=True) for day in exceptions])} we are closed for a holiday"


def _next_holiday(view: _View, mention: DayMention) -> str:
    # No sentence is true of all bank holidays, so the next one stands for them.
    day = mention.dates[0]
    name = _name(view, _Item(day, mention.label, is_dated=True))
    return f"The next one is {name} and we {_verb(view, day, mention)} {_what(view, day, mention.label)} then."


def _verdict(view: _View, mentions: Sequence[DayMention]) -> str:
    """Return `Yes,` or `No,` if the same is true of all days at the time that is named, or `Yes, at 7 PM.`."""
    answers: set[tuple[bool | None, int | None]] = set()
    for mention in mentions:
        if mention.time is None or mention.is_now:
            return ""
        for day in mention.dates:
            business = view.without_holidays.business if mention.is_recurring else view.business
            earliest = view.minute if day == view.today and not mention.is_recurring else 0
            is_past = day < view.today and not mention.is_recurring
            readings = {} if is_past else open_readings(business, day, mention.time, earliest)
            answers.add(_answer(readings, mention.time.relation))
    if len(answers) != 1:
        return ""
    is_open, minute = answers.pop()
    if is_open is None:
        return ""
    return ("Yes" if is_open else "No") + ("," if minute is None else f", at {clock(minute)}.")


def _answer(readings: dict[int, bool | None], relation: Relation) -> tuple[bool | None, int | None]:
    """Return whether it is open at a time of day, and in which reading if that makes a difference."""
    values = set(readings.values())
    if len(values) == 1:
        return values.pop(), None
    if values == {True, False} and relation is Relation.AT:
        return True, next(minute for minute, is_open in readings.items() if is_open)
    return None, None


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
