import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.metered_calls import PERIOD, metered, new_user, soon

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted, Standing
from callgenie.billing.plans import PLANS, Plan
from callgenie.kernel.vocabulary import PlanName

Db = AsyncDatabase[dict[str, Any]]
FREE, BASIC, PREMIUM = PLANS[PlanName.FREE], PLANS[PlanName.BASIC], PLANS[PlanName.PREMIUM]


class Watch:
    """Reads one user's usage again and again, and keeps what broke a limit."""

    def __init__(self, db: Db, key: str, plan: Plan) -> None:
        self._usage = db.usage
        self._key = key
        self._plan = plan
        self.reads = 0
        self.broken: list[dict[str, Any]] = []

    async def run(self) -> None:
        while True:
            document = await self._usage.find_one({"_id": self._key})
            if document is not None:
                self.reads += 1
                if self._breaks(document):
                    self.broken.append(document)
            await asyncio.sleep(0)

    def _breaks(self, document: dict[str, Any]) -> bool:
        holds = document["holds"].values()
        return (
            document["held"] != sum(hold["seconds"] for hold in holds)
            or len(holds) > self._plan.concurrent
            or (self._plan.calls is not None and document["calls"] + len(holds) > self._plan.calls)
            or (self._plan.seconds is not None and document["seconds"] + document["held"] > self._plan.seconds)
        )


@pytest.mark.parametrize("plan", [FREE, BASIC, PREMIUM], ids=lambda plan: plan.name)
async def test_fifty_calls_at_once_get_no_more_than_the_plan_has(ledger: UsageLedger, plan: Plan) -> None:
    user = new_user()
    answers = await asyncio.gather(
        *(ledger.admit(metered(user, f"CA{number}"), plan, admit_by=soon()) for number in range(50))
    )
    admitted = [answer for answer in answers if isinstance(answer, Granted)]
    assert len(admitted) == plan.concurrent
    standing = await ledger.standing(user, PERIOD)
    assert (standing.live_calls, standing.held_seconds) == (plan.concurrent, 60 * plan.concurrent)


async def test_the_last_seconds_are_shared_and_never_given_twice(ledger: UsageLedger) -> None:
    user, plan = new_user(), replace(BASIC, seconds=150, concurrent=50)
    answers = await asyncio.gather(
        *(ledger.admit(metered(user, f"CA{number}"), plan, admit_by=soon()) for number in range(50))
    )
    granted = sorted(answer.seconds for answer in answers if isinstance(answer, Granted))
    assert granted == [30, 60, 60]


async def test_no_limit_is_ever_passed_while_fifty_workers_admit_extend_and_settle(
    database: Db, ledger: UsageLedger
) -> None:
    user, plan = new_user(), replace(BASIC, calls=120, seconds=4_000, concurrent=7)
    chance = random.Random(7)  # noqa: S311 -- chance that can be repeated
    billed: list[int] = []
    calls = iter(range(600))

    async def worker() -> None:
        for number in calls:
            call = metered(user, f"CA{number}")
            if not isinstance(await ledger.admit(call, plan, admit_by=soon()), Granted):
                continue
            hold = await ledger.extend(call, plan, total_seconds=chance.randrange(60, 140))
            assert hold is not None
            seconds = chance.randrange(hold.seconds + 1)
            await asyncio.gather(*(ledger.settle(call, billable_seconds=seconds, counted=True) for _ in range(2)))
            billed.append(seconds)

    watch = Watch(database, metered(user).period_key, plan)
    # Several, because each waits for a connection like the workers do.
    watching = [asyncio.create_task(watch.run()) for _ in range(8)]
    await asyncio.gather(*(worker() for _ in range(50)))
    for task in watching:
        task.cancel()
    assert watch.broken == []
    assert watch.reads > 50
    assert await ledger.standing(user, PERIOD) == Standing(calls=len(billed), seconds=sum(billed))
    assert len(billed) > 20


async def test_first_calls_of_a_period_that_race_all_find_its_document(ledger: UsageLedger) -> None:
    for _ in range(10):
        user = new_user()
        answers = await asyncio.gather(
            *(ledger.admit(metered(user, f"CA{number}"), PREMIUM, admit_by=soon()) for number in range(10))
        )
        assert all(isinstance(answer, Granted) for answer in answers)
