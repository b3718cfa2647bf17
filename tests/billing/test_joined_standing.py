"""The limit check in one question says what it says in three."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.accounts import MovableClock, make_services

from callgenie.billing.joined_store import JoinedStore
from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import MeteredPeriod
from callgenie.billing.plans import PLANS
from callgenie.billing.service import UsageService
from callgenie.billing.terms import TermsReader
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.users.errors import UserNotFoundError

Db = AsyncDatabase[dict[str, Any]]
Change = Callable[[Db, UserId, MovableClock], Awaitable[object]]


async def nothing(_db: Db, _user: UserId, _clock: MovableClock) -> None:
    pass


async def used(db: Db, user: UserId, clock: MovableClock) -> None:
    period = (await TermsReader(make_services(db).users, make_services(db).profiles).of(user)).period_at(clock.now())
    await UsageLedger(db).carry_over(MeteredPeriod(user, period.start), PLANS[PlanName.FREE], calls=10, seconds=77)


async def used_a_period_ago(db: Db, user: UserId, clock: MovableClock) -> None:
    await used(db, user, clock)
    clock.move(days=40)


async def anchored_anew(db: Db, user: UserId, clock: MovableClock) -> None:
    await used(db, user, clock)
    clock.move(days=10)
    anchor = clock.now() - timedelta(days=15)
    await db.userprofiles.update_one({"userId": ObjectId(user)}, {"$set": {"subscription.anchor": anchor}})


async def suspended(db: Db, user: UserId, _clock: MovableClock) -> None:
    await db.users.update_one({"_id": ObjectId(user)}, {"$set": {"status": "suspended"}})


async def canceled(db: Db, user: UserId, _clock: MovableClock) -> None:
    change = {"subscription.status": "canceled", "subscription.plan": "premium"}
    await db.userprofiles.update_one({"userId": ObjectId(user)}, {"$set": change})


async def without_a_profile(db: Db, user: UserId, _clock: MovableClock) -> None:
    await db.userprofiles.delete_one({"userId": ObjectId(user)})


@pytest.mark.parametrize(
    "change", [nothing, used, used_a_period_ago, anchored_anew, suspended, canceled, without_a_profile]
)
async def test_one_question_is_answered_as_three_are(database: Db, change: Change) -> None:
    clock = MovableClock()
    services: SimpleNamespace = make_services(database, clock=clock)
    user, _ = await services.sign_up.register(email="o@example.com", password="correct horse", name="O")
    await change(database, user.id, clock)
    terms = TermsReader(services.users, services.profiles)
    joined = UsageService(UsageLedger(database), terms, clock, JoinedStore(database))
    found = await joined.check(user.id)
    assert found == await UsageService(UsageLedger(database), terms, clock).check(user.id)
    assert found.allowed is (change not in {used, suspended, canceled})
    services.hasher.close()


@pytest.mark.parametrize("nobody", ["65f000000000000000000000", "no id at all"])
async def test_nobody_has_no_usage(database: Db, nobody: str) -> None:
    clock = MovableClock()
    services = make_services(database, clock=clock)
    terms = TermsReader(services.users, services.profiles)
    with pytest.raises(UserNotFoundError):
        await UsageService(UsageLedger(database), terms, clock, JoinedStore(database)).check(UserId(nobody))
    services.hasher.close()
