"""Where a migration writes. Every write is an insert under a unique key, or names the revision it was made from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo import UpdateOne
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import CallStatus
from callgenie.lifecycle.migration.conversations import MIGRATED_FROM
from callgenie.mongo.client import retrying

Document = dict[str, Any]

# One bulk write, or one user's history: a command has time, a server that is away should still be noticed.
_SECONDS_MAX: Final = 120.0
_BILLS_AT_ONCE: Final = 1_000
_DUPLICATE_KEY: Final = 11_000

_KNOWN: Final = dict.fromkeys(("userId", "sessionId", "exchangeIds", "revision", "turnCount", "deletedAt"), 1)
_BILL: Final = dict.fromkeys(("periodStart", "duration", "billableSeconds", "overageSeconds", "counted"), 1)


class MigrationTarget:
    """Our collections, for documents that another program made."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._db = db

    async def address_is_taken(self, email: str, known: UserId) -> bool:
        """Tell whether the address belongs to an account other than `known`."""
        query = {"email": email, "_id": {"$ne": ObjectId(known)}}
        return await retrying(lambda: self._db["users"].find_one(query, {"_id": 1})) is not None

    async def is_user(self, known: UserId) -> bool:
        """Tell whether there is an account of that id."""
        return await retrying(lambda: self._db["users"].find_one({"_id": ObjectId(known)}, {"_id": 1})) is not None

    async def is_erased(self, known: UserId) -> bool:
        """Tell whether the user has asked to be erased here."""
        query = {"_id": ObjectId(known)}
        return await retrying(lambda: self._db["erasures"].find_one(query, {"_id": 1})) is not None

    async def has_profile(self, known: UserId) -> bool:
        """Tell whether the user has a profile."""
        query = {"userId": ObjectId(known)}
        return await retrying(lambda: self._db["userprofiles"].find_one(query, {"_id": 1})) is not None

    async def add_user(self, document: Document) -> bool:
        """Keep the account unless there is one of its id; False when its address is somebody else's."""
        return await self._add("users", {"_id": document["_id"]}, document)

    async def add_profile(self, document: Document) -> bool:
        """Keep the profile unless the user has one; False when its Stripe customer is somebody else's."""
        return await self._add("userprofiles", {"userId": document["userId"]}, document)

    async def _add(self, collection: str, key: Document, document: Document) -> bool:
        first = {name: value for name, value in document.items() if name not in key}
        try:
            await retrying(lambda: self._db[collection].update_one(key, {"$setOnInsert": first}, upsert=True))
        except DuplicateKeyError:
            # Of two first upserts at once, one meets this although the document is there.
            return await self._db[collection].find_one(key, {"_id": 1}) is not None
        return True

    async def known_conversations(self, keys: Sequence[tuple[UserId, str]]) -> Mapping[tuple[UserId, str], Document]:
        """Return what is there under these users' session ids."""
        query = {
            "userId": {"$in": [ObjectId(owner) for owner in {owner for owner, _ in keys}]},
            "sessionId": {"$in": [session_id for _, session_id in keys]},
        }

        async def read() -> list[Document]:
            return await self._db["conversations"].find(query, _KNOWN | {"migratedFrom": 1}).to_list()

        found = await retrying(read, seconds=_SECONDS_MAX)
        return {(UserId(str(each["userId"])), each["sessionId"]): each for each in found}

    async def write_conversations(self, writes: Sequence[UpdateOne]) -> frozenset[int]:
        """Carry out writes of conversations; return the places of those that a unique index refused."""
        try:
            await retrying(lambda: self._db["conversations"].bulk_write(writes, ordered=False), seconds=_SECONDS_MAX)
        except BulkWriteError as error:
            faults = (error.details or {}).get("writeErrors", [])
            if any(fault["code"] != _DUPLICATE_KEY for fault in faults):
                raise
            return frozenset(fault["index"] for fault in faults)
        return frozenset()

    async def completed(self, owner: UserId) -> Mapping[datetime, list[Document]]:
        """Return what the user's migrated calls say about usage, by period, oldest first; deleted ones too."""
        query = {
            "userId": ObjectId(owner),
            "migratedFrom": MIGRATED_FROM,
            "status": CallStatus.COMPLETED.value,
        }

        async def read() -> list[Document]:
            return await self._db["conversations"].find(query, _BILL).sort([("startedAt", 1), ("_id", 1)]).to_list()

        periods: dict[datetime, list[Document]] = {}
        for found in await retrying(read, seconds=_SECONDS_MAX):
            periods.setdefault(found["periodStart"], []).append(found)
        return periods

    async def bill(self, bills: Sequence[tuple[Mapping[str, Any], Document]]) -> None:
        """Write into conversations what counts; those that say so already are left alone."""
        writes = [
            UpdateOne({"_id": conversation["_id"]}, {"$set": bill})
            for conversation, bill in bills
            if any(conversation.get(name) != value for name, value in bill.items())
        ]
        for start in range(0, len(writes), _BILLS_AT_ONCE):
            batch = writes[start : start + _BILLS_AT_ONCE]
            await retrying(
                lambda batch=batch: self._db["conversations"].bulk_write(batch, ordered=False),  # type: ignore[misc] # bound now
                seconds=_SECONDS_MAX,
            )


def insertion(owner: UserId, session_id: str, document: Document) -> UpdateOne:
    """Return the write that keeps a conversation unless there is one of that session id."""
    return UpdateOne({"userId": ObjectId(owner), "sessionId": session_id}, {"$setOnInsert": document}, upsert=True)


def completion(
    known: Document, document: Document, turns: Sequence[Document], exchange_ids: Sequence[str]
) -> UpdateOne:
    """Return the write that adds what a conversation does not have yet, if nobody has changed it meanwhile."""
    whole = {name: document[name] for name in ("status", "endedAt", "duration", "audioUrl") if name in document}
    revision = known.get("revision", 0)
    return UpdateOne(
        {"_id": known["_id"], "revision": revision},
        {
            "$push": {"turns": {"$each": list(turns)}, "exchangeIds": {"$each": list(exchange_ids)}},
            # Guarded by the revision that the same write moves on.
            "$set": {**whole, "revision": revision + 1, "turnCount": known.get("turnCount", 0) + len(turns)},
        },
    )
