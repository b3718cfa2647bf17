"""What metering is about: a call in somebody's period, a hold, what is used, and why more is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from callgenie.billing.periods import Period
from callgenie.billing.plans import Plan
from callgenie.kernel.ids import SessionId, UserId, digest_key


class RefusalReason(StrEnum):
    """Why the ledger or the account refuses a call."""

    ACCOUNT_SUSPENDED = "account_suspended"
    SUBSCRIPTION_INACTIVE = "subscription_inactive"
    CALL_LIMIT_REACHED = "call_limit_reached"
    MINUTE_LIMIT_REACHED = "minute_limit_reached"
    CONCURRENCY_LIMIT_REACHED = "concurrency_limit_reached"
    ALREADY_SETTLED = "already_settled"
    """The call was settled or let go before; only a repetition that was long under way can meet this."""
    TOO_LATE = "too_late"
    """The admission arrived after its deadline; only one that was long under way can meet this."""


@dataclass(frozen=True, slots=True)
class MeteredCall:
    """One call in one user's period: everything that names its hold."""

    user_id: UserId
    period_start: datetime
    session_id: SessionId

    @property
    def period_key(self) -> str:
        """The `_id` of the usage document."""
        return period_key(self.user_id, self.period_start)

    @property
    def hold_key(self) -> str:
        """The name of the hold; session ids come from outside and may hold dots and dollars."""
        return digest_key(self.session_id)


@dataclass(frozen=True, slots=True)
class MeteredPeriod:
    """One user's period as a whole."""

    user_id: UserId
    period_start: datetime

    @property
    def period_key(self) -> str:
        """The `_id` of the usage document."""
        return period_key(self.user_id, self.period_start)


def period_key(user_id: UserId, start: datetime) -> str:
    """Return `userId:start`, with the start as MongoDB keeps it: in UTC, to the millisecond."""
    moment = start.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00")
    return f"{user_id}:{moment}Z"


@dataclass(frozen=True, slots=True)
class Hold:
    """What a call in progress has been granted and not yet used.

    Attributes:
        seconds: Granted in all since the call began, not since the last extension.
        calls: 1 when the call takes one of the plan's calls; 0 when it was recorded beyond the plan, or is the rest of
            one that has taken its own.
        live: Whether it takes one of the plan's concurrent calls; a recorded call does not.
    """

    seconds: int
    calls: int = 1
    live: bool = True


@dataclass(frozen=True, slots=True)
class Granted:
    """The ledger holds `seconds` for the call."""

    hold: Hold

    @property
    def seconds(self) -> int:
        """The seconds granted in all."""
        return self.hold.seconds


@dataclass(frozen=True, slots=True)
class Refused:
    """The ledger holds nothing for the call."""

    reason: RefusalReason


@dataclass(frozen=True, slots=True)
class CarriedOver:
    """What the ledger counts of a period's usage from before a migration: as much as fits the plan."""

    calls: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Standing:
    """What one period's usage document says."""

    calls: int = 0
    seconds: int = 0
    held_calls: int = 0
    held_seconds: int = 0
    live_calls: int = 0

    def refusal(self, plan: Plan) -> RefusalReason | None:
        """Return why one more live call would be refused under `plan`, or None when it would be admitted."""
        if plan.calls is not None and self.calls + self.held_calls >= plan.calls:
            return RefusalReason.CALL_LIMIT_REACHED
        if plan.seconds is not None and self.seconds + self.held_seconds >= plan.seconds:
            return RefusalReason.MINUTE_LIMIT_REACHED
        if self.live_calls >= plan.concurrent:
            return RefusalReason.CONCURRENCY_LIMIT_REACHED
        return None


@dataclass(frozen=True, slots=True)
class LedgerPeriod:
    """One user's period as the ledger keeps it; `holds` is the seconds of each call in progress."""

    user_id: UserId
    start: datetime
    standing: Standing = field(default_factory=Standing)
    holds: Mapping[SessionId, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """Where a user stands in the present period, and whether one more call would be admitted."""

    reason: RefusalReason | None
    plan: Plan
    period: Period
    standing: Standing

    @property
    def allowed(self) -> bool:
        """Whether one more call would be admitted now."""
        return self.reason is None
