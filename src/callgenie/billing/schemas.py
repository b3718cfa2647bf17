"""What the API shows of usage."""

from datetime import datetime
from typing import Self

from pydantic import Field

from callgenie.billing.models import RefusalReason, Usage
from callgenie.http.bodies import ApiView
from callgenie.kernel.vocabulary import PlanName

_SECONDS_A_MINUTE = 60


class PeriodView(ApiView):
    """A half-open stretch of time."""

    start: datetime
    end: datetime


class CallsView(ApiView):
    """Calls in the period; unlimited is null."""

    limit: int | None
    used: int
    active: int = Field(description="Calls in progress.")
    remaining: int | None


class SecondsView(ApiView):
    """Whole seconds in the period; unlimited is null."""

    limit: int | None
    used: int
    held: int = Field(description="Granted to calls in progress and not settled yet.")
    remaining: int | None


class MinutesView(ApiView):
    """The seconds in minutes, to two places, for showing."""

    limit: float | None
    used: float
    held: float
    remaining: float | None


class UsageView(ApiView):
    """Where a user stands in the present period."""

    allowed: bool
    reason: RefusalReason | None
    plan: PlanName
    period: PeriodView
    resets_at: datetime
    calls: CallsView
    minutes: MinutesView
    seconds: SecondsView

    @classmethod
    def of(cls, usage: Usage) -> Self:
        """Show a usage."""
        plan, standing = usage.plan, usage.standing
        seconds = SecondsView(
            limit=plan.seconds,
            used=standing.seconds,
            held=standing.held_seconds,
            remaining=_remaining(plan.seconds, standing.seconds + standing.held_seconds),
        )
        return cls(
            allowed=usage.allowed,
            reason=usage.reason,
            plan=plan.name,
            period=PeriodView(start=usage.period.start, end=usage.period.end),
            resets_at=usage.period.end,
            calls=CallsView(
                limit=plan.calls,
                used=standing.calls,
                active=standing.live_calls,
                remaining=_remaining(plan.calls, standing.calls + standing.held_calls),
            ),
            minutes=MinutesView(
                limit=_minutes(seconds.limit),
                used=_to_minutes(seconds.used),
                held=_to_minutes(seconds.held),
                remaining=_minutes(seconds.remaining),
            ),
            seconds=seconds,
        )


def _remaining(limit: int | None, taken: int) -> int | None:
    return None if limit is None else max(0, limit - taken)


def _to_minutes(seconds: int) -> float:
    return round(seconds / _SECONDS_A_MINUTE, 2)


def _minutes(seconds: int | None) -> float | None:
    return None if seconds is None else _to_minutes(seconds)
