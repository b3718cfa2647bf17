"""The calls that go on, as their owner sees them, and the owner's wish to end one.

The wish is written on the conversation, for the call may run in another process. Every process follows those writes:
by a change stream, or by looking every now and then where there is none.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import structlog
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from callgenie.conversations.documents import Document, conversation_of
from callgenie.conversations.live_store import GOES_ON, NOT_OVERDUE
from callgenie.conversations.models import Conversation
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import LIVE_STATUSES, Carrier
from callgenie.mongo.client import retrying

_log = structlog.get_logger(__name__)

STREAM_BROKE: Final = "hang_ups.stream_broke"

# Calls that another voice engine holds are on no line of ours.
_ON_OUR_LINE: Final[Document] = {"carrier": {"$ne": Carrier.API.value}}

# A page of them; a call that is to be hung up is gone from the list within seconds.
_HANG_UPS_MAX: Final = 200

# The server answers at once when there is a change, and after so long that there is none.
_AWAIT_MS: Final = 1_000

_SECONDS_SO_FAR: Final[Document] = {
    "$max": [0, {"$dateDiff": {"startDate": "$answeredAt", "endDate": "$$NOW", "unit": "second"}}]
}
_ASKED_FOR: Final[list[Mapping[str, Any]]] = [
    {"$match": {"operationType": "update", "updateDescription.updatedFields.hangUpRequestedAt": {"$exists": True}}},
    {"$project": {"fullDocument.sessionId": 1}},
]


@dataclass(frozen=True, slots=True)
class OngoingCall:
    """A call that goes on. `seconds` have passed since it was answered; None while it rings."""

    conversation: Conversation
    seconds: int | None


class OngoingCallStore:
    """Reads the calls in progress, and keeps what their owners want of them. Conversations come without turns."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def page(self, user_id: UserId, *, after: tuple[datetime, str] | None, limit: int) -> list[OngoingCall]:
        """Return the user's calls in progress, newest first, those after the given start and id."""
        query: Document = {"userId": ObjectId(user_id), "status": {"$in": list(LIVE_STATUSES)}}
        query |= _ON_OUR_LINE | NOT_OVERDUE
        if after is not None:
            started_at, last_id = after
            query["$or"] = [
                {"startedAt": {"$lt": started_at}},
                {"startedAt": started_at, "_id": {"$lt": ObjectId(last_id)}},
            ]

        steps: list[Mapping[str, Any]] = [
            {"$match": query},
            {"$sort": {"startedAt": -1, "_id": -1}},
            {"$limit": limit},
            {"$unset": "turns"},
            {"$set": {"seconds": _SECONDS_SO_FAR}},
        ]

        async def read() -> list[Document]:
            return await (await self._conversations.aggregate(steps)).to_list()

        return [
            OngoingCall(conversation_of(document), document["seconds"] if "answeredAt" in document else None)
            for document in await retrying(read)
        ]

    async def request_hang_up(self, user_id: UserId, session_id: SessionId) -> bool:
        """Note that the owner wants an answered call to end; return whether it goes on. Again: the first wish stays."""
        query = {"userId": ObjectId(user_id), "sessionId": session_id} | GOES_ON | _ON_OUR_LINE | NOT_OVERDUE
        change = [{"$set": {"hangUpRequestedAt": {"$ifNull": ["$hangUpRequestedAt", "$$NOW"]}}}]
        asked = await retrying(
            lambda: self._conversations.find_one_and_update(
                query, change, {"_id": 1}, return_document=ReturnDocument.AFTER
            )
        )
        return asked is not None

    async def find_hang_ups_of_any_user(self) -> list[SessionId]:
        """Return the calls of whichever users that are to be hung up and are not over yet."""
        query = GOES_ON | {"hangUpRequestedAt": {"$type": "date"}, "leaseUntil": {"$type": "date"}}

        async def read() -> list[Document]:
            found = self._conversations.find(query, {"sessionId": 1}).sort("hangUpRequestedAt", 1)
            return await found.limit(_HANG_UPS_MAX).to_list()

        return [SessionId(document["sessionId"]) for document in await retrying(read)]

    async def follow_hang_ups_of_any_user(self) -> AsyncGenerator[SessionId, None]:
        """Yield calls to be hung up, first those of before, then each as it is asked for; end when the stream breaks.

        It takes one connection for as long as it runs.

        Raises:
            UnavailableError: The database is away.
        """
        try:
            async with await self._conversations.watch(
                _ASKED_FOR, full_document="updateLookup", max_await_time_ms=_AWAIT_MS
            ) as changes:
                for session_id in await self.find_hang_ups_of_any_user():
                    yield session_id
                async for change in changes:
                    # A conversation that was erased meanwhile is not there to be looked up.
                    if (found := change.get("fullDocument")) is not None:
                        yield SessionId(found["sessionId"])
        except PyMongoError as error:
            # Where changes cannot be followed at all, such as for a user without the right to, it is so every time.
            _log.info(STREAM_BROKE, error=type(error).__name__)
