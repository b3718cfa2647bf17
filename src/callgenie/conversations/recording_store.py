"""Where conversations are kept that another voice engine held."""

from collections.abc import Sequence
from typing import Final

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.conversations.documents import Document, conversation_of
from callgenie.conversations.exchanges import Addition
from callgenie.conversations.follow_up_plan import FollowUpPlan
from callgenie.conversations.follow_up_store import naming
from callgenie.conversations.live_store import ADMISSION_SECONDS, SETTLEMENT_SECONDS, in_seconds
from callgenie.conversations.models import Conversation
from callgenie.kernel.ids import SessionId, UserId
from callgenie.mongo.client import retrying

_WITHOUT_TURNS: Final[Document] = {"turns": 0}
_LEASE: Final[Document] = {
    "leaseUntil": in_seconds(SETTLEMENT_SECONDS),
    "admitBy": in_seconds(ADMISSION_SECONDS),
}


class RecordingStore:
    """Changes recorded conversations; each change names the revision that it was made from."""

    def __init__(self, db: AsyncDatabase[Document], follow_ups: FollowUpPlan | None = None) -> None:
        self._conversations = db["conversations"]
        self._follow_ups = follow_ups or FollowUpPlan()

    async def get(self, user_id: UserId, session_id: SessionId) -> Conversation | None:
        """Return the user's conversation without turns, or None."""
        query = {"userId": ObjectId(user_id), "sessionId": session_id}
        found = await retrying(lambda: self._conversations.find_one(query, _WITHOUT_TURNS))
        return None if found is None else conversation_of(found)

    async def change(
        self, user_id: UserId, session_id: SessionId, revision: int, addition: Addition
    ) -> Conversation | None:
        """Set fields and append turns where the conversation is at `revision`; 0 is one that is not there yet.

        One that is to be settled takes the settlement's lease in the same write, so that the sweeper settles what is
        cut off right after it. Returns None when somebody else has changed the conversation meanwhile.
        """
        query = {"userId": ObjectId(user_id), "sessionId": session_id, "revision": revision}
        # Literals, because texts may begin with a dollar.
        changes: Document = {name: {"$literal": value} for name, value in addition.fields.items()}
        changes["revision"] = revision + 1
        changes["turns"] = {"$concatArrays": [{"$ifNull": ["$turns", []]}, {"$literal": list(addition.turns)}]}
        changes["turnCount"] = {"$add": [{"$ifNull": ["$turnCount", 0]}, len(addition.turns)]}
        kinds: tuple[str, ...] = ()
        if addition.begins:
            kinds = await self._follow_ups.after_answer(user_id)
        if addition.to_be_settled:
            changes |= _LEASE
        elif addition.ends:
            # What is not to be settled does not count, and is not summed up either.
            kinds = await self._follow_ups.after_end(user_id, was_held=False)
        changes |= naming(kinds)

        async def update() -> Document | None:
            return await self._conversations.find_one_and_update(
                query,
                [{"$set": changes}],
                _WITHOUT_TURNS,
                upsert=revision == 0,
                return_document=ReturnDocument.AFTER,
            )

        try:
            changed = await retrying(update)
        except DuplicateKeyError:
            # Somebody else has made the conversation meanwhile.
            return None
        return self._named(changed, kinds)

    async def claim(self, conversation: Conversation) -> Conversation | None:
        """Take an overdue settlement over, with a lease and a deadline of one's own; None when it is not overdue."""
        query = _key(conversation) | {
            "leaseUntil": {"$type": "date"},
            "$expr": {"$lt": ["$leaseUntil", "$$NOW"]},
        }
        claimed = await retrying(
            lambda: self._conversations.find_one_and_update(
                query, [{"$set": _LEASE}], _WITHOUT_TURNS, return_document=ReturnDocument.AFTER
            )
        )
        return None if claimed is None else conversation_of(claimed)

    async def bill(
        self, conversation: Conversation, *, billable_seconds: int, overage_seconds: int, counted: bool
    ) -> Conversation | None:
        """Say what counts against the plan, once; None when that has been said.

        Only now all is known that whatever follows may ask.
        """
        query = _key(conversation) | {"billableSeconds": {"$exists": False}}
        kinds = await self._follow_ups.after_end(conversation.user_id, was_held=counted)
        bill: Document = {
            "billableSeconds": billable_seconds,
            "overageSeconds": overage_seconds,
            "counted": counted,
            **naming(kinds),
        }
        billed = await retrying(
            lambda: self._conversations.find_one_and_update(
                query, [{"$set": bill}], _WITHOUT_TURNS, return_document=ReturnDocument.AFTER
            )
        )
        return self._named(billed, kinds)

    def _named(self, changed: Document | None, kinds: Sequence[str]) -> Conversation | None:
        if changed is None:
            return None
        if kinds:
            self._follow_ups.named.set()
        return conversation_of(changed)


def _key(conversation: Conversation) -> Document:
    return {"userId": ObjectId(conversation.user_id), "sessionId": conversation.session_id}
