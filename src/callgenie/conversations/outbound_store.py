"""What only calls have that we place ourselves: who has the carrier place them, and the carrier's name of them."""

from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import conversation_of
from callgenie.conversations.models import Conversation
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus, Direction
from callgenie.mongo.client import retrying

Document = dict[str, Any]


class OutboundCallStore:
    """Changes outbound conversations. They come without turns."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def claim(self, user_id: UserId, session_id: SessionId, placed_by: str) -> bool:
        """Take it upon oneself to have the call placed; tell whether nobody had.

        `placed_by` is different for everyone who tries: it lets the winner, whose answer got lost, win again.
        """
        query = _key(user_id, session_id) | {
            "status": CallStatus.RINGING.value,
            "placedBy": {"$in": [None, placed_by]},
        }
        change = {"$set": {"placedBy": placed_by}}
        return (await retrying(lambda: self._conversations.update_one(query, change))).matched_count == 1

    async def note_leg(self, user_id: UserId, session_id: SessionId, leg: str) -> Conversation | None:
        """Keep the carrier's name of a call, unless it has one; return the call as it is then, None if it is gone."""
        query = _key(user_id, session_id) | {"direction": Direction.OUTBOUND.value, "deletedAt": None}
        steps = [{"$set": {"leg": {"$ifNull": ["$leg", {"$literal": leg}]}}}]
        found = await retrying(
            lambda: self._conversations.find_one_and_update(
                query, steps, {"turns": 0}, return_document=ReturnDocument.AFTER
            )
        )
        return None if found is None else conversation_of(found)


def _key(user_id: UserId, session_id: SessionId) -> Document:
    return {"userId": ObjectId(user_id), "sessionId": session_id}
