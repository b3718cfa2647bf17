"""What still follows a conversation: field `followUps` of its document, named in the very write that makes it due.

`followUpAt` is when somebody may next take one up. Only conversations that something still follows have it, so the
index that every worker looks through is as large as what is left to do. All times are the server's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import ASCENDING, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document, conversation_of
from callgenie.conversations.models import Conversation
from callgenie.mongo.client import retrying

_WITHOUT_TURNS: Final[Document] = {"turns": 0}

# What waits is read for its age only so far: when this many wait, the oldest is old enough to be seen.
_AGES_READ_MAX: Final = 1_000


# The call is to be summed up.
ANALYSIS: Final = "analysis"


@dataclass(frozen=True, slots=True)
class FollowUpKinds:
    """What follows a call that was answered, one that is over, however it ended, and one that was summed up."""

    answered: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    analysed: tuple[str, ...] = ()


# A kind that stands here needs a handler in `wiring.follow_ups`.
FOLLOW_UPS: Final = FollowUpKinds(
    answered=("call.started",), ended=("call.ended", ANALYSIS), analysed=("call.analyzed",)
)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One that is the claimer's for the time of its lease. The conversation comes without turns, and as it is now."""

    kind: str
    conversation: Conversation
    attempts: int
    asked_at: datetime
    claim: str


def naming(kinds: Sequence[str], *, when: Any = True) -> Document:
    """Return what a pipeline's `$set` has to set so that `kinds` follow, where the expression `when` is true.

    A kind that still follows, or that somebody works off just now, begins anew.
    """
    if not kinds:
        return {}
    fresh = [{"kind": kind, "askedAt": "$$NOW", "dueAt": "$$NOW", "attempts": 0} for kind in kinds]
    others = _those({"$not": [{"$in": ["$$each.kind", list(kinds)]}]})
    return {
        "followUps": {"$cond": [when, {"$concatArrays": [others, fresh]}, "$followUps"]},
        "followUpAt": {"$cond": [when, {"$min": ["$followUpAt", "$$NOW"]}, "$followUpAt"]},
    }


class FollowUpStore:
    """What follows conversations of whichever users; each can be one worker's for a while."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def claim_of_any_user(self, kinds: Sequence[str], claim: str, lease: timedelta) -> FollowUp | None:
        """Return what is due longest among `kinds` and have it be the caller's for the time of `lease`, or None.

        What a claimer that died had is due again when the lease is over. Each claim counts as an attempt.
        """
        is_due = {"$and": [{"$in": ["$$each.kind", list(kinds)]}, {"$lte": ["$$each.dueAt", "$$NOW"]}]}
        due = _those(is_due)
        query: Document = {
            "followUpAt": {"$type": "date"},
            "$and": [
                {"$expr": {"$lte": ["$followUpAt", "$$NOW"]}},
                {"$expr": {"$ne": [due, []]}},
            ],
        }
        taken = {
            "claim": claim,
            "attempts": {"$add": ["$$each.attempts", 1]},
            "dueAt": {"$add": ["$$NOW", _milliseconds(lease)]},
        }
        first = {"$first": {"$map": {"input": due, "as": "each", "in": "$$each.kind"}}}
        steps = [{"$set": {"followUps": _with(first, taken)}}, *_NEXT]
        document = await retrying(
            lambda: self._conversations.find_one_and_update(
                query,
                steps,
                _WITHOUT_TURNS,
                sort=[("followUpAt", ASCENDING)],
                return_document=ReturnDocument.AFTER,
            )
        )
        return None if document is None else _claimed(document, claim)

    async def finish(self, follow_up: FollowUp) -> bool:
        """Say that it was worked off; return False if it is another worker's by now, or was named again."""
        left = _those({"$ne": ["$$each.kind", follow_up.kind]})
        return await self._change(follow_up, left)

    async def postpone(self, follow_up: FollowUp, delay: timedelta) -> bool:
        """Have it tried again after `delay`; return False if it is another worker's by now, or was named again."""
        later = {"claim": "$$REMOVE", "dueAt": {"$add": ["$$NOW", _milliseconds(delay)]}}
        return await self._change(follow_up, _with(follow_up.kind, later))

    async def oldest_seconds(self) -> float:
        """Return for how long what waits longest has been waiting; 0 where nothing follows."""
        steps: list[Document] = [
            {"$match": {"followUpAt": {"$type": "date"}}},
            {"$sort": {"followUpAt": ASCENDING}},
            {"$limit": _AGES_READ_MAX},
            {"$group": {"_id": None, "oldest": {"$min": {"$min": "$followUps.askedAt"}}}},
            {"$project": {"seconds": {"$divide": [{"$subtract": ["$$NOW", "$oldest"]}, 1000]}}},
        ]

        async def read() -> list[Document]:
            return await (await self._conversations.aggregate(steps)).to_list()

        found = await retrying(read)
        return float(found[0]["seconds"]) if found else 0.0

    async def _change(self, follow_up: FollowUp, follow_ups: Document) -> bool:
        conversation = follow_up.conversation
        which = {
            "_id": ObjectId(conversation.id),
            "userId": ObjectId(conversation.user_id),
            "followUps": {"$elemMatch": {"kind": follow_up.kind, "claim": follow_up.claim}},
        }
        steps = [{"$set": {"followUps": follow_ups}}, *_NEXT]
        result = await retrying(lambda: self._conversations.update_one(which, steps))
        return result.matched_count == 1


def _those(condition: Document) -> Document:
    """Return the expression for the follow-ups that fulfil a condition on `$$each`."""
    every = {"$ifNull": ["$followUps", []]}
    return {"$filter": {"input": every, "as": "each", "cond": condition}}


def _with(kind: Any, changes: Document) -> Document:
    """Return the expression for the follow-ups with one of them changed."""
    changed = {"$mergeObjects": [{"$unsetField": {"field": "claim", "input": "$$each"}}, changes]}
    change = {"$cond": [{"$eq": ["$$each.kind", "$$kind"]}, changed, "$$each"]}
    return {
        "$let": {"vars": {"kind": kind}, "in": {"$map": {"input": "$followUps", "as": "each", "in": change}}},
    }


_IS_NOTHING_LEFT: Final[Document] = {"$eq": ["$followUps", []]}

# The second half of every change: when somebody may next look, or that nothing follows any more.
_NEXT: Final[tuple[Document, ...]] = (
    {
        "$set": {
            "followUpAt": {"$cond": [_IS_NOTHING_LEFT, "$$REMOVE", {"$min": "$followUps.dueAt"}]},
            "followUps": {"$cond": [_IS_NOTHING_LEFT, "$$REMOVE", "$followUps"]},
        }
    },
)


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


def _claimed(document: Document, claim: str) -> FollowUp:
    found = next(each for each in document["followUps"] if each.get("claim") == claim)
    return FollowUp(found["kind"], conversation_of(document), found["attempts"], found["askedAt"], claim)
