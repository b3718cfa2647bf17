"""When somebody may be called."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from callgenie.calls.calling_hours import may_call, next_moment, zones_of
from callgenie.profiles.models import DEFAULT_CALLING_HOURS, OpenInterval

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+14155550123", ["America/Los_Angeles"]),
        ("+442079460000", ["Europe/London"]),
        ("+18005551212", []),
        ("+79161234567", []),
        ("+999123456789", []),
        ("no number", []),
    ],
)
def test_a_number_says_where_it_rings_or_nothing(number: str, zones: list[str]) -> None:
    assert [zone.key for zone in zones_of(number, NOON)] == zones


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        (datetime(2026, 5, 4, 6, 59, 59, tzinfo=UTC), False),
        (datetime(2026, 5, 4, 7, 0, tzinfo=UTC), True),
        (datetime(2026, 5, 4, 19, 59, tzinfo=UTC), True),
        (datetime(2026, 5, 4, 20, 0, tzinfo=UTC), False),
        # In winter London is an hour later by UTC.
        (datetime(2026, 1, 4, 7, 30, tzinfo=UTC), False),
        (datetime(2026, 1, 4, 20, 30, tzinfo=UTC), True),
    ],
)
def test_the_hours_are_those_on_the_wall_of_whoever_is_called(at: datetime, allowed: bool) -> None:  # noqa: FBT001 - a case
    assert may_call([ZoneInfo("Europe/London")], DEFAULT_CALLING_HOURS, at) is allowed


def test_where_a_number_may_ring_in_two_zones_both_count() -> None:
    zones = [ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")]
    assert not may_call(zones, DEFAULT_CALLING_HOURS, datetime(2026, 5, 4, 12, 30, tzinfo=UTC))
    assert may_call(zones, DEFAULT_CALLING_HOURS, datetime(2026, 5, 4, 13, 0, tzinfo=UTC))


def test_the_next_moment_is_a_whole_minute_also_over_a_change_of_clocks() -> None:
    london = [ZoneInfo("Europe/London")]
    assert next_moment(london, DEFAULT_CALLING_HOURS, datetime(2026, 3, 28, 23, 0, 30, tzinfo=UTC)) == datetime(
        2026, 3, 29, 7, 0, tzinfo=UTC
    )
    assert next_moment(london, OpenInterval(0, 0), NOON) is None
