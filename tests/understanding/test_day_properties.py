"""What is true of the days found in any text, on any day: what is written is read, and nothing makes it fail."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.understanding.dates.found import MONTHS, WEEKDAYS
from callgenie.understanding.dates.tokens import NormalText
from callgenie.understanding.days import DayMention, days_in

days = st.dates(date(2025, 1, 1), date(2034, 12, 31))
countries = st.sampled_from([None, "AU", "CA", "GB", "IE", "IN", "NZ", "US", "ZA", "DE"])
TENS = ("", "", "twenty", "thirty")
ORDINAL_WORDS = (
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth"
    " fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
ORDINALS = ORDINAL_WORDS.split()


def in_words(number: int) -> str:
    if number < len(ORDINALS):
        return ORDINALS[number]
    return "thirtieth" if number == 30 else f"{TENS[number // 10]} {ORDINALS[number % 10]}"


def with_suffix(number: int) -> str:
    ending = "th" if number in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def only(text: str, today: date, country: str | None = None) -> DayMention:
    (mention,) = days_in(text, today, country)
    return mention


SPOKEN_DATES = (
    "{month} {number} {year}",
    "{month} {nth}, {year}",
    "{month} the {words} {year}",
    "the {nth} of {month} {year}",
    "{number} {month} {year}",
    "{weekday}, {month} {nth}, {year}",
    "{weekday} the {words} of {month} {year}",
)


@given(days, days, st.sampled_from(SPOKEN_DATES), st.booleans())
def test_a_date_with_its_year_is_read_however_it_is_written(today: date, day: date, form: str, is_upper: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    text = form.format(
        month=MONTHS[day.month - 1],
        weekday=WEEKDAYS[day.weekday()],
        number=day.day,
        nth=with_suffix(day.day),
        words=in_words(day.day),
        year=day.year,
    )
    text = f"are you open on {text.title() if is_upper else text}?"
    mention = only(text, today)
    assert mention.dates == (day,)
    assert mention.has_date
    assert str(day.year) in text[mention.start : mention.end]


@given(days, st.integers(0, 364))
def test_a_date_without_its_year_is_the_next_one(today: date, ahead: int) -> None:
    day = today + timedelta(days=ahead)
    if (day.month, day.day) == (2, 29):
        return
    assert only(f"{MONTHS[day.month - 1]} {day.day}", today).dates == (day,)


@given(days, days)
def test_an_iso_date_is_that_date(today: date, day: date) -> None:
    assert only(day.isoformat(), today).dates == (day,)


@given(days, st.integers(0, 6))
def test_a_weekday_is_the_next_one_and_next_is_a_later_one(today: date, weekday: int) -> None:
    (plain,) = only(WEEKDAYS[weekday], today).dates
    assert 0 <= (plain - today).days < 7
    assert plain.weekday() == weekday
    following = only(f"next {WEEKDAYS[weekday]}", today)
    assert all(day > today and day.weekday() == weekday for day in following.dates)
    assert following.is_ambiguous == (len(following.dates) == 2)
    # Whatever program one is used to, its day is among those that are answered for.
    coming = today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    of_next_week = today - timedelta(days=today.weekday()) + timedelta(days=7 + weekday)
    at_least_two_days_ahead = coming if (coming - today).days > 2 else coming + timedelta(days=7)
    assert {coming, of_next_week, at_least_two_days_ahead} <= {*following.dates}


@given(days, st.integers(0, 6), st.integers(1, 4))
def test_weeks_from_a_weekday_are_weeks_later(today: date, weekday: int, weeks: int) -> None:
    name = WEEKDAYS[weekday]
    (plain,) = only(name, today).dates
    moved = plain + timedelta(days=7 * weeks)
    for text in (f"{weeks} weeks from {name}", f"{weeks} weeks on {name}", f"{weeks} weeks after {name}"):
        assert only(text, today).dates[0] == moved
    if weeks == 1:
        assert only(f"{name} week", today).dates[0] == moved


@given(days, st.integers(1, 99))
def test_days_and_weeks_ahead_are_counted(today: date, number: int) -> None:
    assert only(f"in {number} days", today).dates == (today + timedelta(days=number),)
    assert only(f"{number} weeks from today", today).dates == (today + timedelta(days=7 * number),)


@given(days, st.integers(1, 31), st.integers(0, 6))
def test_a_weekday_with_a_number_is_a_day_with_that_number(today: date, number: int, weekday: int) -> None:
    mention = only(f"{WEEKDAYS[weekday]} the {with_suffix(number)}", today)
    assert {day.day for day in mention.dates} == {number}
    assert mention.dates[0] >= today
    # If no such day comes within a year, the number is right, and the weekday a slip.
    year = [today + timedelta(days=ahead) for ahead in range(365)]
    fits = any(day.day == number and day.weekday() == weekday for day in year)
    assert mention.dates[-1].weekday() == weekday or not fits
    assert mention.has_date


@given(
    days, st.sampled_from(["easter monday", "thanksgiving", "christmas", "diwali", "the next bank holiday"]), countries
)
def test_a_holiday_is_today_or_to_come_and_within_two_years(today: date, name: str, country: str | None) -> None:
    for mention in days_in(name, today, country):
        assert all(0 <= (day - today).days < 732 for day in mention.dates)


WORDS = (
    "a the 1st 28th next last this monday friday week weekend weeks day days tomorrow today now after before from to"
    " and or at six half past quarter 5/12 6:30 am pm noon morning night december may 25 easter christmas bank"
    " holiday in of until between every on , . ? - ' two twenty second year's eve 2027-02-29 june 31 fortnight"
    " month early late lunch open"
)
phrases = st.lists(st.sampled_from(WORDS.split()), max_size=14).map(" ".join)


@given(st.one_of(phrases, st.text(max_size=60)), days, countries)
def test_no_text_makes_it_fail_and_every_mention_stands_in_the_text(
    text: str, today: date, country: str | None
) -> None:
    mentions = days_in(text, today, country)
    assert [mention.start for mention in mentions] == sorted(mention.start for mention in mentions)
    for mention in mentions:
        assert 0 <= mention.start < mention.end <= len(text)
        assert mention.dates
        assert list(mention.dates) == sorted(set(mention.dates))
        if mention.time is not None:
            assert 0 <= mention.time.start < mention.time.end <= len(text)
            assert mention.time.minutes
            assert all(0 <= minute <= 30 * 60 for minute in mention.time.minutes)
            assert mention.time.last is None or mention.time.last > mention.time.minutes[0]


@given(st.text(max_size=40))
def test_spans_of_the_normal_form_lead_back_to_the_text(text: str) -> None:
    normal = NormalText(text)
    if normal.text:
        start, end = normal.original(0, len(normal.text))
        assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("On the twenty-eighth of December, twenty twenty-six", "on the 28th of december , 2026"),
        ("the 28 th, the 3rd and the 3 st james road", "the 28th , the 3th and the 3 st james road"),
        ("at six thirty p.m. or 6pm", "at 6 30 pm or 6 pm"),
        ("two thousand and twenty seven", "2027"),
        ("New Year\N{RIGHT SINGLE QUOTATION MARK}s Eve", "new year's eve"),
        ("um, a couple of weeks' time", ", 2 weeks time"),
        ("twenty five to six", "25 to 6"),
        ("5/12/2026 18:30 2026-12-05", "5/12/2026 18:30 2026-12-05"),
        ("the week-end", "the weekend"),
    ],
)
def test_a_text_has_a_normal_form(text: str, normal: str) -> None:
    assert NormalText(text).text == normal
