"""Calls for tests of the ledger alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.billing.models import Granted, MeteredCall, Refused
from callgenie.kernel.ids import SessionId, UserId

PERIOD = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def new_user() -> UserId:
    return UserId(str(ObjectId()))


def metered(user_id: UserId, name: str = "CA1", period: datetime = PERIOD) -> MeteredCall:
    return MeteredCall(user_id, period, SessionId(name))


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=20)


def past() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def seconds_of(answer: Granted | Refused) -> int:
    assert isinstance(answer, Granted), answer
    return answer.seconds


async def usage_document(db: AsyncDatabase[dict[str, Any]], call: MeteredCall) -> dict[str, Any]:
    found = await db.usage.find_one({"_id": call.period_key})
    assert found is not None
    return found
