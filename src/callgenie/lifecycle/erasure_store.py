"""Where it is kept whose data is to be erased: collection `erasures`. All its times are the server's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying

Document = dict[str, Any]

_BATCH_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class OpenErasure:
    """An erasure that goes on: how long ago it was asked for, and how long ago all was deleted, if it was."""

    user_id: UserId
    age: timedelta
    since_purge: timedelta | None


class ErasureStore:
    """Remembers erasures from the moment they are asked for."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._erasures = db["erasures"]

    async def open(self, user_id: UserId) -> None:
        """Begin an erasure; one that goes on goes on."""
        steps = [{"$set": {"requestedAt": {"$ifNull": ["$requestedAt", "$$NOW"]}}}]
        await retrying(lambda: self._erasures.update_one({"_id": ObjectId(user_id)}, steps, upsert=True))

    async def unfinished(self) -> Sequence[OpenErasure]:
        """Return erasures that go on, of whichever users."""
        steps: list[Document] = [
            {"$match": {"finishedAt": None}},
            {"$limit": _BATCH_MAX},
            {"$set": {"now": "$$NOW"}},
        ]

        async def read() -> list[Document]:
            return await (await self._erasures.aggregate(steps)).to_list()

        return [_open_erasure_of(found) for found in await retrying(read)]

    async def mark_purged(self, user_id: UserId) -> None:
        """Say that all was deleted just now."""
        await self._set(user_id, {"purgedAt": "$$NOW"})

    async def finish(self, user_id: UserId) -> None:
        """Say that nothing is left to be done."""
        await self._set(user_id, {"finishedAt": "$$NOW"})

    async def _set(self, user_id: UserId, fields: Document) -> None:
        await retrying(lambda: self._erasures.update_one({"_id": ObjectId(user_id)}, [{"$set": fields}]))


def _open_erasure_of(document: Document) -> OpenErasure:
    now, purged_at = document["now"], document.get("purgedAt")
    return OpenErasure(
        UserId(str(document["_id"])),
        now - document["requestedAt"],
        None if purged_at is None else now - purged_at,
    )
