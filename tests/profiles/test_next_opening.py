"""From when on it is open, against the only thing that cannot be wrong: looking at every minute."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.opening_hours import at, business, weekly

from callgenie.profiles.hours import is_open, local_time_text, next_closing, next_opening, state_sentence
from callgenie.profiles.models import DAYS, Business, OpenInterval

MINUTE = timedelta(minutes=1)
# Clocks that change by an hour, at midnight, by half an hour; a zone that skipped a whole day; odd offsets.
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "America/Havana",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
)
# Days around which one of those clocks changes, a leap day, ends of years, and the day that Samoa never had.
DAYS_OF_INTEREST = (
    date(2026, 3, 8),
    date(2026, 3, 29),
    date(2026, 4, 5),
    date(2026, 4, 24),
    date(2026, 10, 4),
    date(2026, 10, 25),
    date(2026, 10, 30),
    date(2026, 11, 1),
    date(2028, 2, 29),
    date(2026, 12, 31),
    date(2011, 12, 30),
)


@st.composite
def businesses(draw: st.DrawFn) -> Business:
    def day_of(marks: list[int]) -> tuple[OpenInterval, ...]:
        marks = sorted(set(marks))
        return tuple(OpenInterval(opens, closes) for opens, closes in zip(marks[::2], marks[1::2], strict=False))

    days = st.lists(st.integers(0, 1_440), max_size=6).map(day_of)
    hours = draw(st.dictionaries(st.sampled_from(DAYS), days, max_size=7))
    nearby = st.builds(lambda day, by: day + timedelta(days=by), st.sampled_from(DAYS_OF_INTEREST), st.integers(-3, 3))
    return Business(
        timezone=draw(st.sampled_from(ZONES)), hours=hours, holidays=tuple(draw(st.lists(nearby, max_size=4)))
    )


def midnight_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


moments = st.builds(
    lambda day, minutes: midnight_of(day) + minutes * MINUTE,
    st.sampled_from(DAYS_OF_INTEREST),
    st.integers(-1_440, 2 * 1_440),
)


def first_minute(shop: Business, moment: datetime, *, is_to_be_open: bool, minutes: int) -> datetime | None:
    """Look at one minute after the other."""
    for ahead in range(minutes):
        if is_open(shop, moment + ahead * MINUTE) is is_to_be_open:
            return moment + ahead * MINUTE
    return None


@settings(max_examples=50)
@given(businesses(), moments)
def test_the_next_opening_is_the_first_minute_at_which_it_is_open(shop: Business, moment: datetime) -> None:
    expected = first_minute(shop, moment, is_to_be_open=True, minutes=2 * 1_440)
    found = next_opening(shop, moment)
    if expected is None:
        assert found is None or found >= moment + 2 * 1_440 * MINUTE
    else:
        assert found == expected


@settings(max_examples=50)
@given(businesses(), moments)
def test_the_next_closing_is_the_first_minute_at_which_it_is_closed(shop: Business, moment: datetime) -> None:
    expected = first_minute(shop, moment, is_to_be_open=False, minutes=1_440)
    found = next_closing(shop, moment)
    if expected is None:
        assert found is None or found >= moment + 1_440 * MINUTE
    else:
        assert found == expected


@settings(max_examples=50)
@given(businesses(), moments, st.integers(0, 59))
def test_every_state_can_be_spoken_and_is_the_right_one(shop: Business, moment: datetime, second: int) -> None:
    said = state_sentence(shop, moment + timedelta(seconds=second))
    if not shop.hours:
        assert said == ""
    elif is_open(shop, moment):
        assert said.startswith("We are open now")
    else:
        assert said.startswith("We are closed at the moment")


def test_who_is_closed_for_good_never_opens() -> None:
    assert next_opening(business(mon="", tue=""), at("2026-03-16 12:00")) is None
    holidays = tuple(date(2026, 1, 1) + timedelta(days=day) for day in range(366))
    shut = business(holidays=holidays, weekdays="09:00-17:00")
    assert next_opening(shut, at("2025-12-31 18:00")) == at("2027-01-04 09:00")


def test_a_night_that_goes_on_past_midnight_closes_at_its_end() -> None:
    bar = business(fri="20:00-24:00", sat="00:00-02:00")
    assert next_closing(bar, at("2026-03-20 21:00")) == at("2026-03-21 02:00")
    always = Business(hours=weekly(**dict.fromkeys(DAYS, "00:00-24:00")))
    assert next_closing(always, at("2026-03-20 21:00")) is None


def test_an_opening_that_the_clock_jumps_over_is_the_moment_of_the_jump() -> None:
    # Berlin, 29 March 2026: 2:00 to 3:00 does not happen; the wall goes from 1:59 to 3:00 at 1:00 UTC.
    shop = business("Europe/Berlin", sun="02:30-04:00")
    assert next_opening(shop, at("2026-03-29 00:00")) == at("2026-03-29 01:00")
    assert state_sentence(shop, at("2026-03-29 00:00")) == "We are closed at the moment, and open again today at 3 AM."


def test_an_opening_that_comes_twice_is_found_both_times() -> None:
    # Berlin, 25 October 2026: 2:00 to 3:00 happens at 0:00 and at 1:00 UTC.
    shop = business("Europe/Berlin", sun="02:00-02:15")
    assert next_opening(shop, at("2026-10-24 23:00")) == at("2026-10-25 00:00")
    assert next_opening(shop, at("2026-10-25 00:20")) == at("2026-10-25 01:00")


WEEK = {"weekdays": "09:00-17:30", "sat": "10:00-14:00"}


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2026-03-16 08:00", "We are closed at the moment, and open again today at 9 AM."),
        ("2026-03-16 09:00", "We are open now, until 5:30 PM."),
        ("2026-03-16 17:30", "We are closed at the moment, and open again tomorrow at 9 AM."),
        ("2026-03-20 23:59", "We are closed at the moment, and open again tomorrow at 10 AM."),
        ("2026-03-21 14:00", "We are closed at the moment, and open again on Monday at 9 AM."),
        ("2028-02-28 18:00", "We are closed at the moment, and open again on Wednesday at 9 AM."),
    ],
)
def test_a_week_is_spoken_of_as_people_do(moment: str, said: str) -> None:
    assert state_sentence(business(holidays=(date(2028, 2, 29),), **WEEK), at(moment)) == said


@pytest.mark.parametrize(
    ("hours", "moment", "said"),
    [
        ({"mon": "09:00-12:00"}, "2026-03-16 12:00", "and open again on Monday, March 23, at 9 AM."),
        ({"tue": "00:00-24:00"}, "2026-03-16 12:00", "and open again tomorrow right after midnight."),
        ({"mon": "20:00-24:00"}, "2026-03-16 21:00", "We are open now, until midnight."),
        ({"mon": "20:00-24:00", "tue": "00:00-02:00"}, "2026-03-16 21:00", "We are open now, until tomorrow at 2 AM."),
        (dict.fromkeys(DAYS, "00:00-24:00"), "2026-03-16 21:00", "We are open now."),
        ({"mon": ""}, "2026-03-16 21:00", "We are closed at the moment."),
    ],
)
def test_what_is_further_away_is_named_so_that_nobody_comes_on_the_wrong_day(
    hours: dict[str, str], moment: str, said: str
) -> None:
    assert state_sentence(business(**hours), at(moment)).endswith(said)  # type: ignore[arg-type] # a day's hours


def test_the_time_is_told_by_the_clock_of_the_business() -> None:
    told = local_time_text(business("Asia/Kolkata"), at("2026-12-31 20:00"))
    assert told == "Friday, January 1, 2027, 1:30 AM"
