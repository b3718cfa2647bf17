"""The terms a user's calls are metered under: plan, anchor, and whether the account may take calls at all."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from callgenie.billing.models import RefusalReason
from callgenie.billing.periods import Period, period_at
from callgenie.billing.plans import PLANS, Plan
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, UserStatus
from callgenie.users.models import User

# Past due still answers: the payment is being retried, and a business must not go silent over an expired card.
_PAYING: Final = frozenset({"active", "trialing", "past_due"})


class Subscription(Protocol):
    """What metering needs to know of a subscription."""

    @property
    def plan(self) -> PlanName:
        """What the user pays for."""
        ...

    @property
    def status(self) -> str:
        """How the payment stands, in Stripe's words."""
        ...

    @property
    def anchor(self) -> datetime:
        """The moment that all periods are counted from."""
        ...


class Subscriber(Protocol):
    """A user's profile, as far as metering looks at it."""

    @property
    def subscription(self) -> Subscription:
        """The subscription."""
        ...


class Subscribers(Protocol):
    """Where subscriptions are found; `profiles.service.ProfileService` is one."""

    async def get(self, user_id: UserId) -> Subscriber:
        """Return the user's profile."""
        ...


class AccountReader(Protocol):
    """Where accounts are found."""

    async def get(self, user_id: UserId) -> User:
        """Return the account."""
        ...


@dataclass(frozen=True, slots=True)
class Terms:
    """What a user's calls are metered under at this moment."""

    user_id: UserId
    plan: Plan
    anchor: datetime
    barred: RefusalReason | None = None

    def period_at(self, moment: datetime) -> Period:
        """Return the period that the moment belongs to; what was before the anchor belongs to the first.

        Each month before it would otherwise be a plan of its own, for anybody who dates a call back.
        """
        return period_at(self.anchor, max(moment, self.anchor))


def terms_of(user: User, subscription: Subscription) -> Terms:
    """Return what the user's calls are metered under."""
    return terms_from(
        user.id, user.status, plan=subscription.plan, status=subscription.status, anchor=subscription.anchor
    )


def terms_from(user_id: UserId, account: UserStatus, *, plan: PlanName, status: str, anchor: datetime) -> Terms:
    """Return the same from the few facts that it takes: how the account and the payment stand, plan and anchor."""
    barred = None
    if account is UserStatus.SUSPENDED:
        barred = RefusalReason.ACCOUNT_SUSPENDED
    elif status not in _PAYING:
        barred = RefusalReason.SUBSCRIPTION_INACTIVE
    return Terms(user_id, PLANS[plan], anchor, barred)


class TermsReader:
    """Reads them anew each time, so that a change of plan or a suspension takes effect at a call's next step."""

    def __init__(self, accounts: AccountReader, subscribers: Subscribers) -> None:
        self._accounts = accounts
        self._subscribers = subscribers

    async def of(self, user_id: UserId) -> Terms:
        """Return what the user's calls are metered under now."""
        user = await self._accounts.get(user_id)
        subscriber = await self._subscribers.get(user_id)
        return terms_of(user, subscriber.subscription)
