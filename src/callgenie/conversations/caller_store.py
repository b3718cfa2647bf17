"""What an owner's record knows of one caller."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import conversation_of
from callgenie.conversations.models import Conversation
from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying

_INDEX: Final = "userId_phoneNumber_startedAt"

# Of a talk that nobody has summed up, its beginning says best what it was about.
_TURNS: Final = 12


class CallerStore:
    """Reads what was said with a caller before, always as one user's."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]]) -> None:
        self._conversations = db["conversations"]

    async def last_with(
        self, user_id: UserId, phone_number: str, *, since: datetime, limit: int
    ) -> Sequence[Conversation]:
        """Return the last answered conversations with a caller, newest first, with their first turns.

        Deleted ones have no number any more, and with it no caller.
        """
        query = {
            "userId": ObjectId(user_id),
            "phoneNumber": phone_number,
            "startedAt": {"$gte": since},
            "$or": [{"counted": True}, {"continues": {"$type": "string"}, "turnCount": {"$gt": 0}}],
        }

        async def read() -> list[dict[str, Any]]:
            found = self._conversations.find(query, {"turns": {"$slice": _TURNS}, "exchangeIds": 0, "metrics": 0})
            # On a small record the index of all callers looks as good, and the server would stay with what it chose.
            found = found.sort([("startedAt", -1), ("_id", -1)]).hint(_INDEX)
            return await found.limit(limit).to_list()

        return [conversation_of(document) for document in await retrying(read)]
