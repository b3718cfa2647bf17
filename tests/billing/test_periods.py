from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgenie.billing.periods import Period, period_at

moments = st.datetimes(datetime(1990, 1, 1), datetime(2110, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 -- zoned by `timezones`
TICK = timedelta(microseconds=1)


@given(anchor=moments, moment=moments)
def test_every_moment_lies_in_its_period(anchor: datetime, moment: datetime) -> None:
    period = period_at(anchor, moment)
    assert period.start <= moment < period.end
    assert moment in period


@given(anchor=moments, moment=moments)
def test_periods_follow_each_other_without_gap_or_overlap(anchor: datetime, moment: datetime) -> None:
    period = period_at(anchor, moment)
    assert period_at(anchor, period.start) == period
    assert period_at(anchor, period.end - TICK) == period
    assert period_at(anchor, period.end).start == period.end
    assert period_at(anchor, period.start - TICK).end == period.start


@given(anchor=moments, moment=moments)
def test_a_period_is_a_month_long_and_starts_on_the_anchors_day(anchor: datetime, moment: datetime) -> None:
    period = period_at(anchor, moment)
    assert timedelta(days=28) <= period.end - period.start <= timedelta(days=31)
    for edge in (period.start, period.end):
        assert edge.day == min(anchor.day, monthrange(edge.year, edge.month)[1])
        assert edge.timetz() == anchor.timetz()


@given(anchor=moments)
def test_the_first_period_starts_at_the_anchor(anchor: datetime) -> None:
    assert period_at(anchor, anchor).start == anchor


@given(anchor=moments, moment=moments, hours=st.integers(-14, 14))
def test_the_zone_in_which_a_moment_is_told_does_not_matter(anchor: datetime, moment: datetime, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    assert period_at(anchor.astimezone(zone), moment.astimezone(zone)) == period_at(anchor, moment)


@pytest.mark.parametrize(
    ("anchor", "starts"),
    [
        ("2026-01-31", ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2023-12-31", ["2023-12-31", "2024-01-31", "2024-02-29", "2024-03-31"]),
        ("2024-02-29", ["2024-02-29", "2024-03-29", "2024-04-29"]),
        ("2026-12-15", ["2026-12-15", "2027-01-15", "2027-02-15"]),
    ],
)
def test_a_short_month_does_not_shorten_the_months_after_it(anchor: str, starts: list[str]) -> None:
    days = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day in starts]
    first = datetime.fromisoformat(anchor).replace(tzinfo=UTC)
    assert [period_at(first, day) for day in days[:-1]] == [Period(start, end) for start, end in pairwise(days)]


def test_a_leap_day_comes_back_after_four_years() -> None:
    anchor = datetime(2024, 2, 29, tzinfo=UTC)
    assert period_at(anchor, datetime(2025, 2, 28, tzinfo=UTC)).start == datetime(2025, 2, 28, tzinfo=UTC)
    assert period_at(anchor, datetime(2028, 2, 29, tzinfo=UTC)).start == datetime(2028, 2, 29, tzinfo=UTC)


def test_a_moment_before_the_anchor_has_a_period_too() -> None:
    period = period_at(datetime(2026, 3, 31, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert period == Period(datetime(2026, 1, 31, tzinfo=UTC), datetime(2026, 2, 28, tzinfo=UTC))
