"""Replies about days: they say the right day, the right hours, and yes or no only where it is true."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.opening_hours import at, business

from callgenie.profiles.hours import is_open, local_date
from callgenie.profiles.models import Business
from callgenie.profiles.opening_replies import hours_and_holidays, opening_replies, opening_reply
from callgenie.understanding.dates.clock_times import Relation, TimeOfDay
from callgenie.understanding.days import DayMention, days_in
from callgenie.voice.courtesies import MAY_DIFFER

# A Wednesday at three in the afternoon.
NOW = at("2026-12-02 15:00")
HOLIDAYS = (date(2026, 12, 11), date(2026, 12, 25), date(2026, 12, 28))
SHOP = business("UTC", HOLIDAYS, weekdays="09:00-17:30", thu="09:00-20:00", sat="10:00-14:00")
GYM = business("UTC", weekdays="05:00-22:00", sat="08:00-20:00")
BAR = business("UTC", fri="20:00-24:00", sat="00:00-02:00,20:00-24:00", sun="00:00-02:00")


def reply(said: str, *, now: datetime = NOW, shop: Business = SHOP) -> str:
    return opening_replies(shop, days_in(said, local_date(shop, now), "GB"), now)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("today", "Today we are open from 9 AM to 5:30 PM."),
        ("tomorrow", "Tomorrow we are open from 9 AM to 8 PM."),
        ("on Sunday", "On Sunday we are closed, and open again on Monday at 9 AM."),
        ("Monday and Tuesday", "On Monday and Tuesday we are open from 9 AM to 5:30 PM."),
        ("Monday or Sunday", "On Monday we are open from 9 AM to 5:30 PM, and on Sunday we are closed."),
        ("today and tomorrow", "Today we are open from 9 AM to 5:30 PM, and tomorrow we are open from 9 AM to 8 PM."),
        ("this weekend", "On Saturday we are open from 10 AM to 2 PM, and on Sunday we are closed."),
        ("the 4th", "On Friday, December 4, we are open from 9 AM to 5:30 PM."),
        ("yesterday", "On Tuesday, December 1, we were open from 9 AM to 5:30 PM."),
        # Which Friday is meant makes a difference; which Saturday does not.
        (
            "next Friday",
            (
                "On Friday, December 4, we are open from 9 AM to 5:30 PM, and on Friday, December 11, we are closed for"
                " a holiday."
            ),
        ),
        ("next Saturday", "On Saturday we are open from 10 AM to 2 PM."),
        ("next weekend", "On Saturday we are open from 10 AM to 2 PM, and on Sunday we are closed."),
        # The date has the last word over the weekday.
        ("Friday, December 26", "On Saturday, December 26, we are open from 10 AM to 2 PM."),
        ("Christmas", "On Christmas Day, Friday, December 25, we are closed, and open again on Saturday, December 26,"),
        ("Easter Monday", "On Easter Monday, March 29, we are open from 9 AM to 5:30 PM."),
        ("christmas day 2027", "On Christmas Day, Saturday, December 25, 2027, we are open from 10 AM to 2 PM."),
        (
            "over Christmas",
            (
                "On Thursday, December 24, we are open from 9 AM to 8 PM, on Friday, December 25, we are closed for a"
                " holiday, and on Saturday, December 26, we are open from 10 AM to 2 PM."
            ),
        ),
        (
            "next week",
            (
                "Next week we are open Monday to Wednesday and Friday from 9 AM to 5:30 PM, Thursday from 9 AM to 8 PM,"
                " Saturday from 10 AM to 2 PM, and closed on Sunday, but on Friday, December 11, we are closed for a"
                " holiday."
            ),
        ),
        ("Monday to Wednesday", "We are open Monday to Wednesday from 9 AM to 5:30 PM."),
        ("fridays", "On Fridays we are open from 9 AM to 5:30 PM, but on Friday, December 11, we are closed for a"),
        ("at weekends", "On Saturdays we are open from 10 AM to 2 PM, and on Sundays we are closed."),
        ("on bank holidays", "The next one is Christmas Day, Friday, December 25, and we are closed then."),
        ("now", "We are open now, until 5:30 PM."),
    ],
)
def test_a_day_is_told_as_people_do(said: str, sentence: str) -> None:
    assert reply(said).startswith(sentence)


@pytest.mark.parametrize(
    ("said", "beginning"),
    [
        ("Are you still open after six on Thursday", "Yes, tomorrow we are open from 9 AM to 8 PM."),
        ("after six on Friday", "No, on Friday we are open from 9 AM to 5:30 PM."),
        ("after half past five on monday", "No, on Monday we are open from 9 AM to 5:30 PM."),
        ("are you open at noon tomorrow", "Yes, tomorrow we are open"),
        ("at half past five on monday", "No, on Monday we are open from 9 AM to 5:30 PM."),
        ("at 5:29 pm on monday", "Yes, on Monday"),
        ("can I come at seven", "No, today we are open from 9 AM to 5:30 PM."),
        ("can I come at four", "Yes, today we are open from 9 AM to 5:30 PM."),
        ("thursday at seven", "Yes, at 7 PM. Tomorrow we are open from 9 AM to 8 PM."),
        ("until eight on thursday", "Yes, tomorrow"),
        ("until nine on thursday", "No, tomorrow"),
        ("before nine on monday", "No, on Monday"),
        ("before eleven on saturday", "Yes, on Saturday"),
        ("saturday morning", "Yes, on Saturday we are open from 10 AM to 2 PM."),
        ("sunday morning", "No, on Sunday we are closed, and open again on Monday at 9 AM."),
        ("tonight", "No, today we are open from 9 AM to 5:30 PM."),
        ("tomorrow evening", "Yes, tomorrow"),
        ("from nine to five on monday", "Yes, on Monday"),
        ("between six and seven on monday", "No, on Monday"),
        ("monday and tuesday after six", "No, on Monday and Tuesday we are open"),
        ("on christmas day at noon", "No, on Christmas Day, Friday, December 25, we are closed"),
        ("after seven on thursdays", "Yes, on Thursdays we are open from 9 AM to 8 PM."),
        ("after six on weeknights", "We are open Monday to Wednesday"),
        # Neither is true of all that was asked.
        ("monday or thursday after six", "On Monday we are open"),
        ("from nine to five on saturday", "On Saturday we are open from 10 AM to 2 PM."),
        ("before six on monday", "On Monday we are open"),
        # Two o'clock is over.
        ("today at two", "Today we are open from 9 AM to 5:30 PM."),
    ],
)
def test_a_time_of_day_is_answered_with_yes_or_no(said: str, beginning: str) -> None:
    assert reply(said).startswith(beginning)


def test_a_time_that_is_over_today_is_one_of_tomorrow_unless_today_was_said() -> None:
    late = at("2026-12-02 20:30")
    assert reply("can I come at seven", now=late).startswith("Yes, at 7 PM. Tomorrow we are open from 9 AM to 8 PM.")
    assert not reply("can I come at seven today", now=late).startswith(("Yes", "No"))


def test_a_day_that_is_over_sounds_over_and_says_when_it_opens_again() -> None:
    late = at("2026-12-02 18:00")
    assert reply("today", now=late) == "Today we were open from 9 AM to 5:30 PM, and are open again tomorrow at 9 AM."
    assert reply("tonight", now=late).startswith("No, today we were open")


def test_an_hour_that_may_be_two_is_named_only_where_it_matters() -> None:
    assert reply("at six on friday", shop=GYM) == "Yes, on Friday we are open from 5 AM to 10 PM."
    assert reply("at seven on saturday", shop=GYM).startswith("Yes, at 7 PM. On Saturday")
    # At eight in the evening it has just closed.
    assert reply("at eight on saturday", shop=GYM).startswith("Yes, at 8 AM. On Saturday")


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    assert reply("on friday", shop=BAR) == "On Friday we are open from 8 PM to 2 AM."
    assert reply("on saturday", shop=BAR) == "On Saturday we are open from 8 PM to 2 AM."
    assert reply("on sunday", shop=BAR) == "On Sunday we are open from midnight to 2 AM."
    assert reply("friday night at one", shop=BAR).startswith("Yes, on Friday")
    assert reply("friday till midnight", shop=BAR).startswith("Yes, on Friday")
    assert reply("after eleven on friday", shop=BAR).startswith("Yes, on Friday")
    # A holiday ends a night at midnight.
    shut = business("UTC", (date(2026, 12, 5),), fri="20:00-24:00", sat="00:00-02:00")
    assert reply("on friday", shop=shut) == "On Friday we are open from 8 PM to midnight."


def test_when_it_opens_again_is_not_said_of_days_with_an_opening_between() -> None:
    assert reply("Saturday, 12 December and Sunday, 13 December, and the 25th").count("open again") == 0
    assert "open again" not in reply("the 25th and the 28th")
    assert reply("the 27th and the 28th") == (
        "On Sunday, December 27, we are closed, and on Monday, December 28, we are closed for a holiday, and open again"
        " on Tuesday, December 29, at 9 AM."
    )


def test_who_has_set_no_hours_says_nothing() -> None:
    assert reply("today", shop=Business()) == ""
    assert hours_and_holidays(Business(), NOW) == ""


def test_one_mention_is_replied_to_like_a_list_of_one() -> None:
    (mention,) = days_in("tomorrow at noon", date(2026, 12, 2))
    assert opening_reply(SHOP, mention, NOW) == reply("tomorrow at noon")


def test_the_hours_of_a_week_come_with_the_holidays_of_the_coming_days() -> None:
    usual = hours_and_holidays(SHOP, NOW)
    assert usual.endswith("and closed on Sunday.")
    told = hours_and_holidays(SHOP, at("2026-12-05 12:00"))
    assert told == f"{usual} On Friday, December 11, we are closed for a holiday."
    both = hours_and_holidays(SHOP, at("2026-12-22 12:00"))
    assert both == f"{usual} On Friday, December 25, and Monday, December 28, we are closed for a holiday."
    today = hours_and_holidays(SHOP, at("2026-12-25 12:00"))
    assert today.startswith(f"{usual} Today, and on Monday, December 28,")
    # A holiday on a day that is closed anyway is no news.
    sunday = business("UTC", (date(2026, 12, 6),), weekdays="09:00-17:30")
    assert "holiday" not in hours_and_holidays(sunday, NOW)


LONDON = business("Europe/London", weekdays="09:00-17:30", sat="10:00-14:00")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("Boxing Day", "On Boxing Day, Saturday, December 26, we are usually open from 10 AM to 2 PM."),
        ("Easter Monday", "On Easter Monday, March 29, we are usually open from 9 AM to 5:30 PM."),
        # No yes, no no, and neither for a date that everybody knows.
        ("on Boxing Day at noon", "On Boxing Day, Saturday, December 26, we are usually open from 10 AM to 2 PM."),
        ("the 25th of December", "On Friday, December 25, we are usually open from 9 AM to 5:30 PM."),
        ("on bank holidays", "The next one is Christmas Day, Friday, December 25, and we are usually open from"),
        ("over the holidays", "Over the holidays we are usually open Monday to Friday from 9 AM to 5:30 PM,"),
    ],
)
def test_of_a_holiday_nobody_has_set_only_the_usual_hours_are_told(said: str, sentence: str) -> None:
    told = reply(said, shop=LONDON)
    assert told.startswith(sentence)
    assert told.endswith(f" {MAY_DIFFER}")


def test_on_a_public_holiday_today_is_no_usual_day() -> None:
    noon = at("2026-12-25 12:00")
    assert reply("today", now=noon, shop=LONDON) == f"Today we are usually open from 9 AM to 5:30 PM. {MAY_DIFFER}"
    assert reply("now", now=noon, shop=LONDON) == f"We are usually open now, until 5:30 PM. {MAY_DIFFER}"
    assert MAY_DIFFER not in reply("tomorrow", shop=LONDON)


def test_who_has_set_a_holiday_to_come_has_said_when_they_are_closed() -> None:
    assert reply("Boxing Day") == "On Boxing Day, Saturday, December 26, we are open from 10 AM to 2 PM."
    assert reply("on Boxing Day at noon").startswith("Yes, on Boxing Day")
    last_year = replace(LONDON, holidays=(date(2025, 12, 25),))
    assert reply("Boxing Day", shop=last_year).endswith(MAY_DIFFER)


def test_a_holiday_on_a_day_that_is_closed_every_week_is_closed() -> None:
    weekdays = business("Europe/London", weekdays="09:00-17:30")
    assert reply("Boxing Day", shop=weekdays).startswith(
        "On Boxing Day, Saturday, December 26, we are closed, and open"
    )
    assert MAY_DIFFER not in reply("Boxing Day", shop=weekdays)
    assert MAY_DIFFER not in reply("saturdays", shop=LONDON)


spans = st.sampled_from(["", "09:00-17:30", "08:00-12:00,13:00-18:00", "18:00-24:00", "00:00-02:00", "00:00-24:00"])
weeks = st.fixed_dictionaries(dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), spans))
days = st.integers(0, 20).map(lambda ahead: date(2026, 12, 2) + timedelta(days=ahead))


@settings(max_examples=200)
@given(weeks, st.lists(days, max_size=3), days, st.integers(0, 1_439))
def test_yes_and_no_are_what_the_clock_says(week: dict[str, str], holidays: list[date], day: date, minute: int) -> None:
    shop = business("UTC", tuple(holidays), **week)
    mention = DayMention(0, 1, (day,), time=TimeOfDay(0, 1, Relation.AT, (minute,)))
    now = at("2026-12-02 00:00")
    said = opening_reply(shop, mention, now)
    moment = at(f"{day}") + timedelta(minutes=minute)
    assert said.startswith("Yes, " if is_open(shop, moment) else "No, ")


@settings(max_examples=200)
@given(weeks, st.lists(days, max_size=3), st.lists(days, min_size=1, max_size=4, unique=True))
def test_a_day_is_called_closed_if_no_minute_of_it_is_open(
    week: dict[str, str], holidays: list[date], asked: list[date]
) -> None:
    shop = business("UTC", tuple(holidays), **week)
    for day in asked:
        said = opening_reply(shop, DayMention(0, 1, (day,)), at("2026-12-02 00:00"))
        midnight = at(f"{day}")
        is_shut = not any(is_open(shop, midnight + timedelta(minutes=minute)) for minute in range(0, 1_440, 30))
        assert ("we are closed" in said) is is_shut, said
