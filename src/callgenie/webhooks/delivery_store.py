"""Where deliveries wait and are remembered: collection `webhookdeliveries`. Times of the queue are the server's.

What is sent is not in it: a conversation that is deleted is in no queue either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, ReturnDocument, UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError

from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import only_when_new, retrying
from callgenie.webhooks.models import Attempt, Delivery, DeliveryState, NewEvent
from callgenie.webhooks.posting import Answer

Document = dict[str, Any]

# The last attempts are what an owner looks for.
LOG_MAX: Final = 20

_DUPLICATE_KEY: Final = 11_000

_WAITING: Final[Document] = {"state": DeliveryState.WAITING.value}
_DUE: Final[Document] = {**_WAITING, "$expr": {"$lte": ["$dueAt", "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that may be claimed, and whose it is."""

    id: str
    endpoint_id: str
    user_id: UserId


class DeliveryStore:
    """Deliveries in MongoDB."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._deliveries = db["webhookdeliveries"]

    async def put(self, events: Sequence[tuple[NewEvent, str]]) -> None:
        """Keep events, each to be sent to the endpoint of an id: once, whatever became of it."""
        if not events:
            return
        upserts = [_upsert_of(event, endpoint_id) for event, endpoint_id in events]

        async def write() -> None:
            try:
                await self._deliveries.bulk_write(upserts, ordered=False)
            except BulkWriteError as error:
                # Somebody else has just put the same ones.
                if not _are_duplicates(error):
                    raise

        await retrying(write)

    async def due(
        self, limit: int, *, except_of: Sequence[str] = (), except_users: Sequence[UserId] = ()
    ) -> list[DueDelivery]:
        """Return what is due longest. `except_of` are endpoints it may not be for, `except_users` have their share."""
        wanted: Document = {}
        if except_of:
            wanted["endpointId"] = {"$nin": [ObjectId(endpoint_id) for endpoint_id in except_of]}
        if except_users:
            wanted["userId"] = {"$nin": [ObjectId(user_id) for user_id in except_users]}

        async def read() -> list[Document]:
            found = self._deliveries.find(_DUE | wanted, {"endpointId": 1, "userId": 1})
            return await found.sort([("dueAt", ASCENDING)]).limit(limit).to_list()

        return [
            DueDelivery(found["_id"], str(found["endpointId"]), UserId(str(found["userId"])))
            for found in await retrying(read)
        ]

    async def claim(self, delivery_ids: Sequence[str], claim: str, lease: timedelta) -> list[Delivery]:
        """Claim, for the time of `lease`, those of the deliveries that are still due.

        What a claimer that died had is due again when the lease is over. Each claim counts as an attempt.
        """
        which = {"_id": {"$in": list(delivery_ids)}}
        taken = {"claim": {"$literal": claim}, "attempts": {"$add": ["$attempts", 1]}, "dueAt": _later(lease)}
        # A repeated attempt finds none of them due; what its first one has claimed is read below.
        await retrying(lambda: self._deliveries.update_many(which | _DUE, [{"$set": taken}]))
        mine = which | _WAITING | {"claim": claim}
        return [_delivery_of(found) for found in await retrying(lambda: self._deliveries.find(mine).to_list())]

    async def finish(self, delivery: Delivery, state: DeliveryState, answer: Answer | None = None) -> bool:
        """Say what became of a claimed delivery; return False if it is another worker's by now."""
        return await self._change(delivery, {"state": state.value}, answer)

    async def postpone(self, delivery: Delivery, delay: timedelta, answer: Answer) -> bool:
        """Have a claimed delivery tried again after `delay`; return False if it is another worker's by now."""
        return await self._change(delivery, {"dueAt": _later(delay)}, answer)

    async def send_again(self, user_id: UserId, endpoint_id: str, delivery_id: str) -> Delivery | None:
        """Have a delivery wait from the beginning, now, whatever became of it; None when there is none."""
        which = {"_id": delivery_id, "endpointId": ObjectId(endpoint_id), "userId": ObjectId(user_id)}
        changes: Document = {**_WAITING, "attempts": 0, "dueAt": "$$NOW", "claim": None}
        document = await retrying(
            lambda: self._deliveries.find_one_and_update(
                which, [{"$set": changes}], return_document=ReturnDocument.AFTER
            )
        )
        return None if document is None else _delivery_of(document)

    async def find(self, user_id: UserId, delivery_id: str) -> Delivery | None:
        """Return one of the user's deliveries, or None."""
        which = {"_id": delivery_id, "userId": ObjectId(user_id)}
        document = await retrying(lambda: self._deliveries.find_one(which))
        return None if document is None else _delivery_of(document)

    async def page(
        self, user_id: UserId, endpoint_id: str, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[Delivery]:
        """Return an endpoint's deliveries, newest first, those after the given time and id."""
        query: Document = {"endpointId": ObjectId(endpoint_id), "userId": ObjectId(user_id)}
        if after is not None:
            created_at, last_id = after
            query["$or"] = [
                {"createdAt": {"$lt": created_at}},
                {"createdAt": created_at, "_id": {"$lt": last_id}},
            ]

        async def read() -> list[Document]:
            found = self._deliveries.find(query).sort([("createdAt", DESCENDING), ("_id", DESCENDING)])
            return await found.limit(limit).to_list()

        return [_delivery_of(document) for document in await retrying(read)]

    async def delete_of(self, user_id: UserId, endpoint_id: str) -> None:
        """Delete all of an endpoint's deliveries."""
        which = {"endpointId": ObjectId(endpoint_id), "userId": ObjectId(user_id)}
        await retrying(lambda: self._deliveries.delete_many(which))

    async def oldest_due_seconds(self) -> float:
        """Return for how long what is due longest waits for somebody to send it; 0 when nothing does."""
        steps: list[Document] = [
            {"$match": _DUE},
            {"$sort": {"dueAt": 1}},
            {"$limit": 1},
            {"$project": {"seconds": {"$divide": [{"$subtract": ["$$NOW", "$dueAt"]}, 1000]}}},
        ]

        async def read() -> list[Document]:
            return await (await self._deliveries.aggregate(steps)).to_list()

        found = await retrying(read)
        return float(found[0]["seconds"]) if found else 0.0

    async def _change(self, delivery: Delivery, fields: Document, answer: Answer | None) -> bool:
        which = {"_id": delivery.id, "claim": delivery.claim, **_WAITING}
        changes: Document = {**fields, "claim": {"$literal": None}}
        if answer is not None:
            changes["log"] = {"$slice": [{"$concatArrays": ["$log", [_entry_of(answer)]]}, -LOG_MAX]}
        result = await retrying(lambda: self._deliveries.update_one(which, [{"$set": changes}]))
        return result.matched_count == 1


def delivery_id_of(event: NewEvent, endpoint_id: str) -> str:
    """Return the id of the one delivery of an event to an endpoint."""
    return f"{event.id}_{endpoint_id}"


def _upsert_of(event: NewEvent, endpoint_id: str) -> UpdateOne:
    delivery_id = delivery_id_of(event, endpoint_id)
    fresh: Document = {
        "_id": delivery_id,
        "userId": ObjectId(event.user_id),
        "endpointId": ObjectId(endpoint_id),
        "eventId": event.id,
        "type": event.type,
        "sessionId": {"$literal": event.session_id},
        "facts": {"$literal": dict(event.facts)},
        "occurredAt": event.occurred_at,
        "state": DeliveryState.WAITING.value,
        "attempts": 0,
        "log": [],
        "createdAt": "$$NOW",
        "dueAt": "$$NOW",
        "expiresAt": _later(event.kept_for),
    }
    return UpdateOne({"_id": delivery_id}, only_when_new(fresh), upsert=True)


def _are_duplicates(error: BulkWriteError) -> bool:
    details = error.details or {}
    codes = {each["code"] for each in details.get("writeErrors", [])}
    return codes == {_DUPLICATE_KEY} and not details.get("writeConcernErrors")


def _later(time: timedelta) -> Document:
    return {"$add": ["$$NOW", int(time.total_seconds() * 1_000)]}


def _entry_of(answer: Answer) -> Document:
    return {
        "at": "$$NOW",
        "status": answer.status,
        "latencyMs": answer.latency_ms,
        "excerpt": {"$literal": answer.excerpt},
        "error": {"$literal": answer.error},
    }


def _delivery_of(document: Document) -> Delivery:
    session_id = document.get("sessionId")
    return Delivery(
        id=document["_id"],
        user_id=UserId(str(document["userId"])),
        endpoint_id=str(document["endpointId"]),
        event_id=document["eventId"],
        type=document["type"],
        session_id=None if session_id is None else SessionId(session_id),
        facts=document["facts"],
        occurred_at=document["occurredAt"],
        state=DeliveryState(document["state"]),
        attempts=document["attempts"],
        created_at=document["createdAt"],
        due_at=document["dueAt"],
        log=tuple(
            Attempt(each["at"], each["status"], each["latencyMs"], each["excerpt"], each["error"])
            for each in document["log"]
        ),
        claim=document.get("claim"),
    )
