"""Where the numbers are kept that must not be called."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import newest, retrying

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListedNumber:
    """A number that must not be called, since when, and why."""

    phone_number: str
    added_at: datetime
    note: str | None


class DoNotCallStore:
    """Numbers in MongoDB, one document each."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._numbers = db["donotcall"]
        self._newest = newest(self._numbers)

    async def get(self, user_id: UserId, phone_number: str) -> ListedNumber | None:
        """Return the number as the user has listed it, or None."""
        found = await retrying(lambda: self._newest.find_one(_key(user_id, phone_number)))
        return None if found is None else _number_of(found)

    async def count(self, user_id: UserId, limit: int) -> int:
        """Return how many numbers the user has listed, at most `limit`."""
        return await retrying(lambda: self._numbers.count_documents({"userId": ObjectId(user_id)}, limit=limit))

    async def add(self, user_id: UserId, phone_number: str, note: str | None) -> ListedNumber:
        """List a number; one that is listed stays as it is."""
        fields: Document = {"addedAt": {"$ifNull": ["$addedAt", "$$NOW"]}}
        if note is not None:
            fields["note"] = {"$ifNull": ["$note", {"$literal": note}]}

        async def upsert() -> Document:
            document: Document = await self._numbers.find_one_and_update(  # type: ignore[assignment] # upsert
                _key(user_id, phone_number), [{"$set": fields}], upsert=True, return_document=ReturnDocument.AFTER
            )
            return document

        async def upsert_or_find() -> Document:
            try:
                return await upsert()
            except DuplicateKeyError:
                # Somebody else listed it at the same moment.
                return await upsert()

        return _number_of(await retrying(upsert_or_find))

    async def remove(self, user_id: UserId, phone_number: str) -> bool:
        """Take a number off the list; tell whether it was on it."""
        return (await retrying(lambda: self._numbers.delete_one(_key(user_id, phone_number)))).deleted_count == 1

    async def page(self, user_id: UserId, *, after: str | None, limit: int) -> Sequence[ListedNumber]:
        """Return numbers in their order, those after the given one."""
        query: Document = {"userId": ObjectId(user_id)}
        if after is not None:
            query["phoneNumber"] = {"$gt": after}

        async def read() -> list[Document]:
            return await self._newest.find(query).sort("phoneNumber", 1).limit(limit).to_list()

        return [_number_of(document) for document in await retrying(read)]


def _key(user_id: UserId, phone_number: str) -> Document:
    return {"userId": ObjectId(user_id), "phoneNumber": phone_number}


def _number_of(document: Document) -> ListedNumber:
    return ListedNumber(document["phoneNumber"], document["addedAt"], document.get("note"))
