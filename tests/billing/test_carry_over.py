"""What a period had used before a migration."""

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.lost_answers import lost_answers
from tests.support.metered_calls import PERIOD, metered, new_user, soon

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import CarriedOver, MeteredPeriod
from callgenie.billing.plans import PLANS
from callgenie.kernel.vocabulary import PlanName

FREE, ENTERPRISE = PLANS[PlanName.FREE], PLANS[PlanName.ENTERPRISE]
Db = AsyncDatabase[dict[str, Any]]


async def used(ledger: UsageLedger, period: MeteredPeriod) -> tuple[int, int]:
    standing = await ledger.standing(period.user_id, period.period_start)
    return standing.calls, standing.seconds


async def test_what_was_used_before_is_counted_once_however_often_it_is_said(ledger: UsageLedger) -> None:
    period = MeteredPeriod(new_user(), PERIOD)
    for _ in range(3):
        assert await ledger.carry_over(period, FREE, calls=4, seconds=200) == CarriedOver(4, 200)
    assert await used(ledger, period) == (4, 200)


async def test_a_larger_figure_takes_the_place_of_the_earlier_one(ledger: UsageLedger) -> None:
    period = MeteredPeriod(new_user(), PERIOD)
    await ledger.carry_over(period, FREE, calls=4, seconds=200)
    assert await ledger.carry_over(period, FREE, calls=5, seconds=260) == CarriedOver(5, 260)
    assert await used(ledger, period) == (5, 260)


async def test_no_more_is_counted_than_the_plan_has_left_beside_running_calls(ledger: UsageLedger) -> None:
    user = new_user()
    await ledger.admit(metered(user), FREE, admit_by=soon())
    period = MeteredPeriod(user, PERIOD)
    assert await ledger.carry_over(period, FREE, calls=12, seconds=9_000) == CarriedOver(9, 1_740)
    assert await ledger.carry_over(period, ENTERPRISE, calls=12, seconds=9_000) == CarriedOver(12, 9_000)


async def test_what_was_counted_stays_when_later_calls_have_filled_the_plan(ledger: UsageLedger) -> None:
    user = new_user()
    period = MeteredPeriod(user, PERIOD)
    await ledger.carry_over(period, FREE, calls=9, seconds=1_700)
    call = metered(user)
    await ledger.admit(call, FREE, admit_by=soon())
    await ledger.settle(call, billable_seconds=60, counted=True)
    assert await ledger.carry_over(period, FREE, calls=9, seconds=1_700) == CarriedOver(9, 1_700)
    assert await used(ledger, period) == (10, 1_760)


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_lost_answer_counts_nothing_twice(database: Db, lost: int) -> None:
    ledger, period = UsageLedger(database), MeteredPeriod(new_user(), PERIOD)
    async with lost_answers(database, "findAndModify", times=lost):
        assert await ledger.carry_over(period, FREE, calls=4, seconds=200) == CarriedOver(4, 200)
    assert await used(ledger, period) == (4, 200)
