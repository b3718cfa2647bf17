"""What came of each day's calls, by the midnights of the business."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from callgenie.conversations.totals_store import TotalsStore
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import CallStatus
from callgenie.profiles.service import ProfileService

# A year, and the same day of the year before to compare with.
DAYS_MAX: Final = 366


@dataclass(frozen=True, slots=True)
class DayUsage:
    """One day; a call belongs to the day on which it began. `calls` and `seconds` are those that count."""

    date: date
    calls: int
    seconds: int
    outcomes: Mapping[CallStatus, int]


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """Consecutive days, oldest first."""

    timezone: str
    days: Sequence[DayUsage]


class DailyUsageReader:
    """Adds up the record by day. What the owner deleted counts as before."""

    def __init__(self, totals: TotalsStore, profiles: ProfileService, clock: Clock) -> None:
        self._totals = totals
        self._profiles = profiles
        self._clock = clock

    async def last_days(self, user_id: UserId, days: int) -> DailyUsage:
        """Return the last days, the present one among them."""
        timezone = (await self._profiles.get(user_id)).business.timezone
        zone = ZoneInfo(timezone)
        today = self._clock.now().astimezone(zone).date()
        dates = [today - timedelta(days=back) for back in reversed(range(days))]
        # Midnights are found here, so that a day has 23 or 25 hours where it has, and not by the database's calendar.
        midnights = [_midnight(day, zone) for day in [*dates, today + timedelta(days=1)]]
        totals = await self._totals.between(user_id, midnights)
        return DailyUsage(
            timezone,
            [
                DayUsage(day, found.calls, found.seconds, found.outcomes)
                for day, found in zip(dates, totals, strict=True)
            ],
        )


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
