"""The users of a run, made over HTTP while nothing is broken yet."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from tests.faults.workers import Worker
from tests.faults.workload import PASSWORD, Owner

from callgenie.billing.periods import period_at
from callgenie.billing.plans import PLANS
from callgenie.kernel.vocabulary import PlanName
from callgenie.numbers.service import NumberPool
from callgenie.numbers.store import NumberStore

OWNERS = 3
RACERS = 6
# Fewer than the racers: some must be refused, and nobody may get another's.
NUMBERS_TO_RACE_FOR = 4
UNLIMITED = 10**9
_SECONDS_LEFT = 240


async def open_office(
    worker: Worker, db: AsyncDatabase[dict[str, Any]], *, period_ends_in_seconds: float | None = None
) -> tuple[list[Owner], list[Owner]]:
    """Sign everybody up; return the owners, who have a number each, and the racers, who want one.

    The first owner has a free plan, whose calls they soon use up; the second has few seconds left of a larger one; the
    third has room. With `period_ends_in_seconds` all periods end that soon.
    """
    pool = NumberPool(NumberStore(db))
    await pool.import_numbers([f"+1415555{number:04}" for number in range(100, 100 + OWNERS)])
    async with httpx.AsyncClient(base_url=worker.url, timeout=30, trust_env=False) as http:
        owners = [
            await _sign_up(http, db, f"owner{number}@example.com", PlanName.BASIC if number else PlanName.FREE)
            for number in range(OWNERS)
        ]
        owners = [await _with_number(http, owner) for owner in owners]
        await pool.import_numbers([f"+1415555{number:04}" for number in range(200, 200 + NUMBERS_TO_RACE_FOR)])
        racers = await asyncio.gather(
            *(_sign_up(http, db, f"racer{number}@example.com", PlanName.FREE) for number in range(RACERS))
        )
        if period_ends_in_seconds is not None:
            await _let_periods_end(db, datetime.now(UTC) + timedelta(seconds=period_ends_in_seconds))
        await _use_up(http, owners[1])
    return owners, list(racers)


async def _sign_up(http: httpx.AsyncClient, db: AsyncDatabase[dict[str, Any]], email: str, name: PlanName) -> Owner:
    body = {"email": email, "password": PASSWORD, "name": email.split("@", maxsplit=1)[0]}
    answer = (await http.post("/api/auth/register", json=body)).raise_for_status().json()
    owner_id = ObjectId(answer["user"]["id"])
    await db["userprofiles"].update_one({"userId": owner_id}, {"$set": {"subscription.plan": name.value}})
    plan = PLANS[name]
    return Owner(
        user_id=answer["user"]["id"],
        email=email,
        token=answer["accessToken"],
        number=None,
        limit_calls=UNLIMITED if plan.calls is None else plan.calls,
        limit_seconds=UNLIMITED if plan.seconds is None else plan.seconds,
        limit_concurrent=plan.concurrent,
    )


async def _with_number(http: httpx.AsyncClient, owner: Owner) -> Owner:
    response = await http.post("/api/user/assign-phone", json={}, headers={"Authorization": f"Bearer {owner.token}"})
    number: str = response.raise_for_status().json()["phoneNumber"]
    return replace(owner, number=number)


async def _use_up(http: httpx.AsyncClient, owner: Owner) -> None:
    """Record a call that left only as many seconds as some half a minute of the run uses."""
    body = {
        "sessionId": "recorded before it all",
        "phoneNumber": "+14155550188",
        "userMessage": "question before it all",
        "aiResponse": "answer before it all",
        "status": "completed",
        "duration": owner.limit_seconds - _SECONDS_LEFT,
    }
    headers = {"Authorization": f"Bearer {owner.token}"}
    (await http.post("/api/user/conversations", json=body, headers=headers)).raise_for_status()


async def _let_periods_end(db: AsyncDatabase[dict[str, Any]], ends: datetime) -> None:
    """Anchor everybody's periods so that one ends then; nothing has been counted yet."""
    # Days past the 28th are cut down in short months, so that a period need not end on the day of its anchor.
    anchor = next(
        anchor
        for months in range(1, 25)
        for anchor in [_months_before(ends, months)]
        if anchor is not None and period_at(anchor, ends).start == ends
    )
    await db["userprofiles"].update_many({}, {"$set": {"subscription.anchor": anchor}})


def _months_before(moment: datetime, months: int) -> datetime | None:
    years, month = divmod(moment.month - 1 - months, 12)
    try:
        return moment.replace(year=moment.year + years, month=month + 1)
    except ValueError:
        return None
