"""Where messages are kept that callers leave: field `messages` of the conversation they were left in."""

from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document, conversation_of
from callgenie.conversations.follow_up_store import naming
from callgenie.conversations.models import MESSAGES_MAX, Conversation, NewMessage
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying

# What follows a message: it is mailed to the owner.
MESSAGE_MAIL: Final = "message-mail"


_KEPT: Final[Document] = {"$ifNull": ["$messages", []]}


def keeping(message: NewMessage) -> Document:
    """Return what a pipeline's `$set` has to set so that a message is kept, unless it is or there is no room for it."""
    # Callers say anything, and a leading dollar must stay text.
    document: Document = {
        "id": message.id,
        "text": {"$literal": message.text},
        "name": {"$literal": message.name},
        "number": {"$literal": message.number},
        "at": "$$NOW",
    }
    if not message.is_confirmed:
        document["confirmed"] = False
    has_room = {"$lt": [{"$size": _KEPT}, MESSAGES_MAX]}
    is_new = {"$not": [{"$in": [message.id, {"$ifNull": ["$messages.id", []]}]}]}
    return {"messages": {"$concatArrays": [_KEPT, {"$cond": [{"$and": [has_room, is_new]}, [document], []]}]}}


class MessageStore:
    """Keeps messages, and names in the same write that each is to be mailed."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def call_with_turns(self, user_id: UserId, session_id: SessionId) -> Conversation | None:
        """Return the user's conversation with all that was said in it, or None."""
        whose = {"userId": ObjectId(user_id), "sessionId": session_id, "deletedAt": None}
        found = await retrying(lambda: self._conversations.find_one(whose, {"exchangeIds": 0, "metrics": 0}))
        return None if found is None else conversation_of(found)

    async def keep(self, user_id: UserId, session_id: SessionId, message: NewMessage) -> bool:
        """Keep a message; return whether it is kept, now or before. There is room for so many, and none after deletion.

        A call that has ended meanwhile takes it too: what was said was said.
        """
        whose = {"userId": ObjectId(user_id), "sessionId": session_id, "deletedAt": None}
        missing = {"messages.id": {"$ne": message.id}, f"messages.{MESSAGES_MAX - 1}": {"$exists": False}}
        steps: list[dict[str, Any]] = [{"$set": {**keeping(message), **naming([MESSAGE_MAIL])}}]
        kept = await retrying(lambda: self._conversations.update_one(whose | missing, steps))
        if kept.matched_count == 1:
            return True
        again = whose | {"messages.id": message.id}
        return await retrying(lambda: self._conversations.find_one(again, {"_id": 1})) is not None
