"""Users with plans, in memory: what metering asks of accounts and profiles, without passwords."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from callgenie.billing.terms import TermsReader
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName, UserRole, UserStatus
from callgenie.profiles.models import Business, Preferences, Profile, Subscription, SubscriptionStatus
from callgenie.users.errors import UserNotFoundError
from callgenie.users.models import User

SIGNED_UP = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


class AccountBook:
    """Answers `billing.terms.AccountReader`."""

    def __init__(self) -> None:
        self.users: dict[UserId, User] = {}

    async def get(self, user_id: UserId) -> User:
        try:
            return self.users[user_id]
        except KeyError:
            raise UserNotFoundError from None


class ProfileBook:
    """Answers `billing.terms.Subscribers` and `calls.desk.Profiles`."""

    def __init__(self) -> None:
        self.profiles: dict[UserId, Profile] = {}

    async def get(self, user_id: UserId) -> Profile:
        return self.profiles[user_id]


class Customers:
    """Makes users, and changes what they pay for."""

    def __init__(self) -> None:
        self.accounts = AccountBook()
        self.profiles = ProfileBook()
        self.terms = TermsReader(self.accounts, self.profiles)

    def add(self, plan: PlanName = PlanName.FREE, *, anchor: datetime = SIGNED_UP) -> UserId:
        user_id = UserId(str(ObjectId()))
        self.accounts.users[user_id] = User(
            id=user_id,
            email=f"{user_id}@example.com",
            name="Owner",
            phone=None,
            role=UserRole.USER,
            status=UserStatus.ACTIVE,
            email_verified=True,
            created_at=anchor,
        )
        self.profiles.profiles[user_id] = Profile(
            user_id, Preferences(), Business(company="Bakery"), Subscription(anchor=anchor, plan=plan), version=1
        )
        return user_id

    def change_plan(self, user_id: UserId, plan: PlanName) -> None:
        profile = self.profiles.profiles[user_id]
        self.profiles.profiles[user_id] = replace(profile, subscription=replace(profile.subscription, plan=plan))

    def change_business(self, user_id: UserId, **changes: Any) -> None:
        profile = self.profiles.profiles[user_id]
        self.profiles.profiles[user_id] = replace(profile, business=replace(profile.business, **changes))

    def choose(self, user_id: UserId, **preferences: Any) -> None:
        profile = self.profiles.profiles[user_id]
        self.profiles.profiles[user_id] = replace(profile, preferences=replace(profile.preferences, **preferences))

    def cancel(self, user_id: UserId) -> None:
        profile = self.profiles.profiles[user_id]
        ended = replace(profile.subscription, status=SubscriptionStatus.CANCELED)
        self.profiles.profiles[user_id] = replace(profile, subscription=ended)

    def unsuspend(self, user_id: UserId) -> None:
        self.accounts.users[user_id] = replace(self.accounts.users[user_id], status=UserStatus.ACTIVE)

    def suspend(self, user_id: UserId) -> None:
        self.accounts.users[user_id] = replace(self.accounts.users[user_id], status=UserStatus.SUSPENDED)
