from datetime import date

import pytest
from tests.support.opening_hours import at, business

from callgenie.profiles.hours import clock_text, hours_sentence, is_open, minute_of
from callgenie.profiles.models import DAYS, Business


@pytest.mark.parametrize(
    ("moment", "open_then"),
    [
        ("2026-03-16 08:59:59", False),
        ("2026-03-16 09:00:00", True),
        ("2026-03-16 17:29:59", True),
        ("2026-03-16 17:30:00", False),
        ("2026-03-20 12:00:00", True),
        ("2026-03-21 12:00:00", False),
    ],
)
def test_a_day_is_open_from_its_opening_up_to_its_closing(moment: str, open_then: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_open(business(weekdays="09:00-17:30"), at(moment)) is open_then


def test_without_hours_nobody_is_turned_away() -> None:
    assert is_open(Business(), at("2026-03-15 03:00"))
    assert is_open(Business(holidays=(date(2026, 3, 15),)), at("2026-03-15 03:00"))


def test_a_pause_is_closed() -> None:
    split = business(mon="09:00-12:00,13:00-17:00")
    assert [is_open(split, at(f"2026-03-16 {time}")) for time in ("11:59", "12:00", "12:59", "13:00")] == [
        True,
        False,
        False,
        True,
    ]


def test_a_night_goes_on_in_the_next_day() -> None:
    bar = business(fri="20:00-24:00", sat="00:00-02:00")
    assert is_open(bar, at("2026-03-20 23:59:59"))
    assert is_open(bar, at("2026-03-21 00:00"))
    assert not is_open(bar, at("2026-03-21 02:00"))


@pytest.mark.parametrize(
    ("timezone", "moment", "open_then"),
    [
        # 9 o'clock in New York is 14:00 UTC in winter and 13:00 UTC in summer; the clocks change on 8 March 2026.
        ("America/New_York", "2026-03-06 13:30", False),
        ("America/New_York", "2026-03-06 14:00", True),
        ("America/New_York", "2026-03-09 13:00", True),
        ("America/New_York", "2026-03-09 12:59", False),
        # Half-hour zones, and places where it is another day.
        ("Asia/Kolkata", "2026-03-16 03:29", False),
        ("Asia/Kolkata", "2026-03-16 03:30", True),
        ("Pacific/Auckland", "2026-03-15 20:00", True),
        ("Pacific/Auckland", "2026-03-20 20:00", False),
        ("Pacific/Kiritimati", "2026-03-15 19:00", True),
    ],
)
def test_hours_are_those_of_the_clock_on_the_wall(timezone: str, moment: str, open_then: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_open(business(timezone, weekdays="09:00-17:30"), at(moment)) is open_then


def test_an_hour_that_comes_twice_is_open_twice_and_one_that_never_comes_harms_nothing() -> None:
    # Berlin: 2:00 to 3:00 comes twice on 25 October 2026 (0:00 and 1:00 UTC), and never on 29 March.
    night = business("Europe/Berlin", sun="02:00-03:00")
    open_at = [hour for hour in range(5) if is_open(night, at(f"2026-10-25 0{hour}:30"))]
    assert open_at == [0, 1]
    assert [hour for hour in range(5) if is_open(night, at(f"2026-03-29 0{hour}:30"))] == []


def test_a_holiday_is_the_day_of_the_business_and_not_of_utc() -> None:
    shop = business("Pacific/Auckland", (date(2026, 12, 25),), fri="00:00-24:00", thu="00:00-24:00")
    assert is_open(shop, at("2026-12-24 10:59"))
    assert not is_open(shop, at("2026-12-24 11:00"))
    assert not is_open(shop, at("2026-12-25 10:59"))


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        ({}, ""),
        (
            {"weekdays": "09:00-17:30"},
            "We are open Monday to Friday from 9 AM to 5:30 PM, and closed on Saturday and Sunday.",
        ),
        (
            {"weekdays": "09:00-17:30", "sat": "10:00-14:00"},
            "We are open Monday to Friday from 9 AM to 5:30 PM, Saturday from 10 AM to 2 PM, and closed on Sunday.",
        ),
        (
            {"weekdays": "09:00-12:00,13:00-18:00", "fri": "09:00-12:00"},
            (
                "We are open Monday to Thursday from 9 AM to noon and from 1 PM to 6 PM, Friday from 9 AM to noon, "
                "and closed on Saturday and Sunday."
            ),
        ),
        (dict.fromkeys(DAYS, "08:05-20:00"), "We are open every day from 8:05 AM to 8 PM."),
        (dict.fromkeys(DAYS, "00:00-24:00"), "We are open every day around the clock."),
        (
            {"mon": "09:00-17:00", "wed": "09:00-17:00", "fri": "09:00-17:00"},
            (
                "We are open Monday, Wednesday and Friday from 9 AM to 5 PM, "
                "and closed on Tuesday, Thursday, Saturday and Sunday."
            ),
        ),
        (
            {"thu": "18:00-24:00", "fri": "18:00-24:00", "sat": "18:00-24:00", "sun": "00:00-02:30"},
            (
                "We are open Thursday to Saturday from 6 PM to midnight, Sunday from midnight to 2:30 AM, "
                "and closed Monday to Wednesday."
            ),
        ),
        ({"mon": "", "tue": ""}, "We are closed every day at the moment."),
        ({"mon": "12:30-13:00"}, "We are open Monday from 12:30 PM to 1 PM, and closed Tuesday to Sunday."),
    ],
)
def test_the_hours_can_be_spoken(hours: dict[str, str], sentence: str) -> None:
    assert hours_sentence(business(**hours)) == sentence  # type: ignore[arg-type] # a day's hours, never the zone


def test_every_minute_of_a_day_reads_as_it_was_written() -> None:
    assert [minute_of(clock_text(minute)) for minute in range(1441)] == list(range(1441))
    assert (clock_text(0), clock_text(545), clock_text(1440)) == ("00:00", "09:05", "24:00")
