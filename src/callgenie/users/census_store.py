"""Who there is: the one way to go through all users."""

from collections.abc import Sequence
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying

Document = dict[str, Any]


class CensusStore:
    """Reads ids only."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._users = db["users"]

    async def ids_of_any_users(self, *, after: UserId | None, limit: int) -> Sequence[UserId]:
        """Return the next users in the order of their ids."""
        query: Document = {} if after is None else {"_id": {"$gt": ObjectId(after)}}

        async def read() -> list[Document]:
            return await self._users.find(query, {"_id": 1}).sort("_id", 1).limit(limit).to_list()

        return [UserId(str(document["_id"])) for document in await retrying(read)]
