"""Where conversations are read, always as one user's."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document, conversation_of
from callgenie.conversations.models import Conversation, ConversationFilters
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying

# A list shows the first exchange: the greeting, the caller's first words and the first answer are among these, also
# where the caller was asked again.
FIRST_TURNS: Final = 6
_SLIM: Final[Document] = {"turns": {"$slice": FIRST_TURNS}, "exchangeIds": 0, "metrics": 0}


class ConversationStore:
    """Reads the record."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def get(self, user_id: UserId, session_id: SessionId) -> Conversation | None:
        """Return the user's conversation with all its turns, or None."""
        query = {"userId": ObjectId(user_id), "sessionId": session_id}
        found = await retrying(lambda: self._conversations.find_one(query))
        return None if found is None else conversation_of(found)

    async def page(
        self, user_id: UserId, filters: ConversationFilters, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Conversation]:
        """Return conversations with their first turns, newest first, those after the given start and id."""
        query = {"userId": ObjectId(user_id), **_query(filters)}
        if after is not None:
            started_at, last_id = after
            query["$or"] = [
                {"startedAt": {"$lt": started_at}},
                {"startedAt": started_at, "_id": {"$lt": ObjectId(last_id)}},
            ]

        async def read() -> list[Document]:
            found = self._conversations.find(query, _SLIM).sort([("startedAt", -1), ("_id", -1)])
            return await found.limit(limit).to_list()

        return [conversation_of(document) for document in await retrying(read)]


def _query(filters: ConversationFilters) -> Document:
    query: Document = {
        name: value
        for name, value in (
            ("status", filters.status),
            ("direction", filters.direction),
            ("endedReason", filters.ended_reason),
            ("phoneNumber", filters.phone_number),
        )
        if value is not None
    }
    _bound(query, "startedAt", {"$gte": filters.started_from, "$lt": filters.started_before})
    _bound(query, "duration", {"$gte": filters.min_duration, "$lte": filters.max_duration})
    if filters.phrase is not None:
        # In quotes a text is taken word for word, and what would be an operator of the search language is text. Only
        # a quote or a backslash would end it: what stands between those must all be found, each word for word.
        parts = [part for part in re.split(r'["\\]', filters.phrase) if part.strip()]
        query["$text"] = {"$search": " ".join(f'"{part}"' for part in parts)}
    return query


def _bound(query: Document, field: str, bounds: dict[str, Any]) -> None:
    given = {operator: value for operator, value in bounds.items() if value is not None}
    if given:
        query[field] = given
