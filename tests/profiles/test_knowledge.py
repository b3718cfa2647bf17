"""What is known of a business at a moment, whoever calls."""

from datetime import date

from tests.support.opening_hours import at, business

from callgenie.profiles.knowledge import knowledge_of
from callgenie.profiles.models import Preferences

HOLIDAY = date(2026, 12, 25)


def test_today_is_the_date_at_the_business_and_not_in_utc() -> None:
    evening = at("2026-12-02 20:00")
    auckland = knowledge_of(business("Pacific/Auckland", weekdays="09:00-17:30"), Preferences(), evening)
    assert (auckland.today, auckland.country) == (date(2026, 12, 3), "NZ")
    utc = knowledge_of(business("UTC", weekdays="09:00-17:30"), Preferences(), evening)
    assert (utc.today, utc.country) == (date(2026, 12, 2), None)


def test_the_hours_name_a_holiday_of_the_coming_days() -> None:
    shop = business("UTC", (HOLIDAY,), weekdays="09:00-17:30")
    assert "holiday" not in knowledge_of(shop, Preferences(), at("2026-12-18 12:00")).hours
    told = knowledge_of(shop, Preferences(), at("2026-12-19 12:00")).hours
    assert told.endswith("On Friday, December 25, we are closed for a holiday.")
