"""Sums over the record, for comparing it with the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying

# The whole history is read: an operator's command, not part of any request.
_SECONDS_MAX: Final = 120.0


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """What the record says of one user's period. A call is unsettled while its lease stands."""

    calls: int = 0
    seconds: int = 0
    unsettled_calls: int = 0
    unsettled_seconds: int = 0
    open_sessions: frozenset[SessionId] = frozenset()


class TotalsStore:
    """Adds up what is billable."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def by_period(self, user_id: UserId | None = None) -> Mapping[tuple[UserId, datetime], PeriodTotals]:
        """Return the totals of the user's periods, or of those of every user."""
        owned = {} if user_id is None else {"userId": ObjectId(user_id)}
        steps: list[Document] = [{"$match": owned}, {"$group": _totals()}]

        async def read() -> list[Document]:
            return await (await self._conversations.aggregate(steps, allowDiskUse=True)).to_list()

        return {
            (UserId(str(found["_id"]["userId"])), found["_id"]["periodStart"]): PeriodTotals(
                calls=found["calls"],
                seconds=found["seconds"],
                unsettled_calls=found["unsettledCalls"],
                unsettled_seconds=found["unsettledSeconds"],
                open_sessions=frozenset(SessionId(name) for name in found["open"] if name is not None),
            )
            for found in await retrying(read, seconds=_SECONDS_MAX)
        }


def _totals() -> Document:
    is_open = {"$eq": [{"$type": "$leaseUntil"}, "date"]}
    seconds, calls = {"$ifNull": ["$billableSeconds", 0]}, {"$cond": ["$counted", 1, 0]}

    def total(value: Any, *, unsettled: bool) -> Document:
        return {"$sum": {"$cond": [is_open, value, 0] if unsettled else [is_open, 0, value]}}

    return {
        "_id": {"userId": "$userId", "periodStart": "$periodStart"},
        "calls": total(calls, unsettled=False),
        "seconds": total(seconds, unsettled=False),
        "unsettledCalls": total(calls, unsettled=True),
        "unsettledSeconds": total(seconds, unsettled=True),
        "open": {"$addToSet": {"$cond": [is_open, "$sessionId", None]}},
    }
