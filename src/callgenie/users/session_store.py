"""Where logins are kept: collection `sessions`. All its times are the server's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import DESCENDING
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import newest, only_when_new, retrying
from callgenie.users.models import User
from callgenie.users.store import USER_FIELDS, user_of

Document = dict[str, Any]

# How long it is remembered that a session was ended.
_ENDED_IS_KEPT: Final = timedelta(days=1)

_RUNNING: Final[Document] = {"endedAt": None, "$expr": {"$gt": ["$expiresAt", "$$NOW"]}}

# The session with its user, in one round trip: 0.35 ms of our CPU, as much as one `find_one`; two of those cost 0.6.
_WITH_USER: Final[Sequence[Document]] = (
    {"$lookup": {"from": "users", "localField": "userId", "foreignField": "_id", "as": "user"}},
    {"$unwind": "$user"},
    {
        "$project": {
            "authEpoch": 1,
            "refreshHash": 1,
            "parentHash": 1,
            "secondsSinceRotation": {
                "$divide": [{"$subtract": ["$$NOW", {"$ifNull": ["$rotatedAt", "$createdAt"]}]}, 1000]
            },
            "user.authEpoch": 1,
            **{f"user.{name}": 1 for name in ("_id", *USER_FIELDS)},
        }
    },
)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A login that has not run out, and its user as they are now.

    `revoked` is true once something ended all of the user's sessions of that time.
    """

    user: User
    revoked: bool
    refresh_hash: str
    parent_hash: str | None
    seconds_since_rotation: float


@dataclass(frozen=True, slots=True)
class ListedSession:
    """A login, as its owner sees it. `renewed_at` is None as long as it has its first tokens."""

    id: str
    created_at: datetime
    renewed_at: datetime | None
    expires_at: datetime
    current: bool


class SessionStore:
    """Logins in MongoDB. The server's TTL removes those that ran out, and those that were ended a day after that.

    Deleted at once, one that was ended would be back when a late first attempt to open it arrives.
    """

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._sessions = db["sessions"]
        self._newest = newest(self._sessions)

    async def open(
        self, session_id: str, user_id: UserId, *, auth_epoch: int, refresh_hash: str, life: timedelta
    ) -> None:
        """Keep a new login."""
        # An upsert by id, so that an attempt whose answer got lost can be repeated.
        fields: Document = {
            "userId": ObjectId(user_id),
            "authEpoch": auth_epoch,
            "refreshHash": refresh_hash,
            "parentHash": None,
            "createdAt": "$$NOW",
            "rotatedAt": None,
            "expiresAt": _from_now(life),
        }
        which = {"_id": ObjectId(session_id)}
        await retrying(lambda: self._sessions.update_one(which, only_when_new(fields), upsert=True))

    async def find(self, session_id: str) -> StoredSession | None:
        """Return a login that is running, with its user, or None."""
        pipeline = [{"$match": {"_id": ObjectId(session_id), **_RUNNING}}, *_WITH_USER]

        async def read() -> list[Document]:
            return await (await self._newest.aggregate(pipeline)).to_list(1)

        documents = await retrying(read)
        if not documents:
            return None
        document = documents[0]
        return StoredSession(
            user=user_of(document["user"]),
            revoked=document["authEpoch"] != document["user"].get("authEpoch", 0),
            refresh_hash=document["refreshHash"],
            parent_hash=document["parentHash"],
            seconds_since_rotation=document["secondsSinceRotation"],
        )

    async def rotate(self, session_id: str, *, old: str, new: str, life: timedelta) -> bool:
        """Put a refresh token's child in its place; return False if somebody else did, or the session is over."""
        which = {"_id": ObjectId(session_id), "refreshHash": old, **_RUNNING}
        fields = {"refreshHash": new, "parentHash": old, "rotatedAt": "$$NOW", "expiresAt": _from_now(life)}
        result = await retrying(lambda: self._sessions.update_one(which, [{"$set": fields}]))
        return result.matched_count == 1

    async def end(self, session_id: str) -> None:
        """End a login; ending it twice is harmless."""
        fields: Document = {
            "endedAt": {"$ifNull": ["$endedAt", "$$NOW"]},
            "expiresAt": {"$min": ["$expiresAt", _from_now(_ENDED_IS_KEPT)]},
        }
        await retrying(lambda: self._sessions.update_one({"_id": ObjectId(session_id)}, [{"$set": fields}]))

    async def page(self, user_id: UserId, session_id: str, *, after: str | None, limit: int) -> Sequence[ListedSession]:
        """Return the user's logins that are as good as the one with `session_id`, newest first, after the given id."""
        owner = ObjectId(user_id)

        async def read() -> list[Document]:
            which = {"_id": ObjectId(session_id), "userId": owner, "endedAt": None}
            own = await self._newest.find_one(which, {"authEpoch": 1})
            if own is None:
                return []
            query: Document = {"userId": owner, "authEpoch": own["authEpoch"], **_RUNNING}
            if after is not None:
                query["_id"] = {"$lt": ObjectId(after)}
            return await self._newest.find(query).sort("_id", DESCENDING).limit(limit).to_list()

        return [
            ListedSession(
                id=str(document["_id"]),
                created_at=document["createdAt"],
                renewed_at=document["rotatedAt"],
                expires_at=document["expiresAt"],
                current=str(document["_id"]) == session_id,
            )
            for document in await retrying(read)
        ]

    async def exists(self, user_id: UserId, session_id: str) -> bool:
        """Tell whether this is a login of the user's; a text that is no id at all is nobody's."""
        if not ObjectId.is_valid(session_id):
            return False
        which = {"_id": ObjectId(session_id), "userId": ObjectId(user_id), "endedAt": None}
        return await retrying(lambda: self._newest.find_one(which, {"_id": 1})) is not None

    async def carry_over(self, session_id: str, *, epoch: int) -> None:
        """Have one login outlive the change of password that counted `epoch`."""
        which = {"_id": ObjectId(session_id), "authEpoch": epoch - 1}
        await retrying(lambda: self._sessions.update_one(which, {"$set": {"authEpoch": epoch}}))

    async def end_older(self, user_id: UserId, *, than_epoch: int) -> None:
        """Delete the user's logins from before `than_epoch`. They are over already; this only tidies up."""
        which = {"userId": ObjectId(user_id), "authEpoch": {"$lt": than_epoch}}
        await retrying(lambda: self._sessions.delete_many(which))


def _from_now(life: timedelta) -> Document:
    return {"$add": ["$$NOW", int(life.total_seconds() * 1000)]}


def new_session_id() -> str:
    """Return an id for a login, as all our ids look."""
    return str(ObjectId())
