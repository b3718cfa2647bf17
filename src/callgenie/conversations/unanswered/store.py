"""Unanswered questions in MongoDB: one document a question and user, with its newest askings.

An asking is counted once, however often it is written: it is known by its call and its turn. Of a question that the
owner deleted a document without words remains for a while, so that askings from before the deletion do not return.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from bson.errors import InvalidId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError
from pymongo.results import UpdateResult

from callgenie.conversations.unanswered.models import (
    ASKINGS_MAX,
    QUESTIONS_MAX,
    SESSIONS_SHOWN,
    Asking,
    UnansweredQuestion,
)
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying

Document = dict[str, Any]

# Follow-ups of calls from before the deletion are long done by then, also those that were retried for days.
_DELETION_REMEMBERED: Final = timedelta(days=30)

_REMOVED_AT_ONCE_MAX: Final = 100

_ASKINGS: Final[Document] = {"$ifNull": ["$askings", []]}
_EARLIER: Final[Document] = {"$ifNull": ["$earlier", 0]}
_IS_LISTED: Final[Document] = {"lastAskedAt": {"$type": "date"}}
_IS_EMPTY: Final[Document] = {"$eq": ["$askings", []]}

# The second step of every change: what is shown of a question follows from its askings.
_SHOWN: Final[Document] = {
    "$set": {
        "lastAskedAt": {"$cond": [_IS_EMPTY, "$$REMOVE", {"$last": "$askings.at"}]},
        "question": {"$cond": [_IS_EMPTY, "$$REMOVE", {"$last": "$askings.question"}]},
        "earlier": {"$cond": [_IS_EMPTY, 0, "$earlier"]},
        # Without askings only the memory of a deletion is worth keeping.
        "removeAt": {
            "$cond": [
                _IS_EMPTY,
                {
                    "$cond": [
                        {"$eq": [{"$type": "$deletedAt"}, "date"]},
                        {"$add": ["$deletedAt", int(_DELETION_REMEMBERED.total_seconds() * 1000)]},
                        "$$NOW",
                    ]
                },
                "$$REMOVE",
            ]
        },
    }
}


class UnansweredQuestionStore:
    """The lists of all users, always as one user's."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._questions = db["unansweredquestions"]

    async def add(self, user_id: UserId, asking: Asking) -> None:
        """Count an asking, once; one from before the owner deleted the question stays off the list."""
        query = {"userId": ObjectId(user_id), "key": asking.key}
        steps: list[Document] = [{"$set": _adding(asking)}, _SHOWN]

        async def upsert() -> UpdateResult:
            return await self._questions.update_one(query, steps, upsert=True)

        async def upsert_or_update() -> UpdateResult:
            try:
                return await upsert()
            except DuplicateKeyError:
                # Another call asked the same question for the first time at the same moment.
                return await upsert()

        if (await retrying(upsert_or_update)).upserted_id is not None:
            await self._remove_oldest(user_id)

    async def forget(self, user_id: UserId, session_id: SessionId) -> None:
        """Remove all askings of a call; a question without others is off the list."""
        query = {"userId": ObjectId(user_id), "askings.sessionId": session_id}
        others = {"$ne": ["$$each.sessionId", {"$literal": session_id}]}
        left = {"$filter": {"input": _ASKINGS, "as": "each", "cond": others}}
        steps = [{"$set": {"askings": left}}, _SHOWN]
        await retrying(lambda: self._questions.update_many(query, steps))

    async def delete(self, user_id: UserId, question_id: str) -> bool:
        """Take a question off the list until it is asked again; return False where there is none."""
        try:
            query = {"_id": ObjectId(question_id), "userId": ObjectId(user_id)}
        except InvalidId:
            return False
        # Tells a repeated attempt of this deletion from somebody else's.
        deletion = ObjectId()
        deleted = {"askings": [], "deletedAt": "$$NOW", "deletion": deletion}
        steps = [{"$set": deleted}, _SHOWN]
        result = await retrying(lambda: self._questions.update_one(query | _IS_LISTED, steps))
        if result.matched_count == 1:
            return True
        again = query | {"deletion": deletion}
        return await retrying(lambda: self._questions.find_one(again, {"_id": 1})) is not None

    async def page(
        self, user_id: UserId, *, after: tuple[datetime, str] | None, limit: int
    ) -> Sequence[UnansweredQuestion]:
        """Return questions, the last asked first, those after the given time and id."""
        query: Document = {"userId": ObjectId(user_id), **_IS_LISTED}
        if after is not None:
            asked_at, last_id = after
            query["$or"] = [
                {"lastAskedAt": {"$lt": asked_at}},
                {"lastAskedAt": asked_at, "_id": {"$lt": ObjectId(last_id)}},
            ]

        async def read() -> list[Document]:
            found = self._questions.find(query).sort([("lastAskedAt", -1), ("_id", -1)])
            return await found.limit(limit).to_list()

        return [_question_of(document) for document in await retrying(read)]

    async def _remove_oldest(self, user_id: UserId) -> None:
        whose: Document = {"userId": ObjectId(user_id), **_IS_LISTED}

        async def find() -> list[Document]:
            found = self._questions.find(whose, {"lastAskedAt": 1}).sort([("lastAskedAt", -1), ("_id", -1)])
            return await found.skip(QUESTIONS_MAX).limit(_REMOVED_AT_ONCE_MAX).to_list()

        surplus = await retrying(find)
        if surplus:
            # Not one that was asked again since.
            these = {"_id": {"$in": [found["_id"] for found in surplus]}}
            still = {"lastAskedAt": {"$lte": surplus[0]["lastAskedAt"]}}
            await retrying(lambda: self._questions.delete_many(whose | these | still))


def _adding(asking: Asking) -> Document:
    """Return what a pipeline's `$set` has to set so that an asking is stored and counted, unless it was before."""
    document = {
        "sessionId": {"$literal": asking.session_id},
        "turn": asking.turn,
        "at": asking.at,
        # What callers said may begin with a dollar, and must stay text.
        "question": {"$literal": asking.question},
    }
    same = {
        "$and": [
            {"$eq": ["$$each.sessionId", {"$literal": asking.session_id}]},
            {"$eq": ["$$each.turn", asking.turn]},
        ]
    }
    is_known = {"$anyElementTrue": {"$map": {"input": _ASKINGS, "as": "each", "in": same}}}
    is_full = {"$gte": [{"$size": _ASKINGS}, ASKINGS_MAX]}
    # Older than all that are stored, it may have been counted already.
    is_too_old = {"$and": [is_full, {"$lt": [asking.at, {"$first": "$askings.at"}]}]}
    is_deleted = {"$and": [{"$eq": [{"$type": "$deletedAt"}, "date"]}, {"$lte": [asking.at, "$deletedAt"]}]}
    is_old = {"$or": [is_known, is_too_old, is_deleted]}
    sorted_ = {"$sortArray": {"input": {"$concatArrays": [_ASKINGS, [document]]}, "sortBy": {"at": 1}}}
    return {
        "askings": {"$cond": [is_old, _ASKINGS, {"$slice": [sorted_, -ASKINGS_MAX]}]},
        "earlier": {"$cond": [{"$and": [is_full, {"$not": [is_old]}]}, {"$add": [_EARLIER, 1]}, _EARLIER]},
    }


def _question_of(document: Document) -> UnansweredQuestion:
    askings = document["askings"]
    sessions = dict.fromkeys(SessionId(asking["sessionId"]) for asking in reversed(askings))
    return UnansweredQuestion(
        id=str(document["_id"]),
        question=document["question"],
        count=document["earlier"] + len(askings),
        last_asked_at=document["lastAskedAt"],
        session_ids=tuple(sessions)[:SESSIONS_SHOWN],
    )
