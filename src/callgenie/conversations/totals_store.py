"""Sums over the record, for comparing it with the ledger."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import LIVE_STATUSES, CallStatus
from callgenie.mongo.client import retrying

# The whole history is read: an operator's command, not part of any request.
_SECONDS_MAX: Final = 120.0

_SECONDS: Final[Document] = {"$ifNull": ["$billableSeconds", 0]}
_CALLS: Final[Document] = {"$cond": ["$counted", 1, 0]}

# What a call can end as.
OUTCOMES: Final = tuple(status for status in CallStatus if status not in LIVE_STATUSES)


@dataclass(frozen=True, slots=True)
class PeriodTotals:
    """What the record says of one user's period. A call is unsettled while its lease stands."""

    calls: int = 0
    seconds: int = 0
    unsettled_calls: int = 0
    unsettled_seconds: int = 0
    open_sessions: frozenset[SessionId] = frozenset()


@dataclass(slots=True)
class SpanTotals:
    """What the record says of the calls that began in one stretch of time."""

    outcomes: dict[CallStatus, int]
    calls: int = 0
    seconds: int = 0


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

    async def between(self, user_id: UserId, bounds: Sequence[datetime]) -> Sequence[SpanTotals]:
        """Return the totals of each stretch from one bound up to, and not including, the next.

        Bounds are whole quarters of an hour, as every midnight of every time zone is. The database adds up by those:
        asked to look each call's bound up in a list, it takes a hundred times as long for a year.
        """
        quarter = {"$dateTrunc": {"date": "$startedAt", "unit": "minute", "binSize": 15}}
        key = {"quarter": quarter, "status": "$status"}
        steps: list[Document] = [
            {"$match": {"userId": ObjectId(user_id), "startedAt": {"$gte": bounds[0], "$lt": bounds[-1]}}},
            {"$group": {"_id": key, "ended": {"$sum": 1}, "calls": {"$sum": _CALLS}, "seconds": {"$sum": _SECONDS}}},
        ]

        async def read() -> list[Document]:
            return await (await self._conversations.aggregate(steps)).to_list()

        spans = [SpanTotals(dict.fromkeys(OUTCOMES, 0)) for _ in bounds[1:]]
        for found in await retrying(read):
            span = spans[bisect_right(bounds, found["_id"]["quarter"]) - 1]
            span.calls += found["calls"]
            span.seconds += found["seconds"]
            status = CallStatus(found["_id"]["status"])
            if status in span.outcomes:
                span.outcomes[status] += found["ended"]
        return spans


def _totals() -> Document:
    is_open = {"$eq": [{"$type": "$leaseUntil"}, "date"]}

    def total(value: Any, *, unsettled: bool) -> Document:
        return {"$sum": {"$cond": [is_open, value, 0] if unsettled else [is_open, 0, value]}}

    return {
        "_id": {"userId": "$userId", "periodStart": "$periodStart"},
        "calls": total(_CALLS, unsettled=False),
        "seconds": total(_SECONDS, unsettled=False),
        "unsettledCalls": total(_CALLS, unsettled=True),
        "unsettledSeconds": total(_SECONDS, unsettled=True),
        "open": {"$addToSet": {"$cond": [is_open, "$sessionId", None]}},
    }
