"""What becomes of a transfer that was asked for in a call: who is dialled, and whether they answered."""

from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import TransferStatus
from callgenie.mongo.client import retrying

Document = dict[str, Any]

_OPEN: Final[Document] = {"$in": [TransferStatus.REQUESTED.value, TransferStatus.DIALLING.value]}
_NUMBERS: Final[Document] = {"transfer": 1, "phoneNumber": 1, "dialledNumber": 1, "callerId": 1}


@dataclass(frozen=True, slots=True)
class Handover:
    """A caller who is to be put through to `to`.

    Attributes:
        from_number: The caller's number; None when it is withheld.
        our_number: The number that was called, or that we called from.
        is_outbound: Whether we have called them.
    """

    to: str
    from_number: str | None
    our_number: str | None
    is_outbound: bool = False

    @property
    def caller_id(self) -> str | None:
        """What the one who is dialled should see; None for the number of the caller."""
        return self.our_number if self.is_outbound or self.from_number is None else None


class TransferStore:
    """Keeps the transfer of a conversation; whether its call still goes on does not matter."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def dial(self, user_id: UserId, session_id: SessionId) -> Handover | None:
        """Note that a requested transfer is dialled; again: the same. None when there is nothing to dial (any more)."""
        query = _key(user_id, session_id) | {"transfer.status": _OPEN}
        steps = [
            {
                "$set": {
                    "transfer.status": TransferStatus.DIALLING.value,
                    "transfer.dialledAt": {"$ifNull": ["$transfer.dialledAt", "$$NOW"]},
                }
            }
        ]
        found = await retrying(
            lambda: self._conversations.find_one_and_update(
                query, steps, _NUMBERS, return_document=ReturnDocument.AFTER
            )
        )
        if found is None:
            return None
        to, caller_id = found["transfer"]["to"], found.get("callerId")
        ours = caller_id or found.get("dialledNumber")
        return Handover(to, found.get("phoneNumber"), ours, is_outbound=caller_id is not None)

    async def note_outcome(self, user_id: UserId, session_id: SessionId, outcome: TransferStatus, seconds: int) -> None:
        """Note what came of it, and how long they talked; the first outcome stays."""
        query = _key(user_id, session_id) | {"transfer.status": _OPEN}
        steps = [{"$set": {"transfer.status": outcome.value, "transfer.seconds": seconds, "transfer.endedAt": "$$NOW"}}]
        await retrying(lambda: self._conversations.update_one(query, steps))


def _key(user_id: UserId, session_id: SessionId) -> Document:
    return {"userId": ObjectId(user_id), "sessionId": session_id}
