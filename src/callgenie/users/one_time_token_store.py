"""Where one-time tokens are kept: collection `tokens`. All its times are the server's."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying
from callgenie.users.one_time_tokens import Purpose

Document = dict[str, Any]

# Long enough to find the mail, short enough that an old mailbox opens no account.
TOKEN_LIFE: Final = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class TokenFor:
    """Whom a token is for, and what it proves. `registration` says which of several sign-ups it confirms."""

    user_id: UserId
    purpose: Purpose
    registration: str | None = None


class OneTimeTokenStore:
    """Tokens by their hashes. Of those for the same thing only the one asked for last is good."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._tokens = db["tokens"]

    async def issue(self, token_hash: str, what: TokenFor, *, asked_at: datetime) -> bool:
        """Make a token good for an hour from now and void those asked for earlier.

        Return False, and leave it void, when it was used already or another one was asked for later.
        """
        owned = {"userId": ObjectId(what.user_id), "purpose": what.purpose.value, "registration": what.registration}
        fresh: Document = {
            "_id": token_hash,
            **{name: {"$literal": value} for name, value in owned.items()},
            "askedAt": asked_at,
            "expiresAt": {"$add": ["$$NOW", int(TOKEN_LIFE.total_seconds() * 1000)]},
            "usedAt": {"$literal": None},
        }
        used = {"$eq": [{"$type": "$usedAt"}, "date"]}
        steps = [{"$replaceWith": {"$cond": [used, "$$ROOT", fresh]}}]

        async def upsert() -> Document | None:
            which = {"_id": token_hash}
            try:
                return await self._tokens.find_one_and_update(which, steps, upsert=True, return_document=True)
            except DuplicateKeyError:
                return await self._tokens.find_one_and_update(which, steps, upsert=True, return_document=True)

        written = await retrying(upsert)
        if written is None or written["usedAt"] is not None:
            return False
        # Each writes its own first and looks then, so that of any number at once exactly the latest is left.
        earlier = {**owned, "usedAt": None, "askedAt": {"$lt": asked_at}}
        await retrying(lambda: self._tokens.delete_many(earlier))
        if await retrying(lambda: self._tokens.find_one({**owned, "askedAt": {"$gt": asked_at}})) is None:
            return True
        await retrying(lambda: self._tokens.delete_one({"_id": token_hash, "usedAt": None}))
        return False

    async def find(self, token_hash: str, purpose: Purpose) -> TokenFor | None:
        """Return whom a token is for, if it is still good."""
        which = {"_id": token_hash, "purpose": purpose.value, "usedAt": None, **_NOT_OVER}
        return _what(await retrying(lambda: self._tokens.find_one(which)))

    async def consume(self, token_hash: str, purpose: Purpose, *, attempt: str) -> TokenFor | None:
        """Use a token up; of any number of attempts one gets the answer, and that one also when it asks again."""
        unused: Document = {"$or": [{"usedAt": None}, {"usedBy": attempt}]}
        which = {"_id": token_hash, "purpose": purpose.value, **unused, **_NOT_OVER}
        fields = {"usedAt": "$$NOW", "usedBy": {"$literal": attempt}}
        return _what(await retrying(lambda: self._tokens.find_one_and_update(which, [{"$set": fields}])))

    async def void_all(self, user_id: UserId, purpose: Purpose | None = None) -> None:
        """Delete the user's tokens, of one purpose or of all."""
        which: Document = {"userId": ObjectId(user_id)}
        if purpose is not None:
            which["purpose"] = purpose.value
        await retrying(lambda: self._tokens.delete_many(which))


_NOT_OVER: Final[Document] = {"$expr": {"$gt": ["$expiresAt", "$$NOW"]}}


def _what(document: Document | None) -> TokenFor | None:
    if document is None:
        return None
    return TokenFor(UserId(str(document["userId"])), Purpose(document["purpose"]), document["registration"])
