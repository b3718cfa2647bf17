"""Everything that is kept under a user's id, found through the declarations of the collections.

A collection that is added later belongs to it as soon as it declares `userId`, for the export as for the erasure.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying
from callgenie.mongo.errors import DatabaseBusyError
from callgenie.mongo.schema import COLLECTIONS

Document = dict[str, Any]

# Where the key is the user's own id.
_USERS: Final = "users"
_KEYS: Final = {
    declared.name: "_id" if declared.name == _USERS else "userId"
    for declared in COLLECTIONS
    if declared.name == _USERS or "userId" in declared.properties
}

# Whoever downloads slowly keeps this many documents in our memory.
_READ_BATCH: Final = 20

# So many are deleted well within an operation's deadline, also when each is a long conversation.
_DELETE_BATCH: Final = 500

BELONGINGS: Final = tuple(_KEYS)


class BelongingsStore:
    """Reads and deletes a user's documents, whatever they are."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._db = db

    async def read(self, user_id: UserId, collection: str) -> AsyncIterator[Document]:
        """Yield the user's documents of one collection.

        Raises:
            DatabaseBusyError: The database went away.
        """
        try:
            async with self._db[collection].find(_whose(user_id, collection), batch_size=_READ_BATCH) as documents:
                async for document in documents:
                    yield document
        except AutoReconnect as error:
            raise DatabaseBusyError("The database cannot be read now. Try again in a moment.") from error

    async def delete(self, user_id: UserId, collection: str) -> int:
        """Delete the user's documents of one collection; return how many there were."""
        whose, documents = _whose(user_id, collection), self._db[collection]
        deleted = 0

        async def some() -> list[Any]:
            return [found["_id"] for found in await documents.find(whose, {"_id": 1}).limit(_DELETE_BATCH).to_list()]

        while ids := await retrying(some):
            these = whose | {"_id": {"$in": ids}}
            await retrying(lambda which=these: documents.delete_many(which))  # type: ignore[misc] # bound now
            deleted += len(ids)
        return deleted

    async def delete_mail_to(self, user_id: UserId) -> None:
        """Delete mail that was asked for by the address of the user, before anybody looked whose that is."""
        user = await retrying(lambda: self._db[_USERS].find_one({"_id": ObjectId(user_id)}, {"email": 1}))
        if user is not None:
            await retrying(lambda: self._db["outbox"].delete_many({"email": user["email"]}))


def _whose(user_id: UserId, collection: str) -> Document:
    return {_KEYS[collection]: ObjectId(user_id)}
