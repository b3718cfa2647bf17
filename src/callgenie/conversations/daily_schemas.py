"""What the API takes and shows of the days."""

from datetime import date
from typing import Self

from pydantic import Field

from callgenie.conversations.daily import DAYS_MAX, DailyUsage
from callgenie.http.bodies import ApiModel, ApiView
from callgenie.kernel.vocabulary import CallStatus


class DailyQuery(ApiModel):
    """How far back to look."""

    days: int = Field(default=31, ge=1, le=DAYS_MAX, description="How many days, today among them.")


class DayView(ApiView):
    """What came of one day's calls."""

    date: date
    calls: int = Field(description="Those that count against the plan.")
    seconds: int = Field(description="Those that count against the plan.")
    outcomes: dict[CallStatus, int] = Field(description="How many calls ended as what; each end is named.")


class DailyUsageView(ApiView):
    """Usage of the last days."""

    timezone: str = Field(description="The business's; its midnights divide the days.")
    data: list[DayView] = Field(description="Oldest first; days without calls are among them.")

    @classmethod
    def of(cls, usage: DailyUsage) -> Self:
        """Show the days."""
        return cls(
            timezone=usage.timezone,
            data=[
                DayView(date=day.date, calls=day.calls, seconds=day.seconds, outcomes=dict(day.outcomes))
                for day in usage.days
            ],
        )
