"""Where API keys are kept: collection `apikeys`."""

import hmac
from collections.abc import Sequence
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import newest, only_when_new, retrying
from callgenie.users.api_key_models import ApiKey, ApiScope, KeyHolder
from callgenie.users.store import USER_FIELDS, user_of

Document = dict[str, Any]

# The key with its user, in one round trip.
_WITH_USER: Final[Sequence[Document]] = (
    {"$lookup": {"from": "users", "localField": "userId", "foreignField": "_id", "as": "user"}},
    {"$unwind": "$user"},
    {"$project": {"hash": 1, "scopes": 1, **{f"user.{name}": 1 for name in ("_id", *USER_FIELDS)}}},
)


# Deleted at once, a key would be back when a late first attempt to make it arrives.
_IS_THERE: Final[Document] = {"deletedAt": None}


class ApiKeyStore:
    """API keys in MongoDB. The server removes deleted ones after a day."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._keys = db["apikeys"]
        self._newest = newest(self._keys)

    async def insert(
        self,
        user_id: UserId,
        key_id: str,
        *,
        name: str,
        key_hash: str,
        hint: str,
        scopes: Sequence[ApiScope],
        keys_max: int,
    ) -> ApiKey | None:
        """Keep a new key; None when the user has `keys_max` others."""
        owned = {"userId": ObjectId(user_id)}
        # An upsert by id, so that an attempt whose answer got lost can be repeated.
        which = {"_id": ObjectId(key_id), **owned}
        fields: Document = {
            "name": {"$literal": name},
            "hash": key_hash,
            "hint": hint,
            "scopes": [scope.value for scope in scopes],
            "createdAt": "$$NOW",
        }
        await retrying(lambda: self._keys.update_one(which, only_when_new(fields), upsert=True))
        # Counted afterwards: of any number of keys made at once, none stays that is one too many.
        if await retrying(lambda: self._keys.count_documents({**owned, **_IS_THERE})) > keys_max:
            await self.delete(user_id, key_id)
            return None
        document = await retrying(lambda: self._keys.find_one(which))
        return None if document is None else _key_of(document)

    async def of_user(self, user_id: UserId) -> list[ApiKey]:
        """Return the user's keys, newest first."""
        newest_first = [("createdAt", -1), ("_id", -1)]

        async def read() -> list[Document]:
            return await self._newest.find({"userId": ObjectId(user_id), **_IS_THERE}).sort(newest_first).to_list()

        return [_key_of(document) for document in await retrying(read)]

    async def delete(self, user_id: UserId, key_id: str) -> bool:
        """Delete one of the user's keys; tell whether it was there."""
        if not ObjectId.is_valid(key_id):
            return False
        which = {"_id": ObjectId(key_id), "userId": ObjectId(user_id), **_IS_THERE}
        deletion = [{"$set": {"deletedAt": "$$NOW"}}]
        return (await retrying(lambda: self._keys.update_one(which, deletion))).matched_count == 1

    async def find_holder(self, key_id: str, key_hash: str) -> KeyHolder | None:
        """Return the holder of the key with this id and hash, whoever it is, or None."""
        pipeline = [{"$match": {"_id": ObjectId(key_id), **_IS_THERE}}, *_WITH_USER]

        async def read() -> list[Document]:
            return await (await self._newest.aggregate(pipeline)).to_list(1)

        for document in await retrying(read):
            if hmac.compare_digest(document["hash"], key_hash):
                return KeyHolder(user_of(document["user"]), key_id, frozenset(map(ApiScope, document["scopes"])))
        return None


def _key_of(document: Document) -> ApiKey:
    return ApiKey(
        id=str(document["_id"]),
        name=document["name"],
        hint=document["hint"],
        scopes=tuple(ApiScope(scope) for scope in document["scopes"]),
        created_at=document["createdAt"],
    )
