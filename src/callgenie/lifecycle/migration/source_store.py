"""What the Node version kept, in the order in which we take it."""

from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from callgenie.lifecycle.migration.errors import NothingToMigrateError, SourceLostError

Document = dict[str, Any]

# Whose a document is: an id, also as text, or the user filled in (`populate`). Whatever an installation has kept, the
# same user is one user.
_OWNER: Final = {"$ifNull": ["$userId", {"$ifNull": ["$user", "$owner"]}]}
_OWNER_TEXT: Final = {
    "$convert": {"input": {"$ifNull": ["$_owner._id", "$_owner"]}, "to": "string", "onError": None, "onNull": None}
}


class NodeSource:
    """The collections that Mongoose made of the three models."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._db = db

    async def check(self) -> None:
        """Return if there is something that looks like the Node version's.

        Raises:
            NothingToMigrateError: There are no users, or they are this version's.
        """
        with _answering():
            user = await self._db["users"].find_one({})
        if user is None:
            raise NothingToMigrateError(
                f"There are no users in the database {self._db.name} of the source. Name the Node version's database "
                "at the end of its address, as in mongodb://localhost:27017/callgenie."
            )
        if "authEpoch" in user:
            raise NothingToMigrateError(
                f"The database {self._db.name} of the source is one of this version. "
                "To move it, use `callgenie backup` and `callgenie restore`."
            )

    async def users(self) -> AsyncIterator[Document]:
        """Yield all users, oldest id first: of two with one address, the older one is taken."""
        with _answering():
            async for user in self._db["users"].find({}).sort("_id", 1):
                yield user

    async def profiles(self) -> AsyncIterator[Document]:
        """Yield all profiles, oldest id first."""
        with _answering():
            async for profile in self._db["userprofiles"].find({}).sort("_id", 1):
                yield profile

    async def count_conversations(self) -> int:
        """Return about how many documents there are."""
        with _answering():
            return await self._db["conversations"].estimated_document_count()

    async def conversations(self) -> AsyncIterator[Document]:
        """Yield all message pairs, those of one user's session one after the other, in their order."""
        steps: Sequence[Mapping[str, Any]] = [
            {"$addFields": {"_owner": _OWNER}},
            {"$addFields": {"_owner": _OWNER_TEXT}},
            {"$sort": {"_owner": 1, "sessionId": 1, "createdAt": 1, "_id": 1}},
            {"$project": {"_owner": 0}},
        ]
        with _answering():
            async for document in await self._db["conversations"].aggregate(steps, allowDiskUse=True):
                yield document


@contextmanager
def _answering() -> Generator[None, None, None]:
    try:
        yield
    except PyMongoError as error:
        raise SourceLostError from error
