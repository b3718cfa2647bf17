"""How recordings stand: the field `recording` of conversations, changed in steps that can each be repeated.

`removeAt` is when the next step is due, by the database's clock: of a recording that is stored, its removal; of one
that is still going on, that it must be lost. One index finds both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import RecordingFault, RecordingState
from callgenie.mongo.client import retrying
from callgenie.recordings.documents import recording_of
from callgenie.recordings.models import CallRecording, Label

Document = dict[str, Any]

_DAY_MS: Final = 24 * 60 * 60 * 1_000

# A machine that was switched off for a week-end, or a store that was away for days, still brings what it has.
_LOST_AFTER_DAYS: Final = 7

_UNFINISHED: Final = [RecordingState.RECORDING.value, RecordingState.FAILED.value]


@dataclass(frozen=True, slots=True)
class DueRecording:
    """A recording whose next step is due, as it was found."""

    conversation_id: ObjectId
    recording: CallRecording
    conversation_is_deleted: bool


class RecordingStates:
    """Keeps how recordings stand. That of a deleted conversation never changes but by its removal."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._conversations = db["conversations"]

    async def find(self, user_id: UserId, session_id: SessionId) -> CallRecording | None:
        """Return what the user's conversation says of its recording, or None."""
        query = {"userId": ObjectId(user_id), "sessionId": session_id, "deletedAt": None}
        found = await retrying(lambda: self._conversations.find_one(query, {"recording": 1}))
        return None if found is None else recording_of(found.get("recording"))

    async def is_wanted(self, label: Label) -> bool:
        """Tell whether the call's conversation is still there to have a recording."""
        return await retrying(lambda: self._conversations.find_one(_of(label), {"_id": 1})) is not None

    async def begin(self, label: Label) -> None:
        """Say that the call is being recorded; what is known already stays."""
        begun = {"state": RecordingState.RECORDING.value, "key": label.key, "removeAt": _in_days(_LOST_AFTER_DAYS)}
        query = _of(label) | {"recording": None}
        await retrying(lambda: self._conversations.update_one(query, [{"$set": {"recording": begun}}]))

    async def store(self, label: Label, *, seconds: int, size_bytes: int) -> bool:
        """Say that the object store has it; return whether anybody still wants it, by now or from before."""
        stored: Document = {
            "state": RecordingState.STORED.value,
            "key": label.key,
            "seconds": seconds,
            "bytes": size_bytes,
            "removeAt": _in_days(label.keep_days),
        }
        if label.fault is not None:
            stored["fault"] = label.fault.value
        return await self._finish(label, stored)

    async def fail(self, label: Label, fault: RecordingFault) -> bool:
        """Say that there is nothing to store; return whether anybody still wants to know."""
        return await self._finish(label, {"state": RecordingState.FAILED.value, "fault": fault.value})

    async def _finish(self, label: Label, field: Document) -> bool:
        query = _of(label) | {"recording.state": {"$in": [None, *_UNFINISHED]}}
        result = await retrying(lambda: self._conversations.update_one(query, [{"$replaceWith": _with(field)}]))
        if result.matched_count:
            return True
        # Somebody has finished it before: the same write that arrived twice, or its removal.
        found = await self.find(label.user_id, label.session_id)
        return found is not None and found.state.value == field["state"]

    async def find_due_of_any_user(self, limit: int) -> Sequence[DueRecording]:
        """Return recordings of whichever users whose next step is due, longest overdue first."""
        query = {"recording.removeAt": {"$type": "date"}, "$expr": {"$lte": ["$recording.removeAt", "$$NOW"]}}

        async def read() -> list[Document]:
            found = self._conversations.find(query, {"recording": 1, "deletedAt": 1})
            return await found.sort("recording.removeAt", 1).limit(limit).to_list()

        return [
            DueRecording(document["_id"], recording, document.get("deletedAt") is not None)
            for document in await retrying(read)
            if (recording := recording_of(document["recording"])) is not None
        ]

    async def mark_removed(self, due: DueRecording) -> None:
        """Say that the object store does not have it any more."""
        gone: Document = {"state": RecordingState.DELETED.value}
        steps = {"recording": "$$REMOVE"} if due.conversation_is_deleted else {"recording": gone}
        await self._step(due, steps)

    async def mark_lost(self, due: DueRecording) -> None:
        """Say that nobody has brought it in time."""
        failed = {"state": RecordingState.FAILED.value, "fault": RecordingFault.LOST.value}
        await self._step(due, {"recording": failed})

    async def _step(self, due: DueRecording, fields: Document) -> None:
        query = {
            "_id": due.conversation_id,
            "recording.state": due.recording.state.value,
            "recording.removeAt": due.recording.remove_at,
        }
        steps = [{"$replaceWith": {"$unsetField": {"field": "recording", "input": "$$ROOT"}}}, {"$set": fields}]
        await retrying(lambda: self._conversations.update_one(query, steps))

    async def keys_of_any_user(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys, all of one user, that a conversation names."""
        user_id = ObjectId(keys[0].partition("/")[0])

        async def read() -> list[Document]:
            query = {"userId": user_id, "recording.key": {"$in": list(keys)}}
            return await self._conversations.find(query, {"recording.key": 1}).to_list()

        return {document["recording"]["key"] for document in await retrying(read)}


def _of(label: Label) -> Document:
    return {"userId": ObjectId(label.user_id), "sessionId": label.session_id, "deletedAt": None}


def _in_days(days: int) -> Document:
    return {"$add": ["$$NOW", days * _DAY_MS]}


def _with(field: Document) -> Document:
    """Replace the whole field: `$set` with a document would merge it into the one before."""
    bare = {"$unsetField": {"field": "recording", "input": "$$ROOT"}}
    return {"$mergeObjects": [bare, {"recording": field}]}
