"""Everybody's accounts, as the operator goes through them: collection `users`."""

from collections.abc import AsyncIterator
from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import UserStatus
from callgenie.mongo.client import retrying
from callgenie.users.models import User
from callgenie.users.store import USER_FIELDS, user_of

Document = dict[str, Any]

_SHOWN = dict.fromkeys(USER_FIELDS, 1)


class DirectoryStore:
    """Finds accounts by their address, and changes what only the operator may."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._users = db["users"]

    async def find_by_email(self, email: str) -> User | None:
        """Return the account under a canonical address, or None."""
        found = await retrying(lambda: self._users.find_one({"email": email}, _SHOWN))
        return None if found is None else user_of(found)

    async def list_everybody(self, status: UserStatus | None = None) -> AsyncIterator[User]:
        """Yield all accounts, or those of one status, eldest first."""
        query = {} if status is None else {"status": status.value}
        async with self._users.find(query, _SHOWN).sort("_id", 1) as found:
            async for document in found:
                yield user_of(document)

    async def set_status(self, user_id: UserId, status: UserStatus) -> None:
        """Suspend or activate an account; a change ends every session, and the same again changes nothing.

        The epoch is counted by the write that changes the status and finds it different: twice is once.
        """
        which = {"_id": ObjectId(user_id), "status": {"$ne": status.value}}
        change = {"$set": {"status": status.value}, "$inc": {"authEpoch": 1}}
        await retrying(lambda: self._users.update_one(which, change))
