"""Where conversations are read, always as one user's."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect, CursorNotFound

from callgenie.conversations.asked_questions import OPEN_OUTCOMES
from callgenie.conversations.documents import Document, conversation_of, has_turn_of
from callgenie.conversations.follow_up_store import naming
from callgenie.conversations.models import Conversation, ConversationFilters
from callgenie.conversations.unanswered.models import UNANSWERED_QUESTIONS
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import LIVE_STATUSES, Carrier
from callgenie.mongo.client import retrying
from callgenie.mongo.errors import DatabaseBusyError
from callgenie.recordings.documents import left_of_recording

# A list shows the first exchange: the greeting, the caller's first words and the first answer are among these, also
# where the caller was asked again.
FIRST_TURNS: Final = 6
_SLIM: Final[Document] = {"turns": {"$slice": FIRST_TURNS}, "exchangeIds": 0, "metrics": 0}
_WHOLE: Final[Document] = {"exchangeIds": 0}
_WITHOUT_TURNS: Final[Document] = {"turns": 0, "exchangeIds": 0}

# Whoever downloads slowly keeps this many in our memory, and not more.
_STREAM_BATCH: Final = 20

# A stream that lost the server goes on behind its last conversation. Looking for another primary takes the driver up to
# eight seconds each time; who gets nothing after two of them should hear so.
_STREAM_BREAKS_MAX: Final = 1
_STREAM_PAUSE_SECONDS: Final = 1.0

# What a deleted conversation keeps: whose and which call it was, so that it does not come back, and its figures.
_KEPT_FIELDS: Final = (
    "userId",
    "sessionId",
    "carrier",
    "direction",
    "status",
    "endedReason",
    "fault",
    "startedAt",
    "periodStart",
    "duration",
    "billableSeconds",
    "overageSeconds",
    "counted",
    "migratedFrom",
    "followUps",
    "followUpAt",
)
_IS_THERE: Final[Document] = {"deletedAt": None}
_IS_OVER: Final[Document] = {
    "leaseUntil": None,
    # A call held elsewhere is never on our line, whatever its last status was.
    "$or": [{"carrier": Carrier.API.value}, {"status": {"$nin": [status.value for status in LIVE_STATUSES]}}],
}


class ConversationStore:
    """Reads the record, and deletes from it."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def get(self, user_id: UserId, session_id: SessionId, *, with_turns: bool = True) -> Conversation | None:
        """Return the user's conversation with all its turns, or with none, or None."""
        query = _key(user_id, session_id) | _IS_THERE
        shown = None if with_turns else _WITHOUT_TURNS
        found = await retrying(lambda: self._conversations.find_one(query, shown))
        return None if found is None else conversation_of(found)

    async def whole_of_any_user(self, conversation_ids: Sequence[str]) -> AsyncIterator[Conversation]:
        """Yield conversations of whichever users with all their turns, those that are still there, in any order."""

        async def read(some: Sequence[str]) -> list[Document]:
            query = {"_id": {"$in": [ObjectId(each) for each in some]}, **_IS_THERE}
            return await retrying(lambda: self._conversations.find(query, _WHOLE).to_list())

        for at in range(0, len(conversation_ids), _STREAM_BATCH):
            for document in await read(conversation_ids[at : at + _STREAM_BATCH]):
                yield conversation_of(document)

    async def page(
        self, user_id: UserId, filters: ConversationFilters, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Conversation]:
        """Return conversations with their first turns, newest first, those after the given start and id."""
        query = _query(user_id, filters, after)

        async def read() -> list[Document]:
            found = self._conversations.find(query, _SLIM).sort([("startedAt", -1), ("_id", -1)])
            return await found.limit(limit).to_list()

        return [conversation_of(document) for document in await retrying(read)]

    async def stream(
        self, user_id: UserId, filters: ConversationFilters, *, whole: bool
    ) -> AsyncIterator[Conversation]:
        """Yield conversations, newest first, with all their turns or with the first ones.

        Raises:
            DatabaseBusyError: The database is away for longer than a change of its primary takes.
        """
        after: tuple[datetime, str] | None = None
        breaks = 0
        while True:
            found = self._conversations.find(
                _query(user_id, filters, after), _WHOLE if whole else _SLIM, batch_size=_STREAM_BATCH
            )
            try:
                async with found.sort([("startedAt", -1), ("_id", -1)]).allow_disk_use(True) as documents:
                    async for document in documents:
                        yield conversation_of(document)
                        after, breaks = (document["startedAt"], str(document["_id"])), 0
            except (AutoReconnect, CursorNotFound) as error:
                breaks += 1
                if breaks > _STREAM_BREAKS_MAX:
                    raise DatabaseBusyError("The database cannot be read now. Try again in a moment.") from error
                await asyncio.sleep(_STREAM_PAUSE_SECONDS)
            else:
                return

    async def exists(self, user_id: UserId, session_id: SessionId) -> bool:
        """Tell whether the user has the conversation."""
        query = _key(user_id, session_id) | _IS_THERE
        return await retrying(lambda: self._conversations.find_one(query, {"_id": 1})) is not None

    async def delete(self, user_id: UserId, session_id: SessionId) -> bool:
        """Leave of a call that is over nothing but its figures; return whether there was one to do it to.

        One write, so that the figures are never gone while the usage they explain is still there. Without a revision
        it fits no change that was made from an earlier one. Its unanswered questions go too: that follows the deletion.
        """
        query = _key(user_id, session_id) | _IS_THERE | _IS_OVER
        left = {name: f"${name}" for name in _KEPT_FIELDS} | {"recording": left_of_recording()}
        steps: list[Document] = [
            {"$unset": ["followUps", "followUpAt"]},
            {"$set": naming([UNANSWERED_QUESTIONS], when=has_turn_of(OPEN_OUTCOMES))},
            {"$replaceWith": {"_id": "$_id", **left, "turns": [], "turnCount": 0, "deletedAt": "$$NOW"}},
        ]
        result = await retrying(lambda: self._conversations.update_one(query, steps))
        return result.matched_count == 1


def _key(user_id: UserId, session_id: SessionId) -> Document:
    return {"userId": ObjectId(user_id), "sessionId": session_id}


def _query(user_id: UserId, filters: ConversationFilters, after: tuple[datetime, str] | None) -> Document:
    query = {"userId": ObjectId(user_id), **_IS_THERE, **_wanted(filters)}
    if after is not None:
        started_at, last_id = after
        query["$or"] = [
            {"startedAt": {"$lt": started_at}},
            {"startedAt": started_at, "_id": {"$lt": ObjectId(last_id)}},
        ]
    return query


def _wanted(filters: ConversationFilters) -> Document:
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
