"""Conversations by text in MongoDB, for less than an hour: a later request may be answered by another process."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from bson.errors import InvalidId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import TurnRole
from callgenie.mongo.client import only_when_new, retrying
from callgenie.voice.ports import Message, ToolCall

Document = dict[str, Any]

# Nothing is stored beyond an hour. The server removes what has expired once a minute, later when it is busy.
STORED_FOR: Final = timedelta(minutes=55)

_NOT_EXPIRED: Final[Document] = {"$expr": {"$gt": ["$expiresAt", "$$NOW"]}}


@dataclass(frozen=True, slots=True)
class StoredConversation:
    """Text conversation as stored; `revision` counts the answers."""

    id: str
    messages: tuple[Message, ...]
    revision: int


class TextConversationStore:
    """Stores conversations, always as one user's."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["textconversations"]

    async def get(self, user_id: UserId, conversation_id: str) -> StoredConversation | None:
        """Return the user's conversation, or None."""
        try:
            query = {"_id": ObjectId(conversation_id), "userId": ObjectId(user_id), **_NOT_EXPIRED}
        except InvalidId:
            return None
        found = await retrying(lambda: self._conversations.find_one(query))
        if found is None:
            return None
        return StoredConversation(
            str(found["_id"]), tuple(_message_of(each) for each in found["messages"]), found["revision"]
        )

    async def create(self, user_id: UserId, messages: Sequence[Message]) -> str:
        """Store the first exchange of a conversation; return the conversation's id."""
        new_id = ObjectId()
        fields = {
            "userId": ObjectId(user_id),
            "messages": {"$literal": [_document_of(message) for message in messages]},
            "revision": 1,
            "createdAt": "$$NOW",
            "expiresAt": {"$add": ["$$NOW", int(STORED_FOR.total_seconds() * 1000)]},
        }
        await retrying(
            lambda: self._conversations.update_one({"_id": new_id}, only_when_new(fields), upsert=True),
        )
        return str(new_id)

    async def update(self, user_id: UserId, earlier: StoredConversation, messages: Sequence[Message]) -> bool:
        """Store what was said since `earlier`; return False if that is not the newest revision any more."""
        documents = [_document_of(message) for message in messages]
        whose = {"_id": ObjectId(earlier.id), "userId": ObjectId(user_id)}
        changes = {"$set": {"messages": documents, "revision": earlier.revision + 1}}
        query = whose | {"revision": earlier.revision}
        result = await retrying(lambda: self._conversations.update_one(query, changes))
        if result.matched_count == 1:
            return True
        # An earlier attempt of this write may have succeeded without an answer.
        again = whose | {"revision": earlier.revision + 1, "messages": documents}
        return await retrying(lambda: self._conversations.find_one(again, {"_id": 1})) is not None


def _document_of(message: Message) -> Document:
    # The arguments come from a model, and their names may be any.
    calls = [
        {"id": call.id, "name": call.name, "arguments": json.dumps(dict(call.arguments), default=str)}
        for call in message.tool_calls
    ]
    return {
        "role": message.role.value,
        "text": message.text,
        "toolCalls": calls,
        "toolCallId": message.tool_call_id,
    }


def _message_of(document: Mapping[str, Any]) -> Message:
    calls = tuple(ToolCall(call["name"], json.loads(call["arguments"]), call["id"]) for call in document["toolCalls"])
    return Message(TurnRole(document["role"]), document["text"], calls, document["toolCallId"])
