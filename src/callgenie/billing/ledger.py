"""The usage ledger: one document for each user's period, changed only by writes that can be repeated.

The shape is RFC 8506's: units are granted ahead of their use, renewed, and settled at the end. Each step is one
update of one document, so it needs no transaction, and each either finds its own traces or consumes a hold, so a
worker that did not hear the answer may simply send it again. Limits are not stored: they come with each step, and a
change of plan takes effect at the next one.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.billing import pipelines
from callgenie.billing.models import (
    CarriedOver,
    Granted,
    Hold,
    LedgerPeriod,
    MeteredCall,
    MeteredPeriod,
    RefusalReason,
    Refused,
    Standing,
    period_key,
)
from callgenie.billing.plans import Plan
from callgenie.billing.queues import WriteQueues
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying

Document = dict[str, Any]

# Reading everybody's periods is an operator's command, not part of any request.
_ALL_PERIODS_SECONDS: Final = 120.0

# Without `gone`: a busy user's document remembers many calls, and no reader needs more than one of them.
STANDING_FIELDS: Final = {"calls": 1, "seconds": 1, "held": 1, "holds": 1}


class UsageLedger:
    """Grants, extends and settles seconds; the only code that writes the `usage` collection."""

    def __init__(self, db: AsyncDatabase[Document], moved: Callable[[MeteredCall], None] = lambda _call: None) -> None:
        """Keep usage in `db`. `moved` is told of every call that was settled or refused; it must be quick."""
        self._usage = db["usage"]
        self._queues = WriteQueues()
        self._moved = moved

    async def admit(
        self, call: MeteredCall, plan: Plan, *, admit_by: datetime, takes_call: bool = True
    ) -> Granted | Refused:
        """Hold the first seconds of a live call; again: the hold that is there.

        `admit_by` is a moment by the database's clock, less than `pipelines.GONE_SECONDS` after the call began. The
        rest of a call that has counted before takes seconds and a line, and none of the plan's calls.
        """
        asked = plan if takes_call else replace(plan, calls=None)
        steps = pipelines.admit(_owner(call), call, asked, admit_by=admit_by, calls=int(takes_call))
        return await self._place(call, steps, asked)

    async def admit_recorded(
        self, call: MeteredCall, plan: Plan, *, duration: int, admit_by: datetime
    ) -> Granted | Refused:
        """Hold what still fits the plan of a call that is over already; again: the hold that is there."""
        steps = pipelines.admit_recorded(_owner(call), call, plan, duration=duration, admit_by=admit_by)
        return await self._place(call, steps, None)

    async def extend(self, call: MeteredCall, plan: Plan, *, total_seconds: int) -> Hold | None:
        """Raise a hold to `total_seconds` in all as far as the plan allows, and renew its lease.

        Returns None when there is no hold: the call was settled or let go by somebody else.
        """
        steps = pipelines.extend(_owner(call), call, plan, total_seconds=total_seconds)
        return _hold_of(await self._update(call, steps, {f"holds.{call.hold_key}": 1}), call)

    async def settle(self, call: MeteredCall, *, billable_seconds: int, counted: bool) -> None:
        """Turn the call's hold into usage; again, or without a hold: nothing is counted.

        The id is remembered even without a hold, so that an admission still on its way finds the door closed.
        """
        steps = pipelines.settle(_owner(call), call, billable_seconds=billable_seconds, counted=counted)
        await self._update(call, steps, {"_id": 1})
        self._moved(call)

    async def carry_over(self, period: MeteredPeriod, plan: Plan, *, calls: int, seconds: int) -> CarriedOver:
        """Count calls and seconds from before a migration as far as they fit the plan; again: nothing is added.

        The figures are those of the whole period. A larger one later takes the place of the earlier one.
        """
        steps = pipelines.carry_over(ObjectId(period.user_id), period, plan, calls=calls, seconds=seconds)
        carried = (await self._update(period, steps, {"carried": 1}))["carried"]
        return CarriedOver(carried["calls"], carried["seconds"])

    async def hold_of(self, call: MeteredCall) -> Hold | None:
        """Return the call's hold, or None."""
        wanted = {f"holds.{call.hold_key}": 1}
        document = await retrying(lambda: self._usage.find_one({"_id": call.period_key}, wanted))
        return _hold_of(document or {}, call)

    async def standing(self, user_id: UserId, period_start: datetime) -> Standing:
        """Return what is used and held in the period; a period without a document is unused."""
        key = period_key(user_id, period_start)
        document = await retrying(lambda: self._usage.find_one({"_id": key}, STANDING_FIELDS))
        return standing_of(document or {})

    async def periods(self, user_id: UserId | None = None) -> list[LedgerPeriod]:
        """Return every period of the user's, or of every user's."""
        owned = {} if user_id is None else {"userId": ObjectId(user_id)}

        async def read() -> list[Document]:
            return await self._usage.find(owned, {"gone": 0}).to_list()

        return [
            LedgerPeriod(
                user_id=UserId(str(found["userId"])),
                start=found["periodStart"],
                standing=standing_of(found),
                holds={SessionId(hold["sessionId"]): hold["seconds"] for hold in found["holds"].values()},
            )
            for found in await retrying(read, seconds=_ALL_PERIODS_SECONDS)
        ]

    async def find_expired_of_any_user(self, limit: int) -> list[MeteredCall]:
        """Return calls of whichever users whose hold's lease has run out by the database's clock."""
        expired = {"$lt": ["$nextExpiryAt", "$$NOW"]}
        steps: list[Document] = [
            {"$match": {"nextExpiryAt": {"$type": "date"}, "$expr": expired}},
            {"$set": {"hold": {"$objectToArray": "$holds"}}},
            {"$unwind": "$hold"},
            {"$match": {"$expr": {"$lt": ["$hold.v.expiresAt", "$$NOW"]}}},
            {"$limit": limit},
            {"$project": {"userId": 1, "periodStart": 1, "sessionId": "$hold.v.sessionId"}},
        ]

        async def read() -> list[Document]:
            return await (await self._usage.aggregate(steps)).to_list()

        return [
            MeteredCall(UserId(str(found["userId"])), found["periodStart"], SessionId(found["sessionId"]))
            for found in await retrying(read)
        ]

    async def _place(self, call: MeteredCall, steps: list[pipelines.Stage], plan: Plan | None) -> Granted | Refused:
        document = await self._update(call, steps, {**STANDING_FIELDS, "gone": {"$elemMatch": {"id": call.hold_key}}})
        hold = _hold_of(document, call)
        if hold is not None:
            return Granted(hold)
        # The update refused by changing nothing, so the document it returned is the one it judged.
        if document.get("gone"):
            return Refused(RefusalReason.ALREADY_SETTLED)
        self._moved(call)
        limit = None if plan is None else standing_of(document).refusal(plan)
        return Refused(limit or RefusalReason.TOO_LATE)

    async def _update(
        self, call: MeteredCall | MeteredPeriod, steps: list[pipelines.Stage], shown: Document
    ) -> Document:
        async def update() -> Document:
            written: Document = await self._usage.find_one_and_update(  # type: ignore[assignment] # upsert: never None
                {"_id": call.period_key}, steps, shown, upsert=True, return_document=ReturnDocument.AFTER
            )
            return written

        async def update_or_insert() -> Document:
            try:
                return await update()
            except DuplicateKeyError:
                # Two first calls of a period raced to insert its document; now that it is there, nobody can lose.
                return await update()

        return await self._queues.run(call.period_key, update_or_insert)


def _owner(call: MeteredCall) -> ObjectId:
    return ObjectId(call.user_id)


def _hold_of(document: Mapping[str, Any], call: MeteredCall) -> Hold | None:
    hold = document.get("holds", {}).get(call.hold_key)
    return None if hold is None else Hold(hold["seconds"], hold["calls"], hold["live"])


def standing_of(document: Mapping[str, Any]) -> Standing:
    """Return what a usage document says; without one nothing is used."""
    holds = list(document.get("holds", {}).values())
    return Standing(
        calls=document.get("calls", 0),
        seconds=document.get("seconds", 0),
        held_calls=sum(hold["calls"] for hold in holds),
        held_seconds=document.get("held", 0),
        live_calls=sum(1 for hold in holds if hold["live"]),
    )
