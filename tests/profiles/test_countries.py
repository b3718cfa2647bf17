"""The country of a time zone."""

from zoneinfo import available_timezones

import pytest

from callgenie.profiles import countries
from callgenie.profiles.countries import country_of


@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("America/New_York", "US"),
        ("America/Indiana/Knox", "US"),
        ("US/Pacific", "US"),
        ("Pacific/Honolulu", "US"),
        ("America/Toronto", "CA"),
        ("Canada/Atlantic", "CA"),
        ("Europe/London", "GB"),
        ("Europe/Dublin", "IE"),
        ("Australia/Sydney", "AU"),
        ("Pacific/Auckland", "NZ"),
        ("Asia/Kolkata", "IN"),
        ("Africa/Johannesburg", "ZA"),
        ("America/Mexico_City", None),
        ("America/Argentina/Buenos_Aires", None),
        ("Europe/Berlin", None),
        ("UTC", None),
        ("", None),
    ],
)
def test_a_zone_tells_the_country_whose_holidays_we_know(zone: str, country: str | None) -> None:
    assert country_of(zone) == country


def test_every_zone_that_is_listed_is_one() -> None:
    zones = available_timezones()
    assert {*countries._NAMED} <= zones
    assert {f"America/{name}" for name in countries._OF_AMERICA} <= zones
