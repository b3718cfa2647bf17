"""Opening hours as a model asks for them."""

import pytest
from tests.support.metering import SetClock
from tests.support.opening_hours import at, business

from callgenie.calls.tools.hours import BusinessHours
from callgenie.profiles.models import Business

# A Monday in winter; in New York it is five hours earlier.
MONDAY = at("2026-03-16 14:30")
SHOP = business("UTC", (at("2026-12-25 00:00").date(),), weekdays="09:00-17:30", sat="10:00-13:00")


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
        ("Sunday", "On Sunday we are closed."),
        ("2026-03-22", "On Sunday we are closed."),
        ("12-25", "On Friday, December 25, we are closed for a holiday."),
        ("2026-12-25", "On Friday, December 25, we are closed for a holiday."),
        ("12-24", "On Thursday, December 24, we are open from 9 AM to 5:30 PM."),
        ("03-16", "Today we are open from 9 AM to 5:30 PM."),
        ("03-15", "On Monday, March 15, we are open from 9 AM to 5:30 PM."),
        ("2026-03-13", "On Friday, March 13, we were open from 9 AM to 5:30 PM."),
        ("02-29", "On Tuesday, February 29, we are open from 9 AM to 5:30 PM."),
    ],
)
async def test_a_day_is_asked_for_in_many_ways(when: str, sentence: str) -> None:
    assert await ask(when) == sentence


async def test_today_is_what_the_calendar_at_the_business_says() -> None:
    tokyo = business("Asia/Tokyo", mon="09:00-17:00", tue="10:00-16:00")
    assert await ask("today", now="2026-03-16 16:00", shop=tokyo) == "Today we are open from 10 AM to 4 PM."


async def test_out_of_hours_the_next_opening_is_told() -> None:
    assert await ask("now", now="2026-03-14 20:00") == "We are closed at the moment, and open again on Monday at 9 AM."


@pytest.mark.parametrize("when", ["", "soon", "13-45", "02-30", "$where", "9" * 5_000])
async def test_what_is_no_day_is_told_to_be_none(when: str) -> None:
    assert (await ask(when)).startswith("Error: Say when:")
