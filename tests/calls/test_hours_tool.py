"""Opening hours as a model asks for them."""

import pytest
from tests.support.metering import SetClock
from tests.support.opening_hours import at, business

from callgenie.calls.tools.hours import BusinessHours
from callgenie.profiles.models import Business

# A Monday in winter; in New York it is five hours earlier.
MONDAY = at("2026-03-16 14:30")
SHOP = business("UTC", (at("2026-12-25 00:00").date(),), weekdays="09:00-17:30", sat="10:00-13:00")


CHRISTMAS = "On Friday, December 25, we are closed for a holiday, and open again on Saturday, December 26, at 10 AM."


async def ask(when: str, *, now: str | None = None, shop: Business = SHOP) -> str:
    clock = SetClock(MONDAY if now is None else at(now))
    return (await BusinessHours(shop, clock).run({"when": when}, ())).text


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("now", "We are open now, until 5:30 PM."),
        ("today", "Today we are open from 9 AM to 5:30 PM."),
        ("tomorrow", "Tomorrow we are open from 9 AM to 5:30 PM."),
        ("Monday", "Today we are open from 9 AM to 5:30 PM."),
        ("saturday", "On Saturday we are open from 10 AM to 1 PM."),
        ("Sunday", "On Sunday we are closed, and open again on Monday, March 23, at 9 AM."),
        ("sun", "On Sunday we are closed, and open again on Monday, March 23, at 9 AM."),
        ("2026-03-22", "On Sunday we are closed, and open again on Monday, March 23, at 9 AM."),
        ("12-25", CHRISTMAS),
        ("2026-12-25", CHRISTMAS),
        ("12-24", "On Thursday, December 24, we are open from 9 AM to 5:30 PM."),
        ("03-16", "Today we are open from 9 AM to 5:30 PM."),
        ("03-15", "On Monday, March 15, 2027, we are open from 9 AM to 5:30 PM."),
        ("2026-03-13", "On Friday, March 13, we were open from 9 AM to 5:30 PM."),
        ("02-29", "On Tuesday, February 29, 2028, we are open from 9 AM to 5:30 PM."),
    ],
)
async def test_a_day_is_asked_for_in_many_ways(when: str, sentence: str) -> None:
    assert await ask(when) == sentence


@pytest.mark.parametrize(
    ("when", "sentence"),
    [
        ("2026-03-21,2026-03-22", "On Saturday we are open from 10 AM to 1 PM, and on Sunday we are closed."),
        ("today, Saturday", "Today we are open from 9 AM to 5:30 PM, and on Saturday we are open from 10 AM to 1 PM."),
        ("now, sunday", "We are open now, until 5:30 PM. On Sunday we are closed, and open again on Monday,"),
        ("a week from Friday", "On Friday, March 27, we are open from 9 AM to 5:30 PM."),
        ("next Monday", "On Monday, March 23, we are open from 9 AM to 5:30 PM."),
        ("next monday after six", "No, on Monday, March 23, we are open from 9 AM to 5:30 PM."),
        ("this weekend", "On Saturday we are open from 10 AM to 1 PM, and on Sunday we are closed."),
        ("Christmas", "On Christmas Day, Friday, December 25, we are closed, and open again on Saturday,"),
        ("Monday, Tuesday and Wednesday", "Today, tomorrow and on Wednesday we are open from 9 AM to 5:30 PM."),
    ],
)
async def test_several_days_and_a_callers_own_words_are_understood(when: str, sentence: str) -> None:
    assert (await ask(when)).startswith(sentence)


async def test_dates_and_holidays_are_those_of_the_country_of_the_time_zone() -> None:
    london = business("Europe/London", (at("2026-05-25 00:00").date(),), weekdays="09:00-17:30")
    new_york = business("America/New_York", weekdays="09:00-17:30")
    assert (await ask("5/12", shop=london)).startswith("On Saturday, December 5, we are closed")
    assert (await ask("5/12", shop=new_york)).startswith("On Tuesday, May 12, we are open")
    assert (await ask("the late May bank holiday", shop=london)).startswith(
        "On the Spring Bank Holiday, Monday, May 25, we are closed"
    )


async def test_today_is_what_the_calendar_at_the_business_says() -> None:
    tokyo = business("Asia/Tokyo", mon="09:00-17:00", tue="10:00-16:00")
    assert await ask("today", now="2026-03-16 16:00", shop=tokyo) == "Today we are open from 10 AM to 4 PM."


async def test_out_of_hours_the_next_opening_is_told() -> None:
    assert await ask("now", now="2026-03-14 20:00") == "We are closed at the moment, and open again on Monday at 9 AM."


@pytest.mark.parametrize("when", ["", "soon", "13-45", "02-30", "9999-12-31", "0001-01-01", "$where", "9" * 5_000])
async def test_what_is_no_day_is_told_to_be_none(when: str) -> None:
    assert (await ask(when)).startswith("Error: Say when:")
