from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.customers import Customers
from tests.support.metered_calls import metered, soon
from tests.support.metering import SetClock

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import RefusalReason
from callgenie.billing.plans import PLANS
from callgenie.billing.schemas import UsageView
from callgenie.billing.service import UsageService
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.users.errors import UserNotFoundError

Db = AsyncDatabase[dict[str, Any]]


@pytest.fixture
def customers() -> Customers:
    return Customers()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 3, 1, tzinfo=UTC))


@pytest.fixture
def usage(ledger: UsageLedger, customers: Customers, clock: SetClock) -> UsageService:
    return UsageService(ledger, customers.terms, clock)


async def spend(ledger: UsageLedger, usage: UsageService, user: UserId, seconds: int) -> None:
    period = (await usage.check(user)).period
    call = metered(user, f"spent-{seconds}", period.start)
    await ledger.admit_recorded(call, PLANS[PlanName.ENTERPRISE], duration=seconds, admit_by=soon())
    await ledger.settle(call, billable_seconds=seconds, counted=True)


async def test_a_new_user_may_use_the_whole_free_plan(usage: UsageService, customers: Customers, database: Db) -> None:
    user = customers.add()
    shown = UsageView.of(await usage.check(user)).model_dump(mode="json")
    assert shown == {
        "allowed": True,
        "reason": None,
        "plan": "free",
        "period": {"start": "2026-02-28T09:30:00Z", "end": "2026-03-31T09:30:00Z"},
        "resetsAt": "2026-03-31T09:30:00Z",
        "calls": {"limit": 10, "used": 0, "active": 0, "remaining": 10},
        "minutes": {"limit": 30, "used": 0, "held": 0, "remaining": 30},
        "seconds": {"limit": 1800, "used": 0, "held": 0, "remaining": 1800},
    }
    assert await database.usage.count_documents({}) == 0


async def test_what_is_used_and_held_is_told_in_minutes_and_seconds(
    usage: UsageService, customers: Customers, ledger: UsageLedger
) -> None:
    user = customers.add(PlanName.BASIC)
    await spend(ledger, usage, user, 100)
    period = (await usage.check(user)).period
    await ledger.admit(metered(user, "running", period.start), PLANS[PlanName.BASIC], admit_by=soon())
    view = UsageView.of(await usage.check(user))
    assert view.calls.model_dump() == {"limit": 100, "used": 1, "active": 1, "remaining": 98}
    assert view.seconds.model_dump() == {"limit": 18_000, "used": 100, "held": 60, "remaining": 17_840}
    assert view.minutes.model_dump() == {"limit": 300, "used": 1.67, "held": 1, "remaining": 297.33}
    assert view.allowed


async def test_unlimited_is_null(usage: UsageService, customers: Customers) -> None:
    view = UsageView.of(await usage.check(customers.add(PlanName.ENTERPRISE)))
    assert (view.calls.limit, view.calls.remaining) == (None, None)
    assert (view.minutes.limit, view.minutes.remaining) == (None, None)
    assert (view.seconds.limit, view.seconds.remaining) == (None, None)
    assert view.allowed


async def test_what_check_says_is_what_the_ledger_does(
    usage: UsageService, customers: Customers, ledger: UsageLedger
) -> None:
    user, plan = customers.add(), PLANS[PlanName.FREE]
    period = (await usage.check(user)).period
    running = metered(user, "running", period.start)
    await ledger.admit(running, plan, admit_by=soon())
    assert (await usage.check(user)).reason is RefusalReason.CONCURRENCY_LIMIT_REACHED
    await ledger.settle(running, billable_seconds=60, counted=True)
    assert (await usage.check(user)).allowed
    await spend(ledger, usage, user, 1_740)
    assert (await usage.check(user)).reason is RefusalReason.MINUTE_LIMIT_REACHED
    for number in range(8):
        await spend(ledger, usage, user, number)
    assert (await usage.check(user)).reason is RefusalReason.CALL_LIMIT_REACHED


async def test_a_new_period_starts_with_nothing_used(
    usage: UsageService, customers: Customers, ledger: UsageLedger, clock: SetClock
) -> None:
    user = customers.add()
    await spend(ledger, usage, user, 1_800)
    clock.time = (await usage.check(user)).period.end
    fresh = await usage.check(user)
    assert (fresh.allowed, fresh.standing.seconds, fresh.period.start) == (True, 0, clock.time)


async def test_a_hold_whose_lease_ran_out_counts_until_it_is_swept(
    usage: UsageService, customers: Customers, ledger: UsageLedger, database: Db
) -> None:
    user = customers.add()
    period = (await usage.check(user)).period
    await ledger.admit(metered(user, "dead", period.start), PLANS[PlanName.FREE], admit_by=soon())
    await database.usage.update_many({}, {"$set": {"nextExpiryAt": datetime(2020, 1, 1, tzinfo=UTC)}})
    assert (await usage.check(user)).reason is RefusalReason.CONCURRENCY_LIMIT_REACHED


async def test_a_suspended_account_and_an_ended_subscription_are_refused(
    usage: UsageService, customers: Customers
) -> None:
    suspended, ended = customers.add(), customers.add(PlanName.PREMIUM)
    customers.suspend(suspended)
    customers.cancel(ended)
    assert (await usage.check(suspended)).reason is RefusalReason.ACCOUNT_SUSPENDED
    assert (await usage.check(ended)).reason is RefusalReason.SUBSCRIPTION_INACTIVE


async def test_nobody_has_no_usage(usage: UsageService) -> None:
    with pytest.raises(UserNotFoundError):
        await usage.check(UserId("0" * 24))
