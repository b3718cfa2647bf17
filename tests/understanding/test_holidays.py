"""Dates of holidays, against the packages that know them."""

from datetime import date
from pathlib import Path

import pytest
from dateutil.easter import easter
from holidays import country_holidays
from tests.support.public_holidays import TABLE, as_json

from callgenie.understanding.dates.holidays import HOLIDAYS, easter_of, nth_weekday, public_holidays

ROOT = Path(__file__).resolve().parents[2]
YEARS = range(2025, 2036)


def test_easter_is_that_of_the_gregorian_calendar() -> None:
    years = range(1583, 4100)
    assert [easter_of(year) for year in years] == [easter(year) for year in years]


def test_the_table_is_what_the_package_says() -> None:
    written = (ROOT / TABLE).read_text(encoding="utf-8")
    assert written == as_json(), "The package knows other dates: run `make holidays`, and look at what has changed."


@pytest.mark.parametrize(
    ("country", "ours", "theirs"),
    [
        ("US", "Thanksgiving", "Thanksgiving Day"),
        ("US", "Memorial Day", "Memorial Day"),
        ("US", "Labor Day", "Labor Day"),
        ("US", "Martin Luther King Day", "Martin Luther King Jr. Day"),
        ("US", "Presidents' Day", "Washington's Birthday"),
        ("US", "Columbus Day", "Columbus Day"),
        ("US", "Independence Day", "Independence Day"),
        ("US", "Veterans Day", "Veterans Day"),
        ("IN", "Independence Day", "Independence Day"),
        ("CA", "Canada Day", "Canada Day"),
        ("GB", "May Day", "May Day"),
        ("GB", "Boxing Day", "Boxing Day"),
        ("IE", "Saint Patrick's Day", "Saint Patrick's Day"),
        ("NZ", "Labor Day", "Labour Day"),
        ("NZ", "the King's Birthday", "King's Birthday"),
        ("NZ", "Matariki", "Matariki"),
        ("NZ", "Waitangi Day", "Waitangi Day"),
        ("AU", "Anzac Day", "ANZAC Day"),
        ("AU", "Australia Day", "Australia Day"),
        ("ZA", "Family Day", "Family Day"),
        ("ZA", "Heritage Day", "Heritage Day"),
        ("ZA", "Women's Day", "National Women's Day"),
        ("ZA", "the Day of Reconciliation", "Day of Reconciliation"),
    ],
)
def test_rules_give_the_dates_that_the_package_gives(country: str, ours: str, theirs: str) -> None:
    rule = next(holiday for holiday in HOLIDAYS if holiday.name == ours).rule_in(country)
    assert rule is not None
    part = "ENG" if country == "GB" else None
    listed = country_holidays(country, part, years=YEARS)
    expected = {day for day, names in listed.items() if theirs in names.split("; ")}
    assert expected
    # Where a holiday has moved away from a day of the weekend, the day by its name stays what it was.
    assert expected <= {day for year in YEARS for day in rule(year)}


def test_no_holiday_has_two_entries_and_every_rule_works_in_every_year() -> None:
    names = [holiday.name for holiday in HOLIDAYS]
    assert len(names) == len(set(names))
    for holiday in HOLIDAYS:
        for rule in (holiday.rule, *holiday.elsewhere.values()):
            assert rule is None or all(day.year == year for year in YEARS for day in rule(year)), holiday.name


def test_public_holidays_are_in_order_and_named_as_they_are_spoken() -> None:
    listed = public_holidays("GB", date(2026, 12, 1))[:4]
    assert [(str(day), name) for day, name in listed] == [
        ("2026-12-25", "Christmas Day"),
        ("2026-12-26", "Boxing Day"),
        ("2026-12-28", "the Boxing Day holiday"),
        ("2027-01-01", "New Year's Day"),
    ]
    assert public_holidays("DE", date(2026, 12, 1)) == public_holidays(None, date(2026, 12, 1)) == []


def test_the_fifth_weekday_of_a_month_may_be_missing() -> None:
    assert nth_weekday(2026, 12, 1, 5) == date(2026, 12, 29)
    assert nth_weekday(2026, 12, 4, 5) is None
    assert nth_weekday(2026, 12, 4, -1) == date(2026, 12, 25)
