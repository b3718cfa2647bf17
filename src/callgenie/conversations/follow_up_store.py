"""What still follows a conversation: field `followUps` of its document, named in the very write that makes it due.

`followUpAt` is when somebody may next take one up. Only conversations that something still follows have it, so the
index that every worker looks through is as large as what is left to do. All times are the server's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import ASCENDING
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.conversations.documents import Document, conversation_of
from callgenie.conversations.models import Conversation
from callgenie.mongo.client import retrying

_WITHOUT_TURNS: Final[Document] = {"turns": 0}

# The index by kind and time.
BY_KIND: Final = "followUps_kind_followUpAt"

# What waits is read for its age only so far: when this many wait, the oldest is old enough to be seen.
_AGES_READ_MAX: Final = 1_000


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

    async def claim_of_any_user(
        self, kinds: Sequence[str], claim: str, lease: timedelta, *, limit: int = 1
    ) -> list[FollowUp]:
        """Claim, for the time of `lease`, what is due longest among `kinds`, of at most `limit` conversations.

        What a claimer that died had is due again when the lease is over. Each claim counts as an attempt.
        """
        is_due = {"$and": [{"$in": ["$$each.kind", list(kinds)]}, {"$lte": ["$$each.dueAt", "$$NOW"]}]}
        query: Document = {
            "followUps.kind": {"$in": list(kinds)},
            "followUpAt": {"$type": "date"},
            "$and": [
                {"$expr": {"$lte": ["$followUpAt", "$$NOW"]}},
                {"$expr": {"$ne": [_those(is_due), []]}},
            ],
        }

        async def find() -> list[Document]:
            # Left to itself the server goes by the time alone, through all that waits for workers of other kinds.
            found = self._conversations.find(query, {"_id": 1}).hint(BY_KIND)
            return await found.sort([("followUpAt", ASCENDING)]).limit(limit).to_list()

        ids = [document["_id"] for document in await retrying(find)]
        if not ids:
            return []
        taken = {
            "claim": claim,
            "attempts": {"$add": ["$$each.attempts", 1]},
            "dueAt": {"$add": ["$$NOW", _milliseconds(lease)]},
        }
        steps = [{"$set": {"followUps": _where(is_due, taken)}}, *_NEXT]
        # Of two workers that have found the same, the second finds nothing due any more; so does a repeated attempt,
        # and what its first one has claimed is read below.
        await retrying(lambda: self._conversations.update_many({**query, "_id": {"$in": ids}}, steps))
        mine = {"_id": {"$in": ids}, "followUps.claim": claim}
        documents = await retrying(lambda: self._conversations.find(mine, _WITHOUT_TURNS).to_list())
        return [
            claimed
            for document in sorted(documents, key=lambda document: ids.index(document["_id"]))
            for claimed in _claimed(document, claim)
        ]

    async def finish(self, follow_ups: Sequence[FollowUp]) -> int:
        """Take follow-ups of one kind and one claim off their conversations; return how many.

        The others are another worker's by now, or were named again.
        """
        if not follow_ups:
            return 0
        kind, claim = follow_ups[0].kind, follow_ups[0].claim
        left = _those({"$or": [{"$ne": ["$$each.kind", kind]}, {"$ne": ["$$each.claim", claim]}]})
        return await self._change(follow_ups, left)

    async def pass_on(self, follow_ups: Sequence[FollowUp], kind: str) -> int:
        """Make follow-ups of one kind and one claim follow-ups of another kind, due now; return how many."""
        if not follow_ups:
            return 0
        fresh = {"kind": kind, "claim": "$$REMOVE", "dueAt": "$$NOW", "attempts": 0}
        return await self._change(follow_ups, _where(_is_claimed(follow_ups[0]), fresh))

    async def postpone(self, follow_up: FollowUp, delay: timedelta) -> bool:
        """Have it tried again after `delay`; return False if it is another worker's by now, or was named again."""
        later = {"claim": "$$REMOVE", "dueAt": {"$add": ["$$NOW", _milliseconds(delay)]}}
        return await self._change([follow_up], _where(_is_claimed(follow_up), later)) == 1

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

    async def _change(self, follow_ups: Sequence[FollowUp], changed: Document) -> int:
        first = follow_ups[0]
        which = {
            "_id": {"$in": [ObjectId(follow_up.conversation.id) for follow_up in follow_ups]},
            "userId": {"$in": [ObjectId(user_id) for user_id in {each.conversation.user_id for each in follow_ups}]},
            "followUps": {"$elemMatch": {"kind": first.kind, "claim": first.claim}},
        }
        steps = [{"$set": {"followUps": changed}}, *_NEXT]
        result = await retrying(lambda: self._conversations.update_many(which, steps))
        return result.matched_count


def _those(condition: Document) -> Document:
    """Return the expression for the follow-ups that fulfil a condition on `$$each`."""
    every = {"$ifNull": ["$followUps", []]}
    return {"$filter": {"input": every, "as": "each", "cond": condition}}


def _where(condition: Document, changes: Document) -> Document:
    """Return the expression for all follow-ups, with those changed that fulfil a condition on `$$each`."""
    changed = {"$mergeObjects": [{"$unsetField": {"field": "claim", "input": "$$each"}}, changes]}
    return {"$map": {"input": "$followUps", "as": "each", "in": {"$cond": [condition, changed, "$$each"]}}}


def _is_claimed(follow_up: FollowUp) -> Document:
    return {"$and": [{"$eq": ["$$each.kind", follow_up.kind]}, {"$eq": ["$$each.claim", follow_up.claim]}]}


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


def _claimed(document: Document, claim: str) -> Iterator[FollowUp]:
    conversation = conversation_of(document)
    for each in document["followUps"]:
        if each.get("claim") == claim:
            yield FollowUp(each["kind"], conversation, each["attempts"], each["askedAt"], claim)
