"""Where a live call's record is kept: each change is one write that finds out itself whether it may be made.

Changes of state are compare-and-sets on `status`, so of two that race one finds nothing to change and reads what the
other made of it. Leases are written and judged by the database's clock (`$$NOW`), never by a worker's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.conversations.asked_questions import OPEN_OUTCOMES
from callgenie.conversations.documents import Document, conversation_of, has_turn_of, spoken_turn_document
from callgenie.conversations.follow_up_plan import FollowUpPlan
from callgenie.conversations.follow_up_store import naming
from callgenie.conversations.message_store import MESSAGE_MAIL, keeping
from callgenie.conversations.models import TURNS_MAX, Conversation, Ending, NewCall, NewMessage
from callgenie.conversations.unanswered.models import UNANSWERED_QUESTIONS
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import (
    LIVE_STATUSES,
    CallStatus,
    Carrier,
    Direction,
    EndedReason,
    Fault,
    TransferStatus,
)
from callgenie.mongo.client import only_when_new, retrying
from callgenie.voice.turn import Turn

# A call that is not answered within a minute of its first ring never will be: carriers ring for 30 to 60 seconds.
RINGING_SECONDS: Final = 60

# An admission may be on its way this long. Carriers wait 15 seconds for a webhook's answer, and the ledger remembers
# calls that are over for 60: the 40 between are for servers whose clocks differ, should one take over from another.
ADMISSION_SECONDS: Final = 20

# Three renewals may fail before the call is taken for dead.
LEASE_SECONDS: Final = 60

# How long whoever ended a call has to settle it before the sweeper does.
SETTLEMENT_SECONDS: Final = 30

_RINGS: Final[Document] = {"status": CallStatus.RINGING.value}
GOES_ON: Final[Document] = {"status": {"$in": [CallStatus.IN_PROGRESS.value, CallStatus.WRAPPING_UP.value]}}
_IS_OVERDUE: Final[Document] = {"leaseUntil": {"$type": "date"}, "$expr": {"$lt": ["$leaseUntil", "$$NOW"]}}
NOT_OVERDUE: Final[Document] = {"leaseUntil": {"$type": "date"}, "$expr": {"$gt": ["$leaseUntil", "$$NOW"]}}
_FIRST_ANSWER: Final[Document] = {"$eq": [{"$type": "$answeredAt"}, "missing"]}
_WITHOUT_TURNS: Final[Document] = {"turns": 0}
_IS_OVER: Final[Document] = {"$not": [{"$in": ["$status", [status.value for status in LIVE_STATUSES]]}]}


def in_seconds(seconds: int) -> Document:
    """Return the expression for a moment that many seconds from now, by the database's clock."""
    return {"$add": ["$$NOW", seconds * 1000]}


@dataclass(frozen=True, slots=True)
class Overdue:
    """A conversation whose next step nobody took in time, as it was found."""

    document: Document

    @property
    def session_id(self) -> SessionId:
        """The call's id."""
        return SessionId(str(self.document.get("sessionId")))

    def conversation(self) -> Conversation:
        """Return the conversation; fails for one of a kind that only a newer release knows."""
        return conversation_of(self.document)


class LiveCallStore:
    """The record of calls in progress, from the first ring to the settlement. Conversations come without turns."""

    def __init__(self, db: AsyncDatabase[Document], follow_ups: FollowUpPlan | None = None) -> None:
        self._conversations = db["conversations"]
        self._follow_ups = follow_ups or FollowUpPlan()

    async def open(self, user_id: UserId, call: NewCall, period_start: datetime) -> Conversation:
        """Step 1: record that the call rings; when it is recorded already, return it unchanged."""
        fresh: Document = {
            "carrier": call.carrier.value,
            "direction": call.direction.value,
            "status": CallStatus.RINGING.value,
            # Carriers send what callers chose, and a leading dollar must stay text.
            "phoneNumber": {"$literal": call.phone_number},
            "dialledNumber": {"$literal": call.dialled_number},
            "carrierStatus": {"$literal": call.carrier_status},
            "startedAt": "$$NOW",
            "admitBy": in_seconds(ADMISSION_SECONDS),
            "leaseUntil": in_seconds(RINGING_SECONDS),
            "periodStart": period_start,
            "afterHours": call.after_hours,
            "heartbeatSeconds": 0,
            "turns": [],
            "turnCount": 0,
        }
        if call.direction is Direction.OUTBOUND:
            fresh |= {"callerId": call.caller_id, "purpose": {"$literal": call.purpose}}
        if call.continues is not None:
            fresh["continues"] = {"$literal": call.continues}
        steps = only_when_new(fresh, made_at="startedAt")

        async def upsert() -> Document:
            opened: Document = await self._conversations.find_one_and_update(  # type: ignore[assignment] # upsert
                _key(user_id, call.session_id),
                steps,
                _WITHOUT_TURNS,
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
            return opened

        async def upsert_or_find() -> Document:
            try:
                return await upsert()
            except DuplicateKeyError:
                # Two webhooks for one call raced to insert; the document is there now.
                return await upsert()

        return conversation_of(await retrying(upsert_or_find))

    async def get(self, user_id: UserId, session_id: SessionId) -> Conversation | None:
        """Return the user's conversation, or None."""
        found = await retrying(lambda: self._conversations.find_one(_key(user_id, session_id), _WITHOUT_TURNS))
        return None if found is None else conversation_of(found)

    async def find_call_of_any_user(self, session_id: SessionId) -> Conversation | None:
        """Return the newest call of that id which we carried ourselves, whoever's it is: carriers know no users."""
        query = {"sessionId": session_id, "carrier": {"$ne": Carrier.API.value}}
        found = await retrying(
            lambda: self._conversations.find_one(query, _WITHOUT_TURNS, sort=[("startedAt", -1), ("_id", -1)])
        )
        return None if found is None else conversation_of(found)

    async def find_overdue_of_any_user(self, limit: int) -> list[Overdue]:
        """Return conversations of whichever users whose next step nobody took in time, longest overdue first."""

        async def read() -> list[Document]:
            found = self._conversations.find(_IS_OVERDUE, _WITHOUT_TURNS)
            return await found.sort("leaseUntil", 1).limit(limit).to_list()

        return [Overdue(document) for document in await retrying(read)]

    async def find_unsettled(self, user_id: UserId) -> list[Conversation]:
        """Return the user's calls that go on or are not settled yet."""
        query = {"userId": ObjectId(user_id), "leaseUntil": {"$type": "date"}}

        async def read() -> list[Document]:
            return await self._conversations.find(query, _WITHOUT_TURNS).to_list()

        return [conversation_of(document) for document in await retrying(read)]

    async def dismiss(
        self, user_id: UserId, session_id: SessionId, ending: Ending, *, may_hold: bool
    ) -> Conversation | None:
        """End a call that was not answered; None when it does not ring any more.

        `may_hold` says that the ledger may hold seconds for it, so that a settlement is owed.
        """
        query = _key(user_id, session_id) | _RINGS
        return await self._end(user_id, query, _unanswered(ending, may_hold=may_hold), was_held=False)

    async def answer(
        self, user_id: UserId, session_id: SessionId, *, answered_by: str, granted_seconds: int
    ) -> Conversation | None:
        """Step 3: the caller is on the line; None when the call does not ring any more, or has for too long.

        `answered_by` is different for everyone who tries. It lets the winner, whose first attempt was done although
        its answer got lost, win again.
        """
        first = {"status": CallStatus.RINGING.value, **NOT_OVERDUE}
        again = {"status": CallStatus.IN_PROGRESS.value, "answeredBy": answered_by}
        kinds = await self._follow_ups.after_answer(user_id)
        changes = {
            "status": CallStatus.IN_PROGRESS.value,
            "answeredAt": {"$ifNull": ["$answeredAt", "$$NOW"]},
            "answeredBy": answered_by,
            "grantedSeconds": granted_seconds,
            "leaseUntil": in_seconds(LEASE_SECONDS),
            **naming(kinds, when=_FIRST_ANSWER),
        }
        return await self._move(_key(user_id, session_id) | {"$or": [first, again]}, changes, named=bool(kinds))

    async def take_back(self, user_id: UserId, session_id: SessionId, *, answered_by: str) -> Conversation | None:
        """End a call that `answered_by` has answered without ever holding it; None when it has not."""
        changes = _unanswered(Ending(CallStatus.FAILED, EndedReason.INTERNAL_ERROR, Fault.PLATFORM), may_hold=True)
        query = _key(user_id, session_id) | GOES_ON | {"answeredBy": answered_by}
        changes |= {"answeredAt": "$$REMOVE", "answeredBy": "$$REMOVE"}
        return await self._end(user_id, query, changes, was_held=False)

    async def beat(
        self, user_id: UserId, session_id: SessionId, *, elapsed_seconds: int, granted_seconds: int
    ) -> Conversation | None:
        """Say that the call goes on, how long it has lasted and what is granted; None when it was ended."""
        changes = {
            "heartbeatSeconds": {"$max": ["$heartbeatSeconds", elapsed_seconds]},
            "grantedSeconds": {"$max": ["$grantedSeconds", granted_seconds]},
            "leaseUntil": in_seconds(LEASE_SECONDS),
        }
        return await self._move(_key(user_id, session_id) | GOES_ON, changes)

    async def append_turn(
        self, user_id: UserId, session_id: SessionId, number: int, turn: Turn, *, at: datetime, elapsed_seconds: int
    ) -> None:
        """Keep a turn; the turn of that number that is kept already stays as it is.

        A call that has ended meanwhile takes it too: what was said was said. One that was deleted does not.
        """
        document = spoken_turn_document(number, turn, at)
        missing = {"turns.number": {"$ne": number}, "turnCount": {"$lt": TURNS_MAX}, "deletedAt": None}
        # The guard is the turn's own number, which the same write puts in place: the increment cannot be repeated.
        changes: Document | list[Document] = {
            "$push": {"turns": {"$each": [document], "$sort": {"number": 1}}},
            "$inc": {"turnCount": 1},
            "$max": {"heartbeatSeconds": elapsed_seconds},
        }
        if turn.outcome in OPEN_OUTCOMES:
            changes = _with_open_question(document, elapsed_seconds)
        await retrying(lambda: self._conversations.update_one(_key(user_id, session_id) | missing, changes))

    async def request_transfer(self, user_id: UserId, session_id: SessionId, to: str) -> Conversation | None:
        """Decide that the caller is handed on to `to` once we let go of the line; again: the same.

        None when the call does not go on any more, or is handed on to somebody else.
        """
        is_free = {"$or": [{"transfer": None}, {"transfer.to": to, "transfer.status": TransferStatus.REQUESTED.value}]}
        changes = {
            "transfer": {
                "to": {"$literal": to},
                "status": TransferStatus.REQUESTED.value,
                "requestedAt": {"$ifNull": ["$transfer.requestedAt", "$$NOW"]},
            }
        }
        return await self._move(_key(user_id, session_id) | GOES_ON | is_free, changes)

    async def end(
        self,
        user_id: UserId,
        session_id: SessionId,
        ending: Ending,
        *,
        elapsed_seconds: int,
        left: NewMessage | None = None,
    ) -> Conversation | None:
        """Step 5: end an answered call and say what is billable; None when somebody ended it before.

        The message that its caller `left` in the middle of the call is kept in the same write, and due to be mailed.
        """
        changes = _answered(ending, seconds=elapsed_seconds, ended_at="$$NOW")
        return await self._end(user_id, _key(user_id, session_id) | GOES_ON, changes, left, was_held=True)

    async def expire(self, conversation: Conversation, left: NewMessage | None = None) -> Conversation | None:
        """Step 7: end a call whose worker is gone, at its last heartbeat; None when it is not so any more."""
        user_id = conversation.user_id
        query = _key(user_id, conversation.session_id) | _IS_OVERDUE
        if conversation.status is CallStatus.RINGING:
            ending = Ending(CallStatus.ABANDONED, EndedReason.LEASE_EXPIRED, Fault.NONE)
            return await self._end(user_id, query | _RINGS, _unanswered(ending, may_hold=True), was_held=False)
        ending = Ending(CallStatus.COMPLETED, EndedReason.LEASE_EXPIRED, Fault.PLATFORM)
        heard_last = {"$add": ["$answeredAt", {"$multiply": ["$heartbeatSeconds", 1000]}]}
        changes = _answered(ending, seconds="$heartbeatSeconds", ended_at=heard_last)
        return await self._end(user_id, query | GOES_ON, changes, left, was_held=True)

    async def mark_settled(self, conversation: Conversation) -> None:
        """Say that nothing is left to be done for a call that is over."""
        query = _key(conversation.user_id, conversation.session_id) | {"billableSeconds": {"$exists": True}}
        await retrying(lambda: self._conversations.update_one(query, {"$unset": {"leaseUntil": "", "admitBy": ""}}))

    async def note_carrier_status(
        self, user_id: UserId, session_id: SessionId, carrier_status: str, *, over: Sequence[str]
    ) -> None:
        """Keep the carrier's word where it has none yet, or one of `over`."""
        query = _key(user_id, session_id) | {"carrierStatus": {"$in": [None, *over]}}
        change = {"$set": {"carrierStatus": carrier_status}}
        await retrying(lambda: self._conversations.update_one(query, change))

    async def _end(
        self, user_id: UserId, query: Document, changes: Document, left: NewMessage | None = None, *, was_held: bool
    ) -> Conversation | None:
        kinds = await self._follow_ups.after_end(user_id, was_held=was_held)
        if left is not None:
            changes = changes | keeping(left)
            kinds = (*kinds, MESSAGE_MAIL)
        listing = naming([UNANSWERED_QUESTIONS], when=has_turn_of(OPEN_OUTCOMES))
        return await self._move(query, changes | naming(kinds), {"$set": listing}, named=bool(kinds))

    async def _move(
        self, query: Document, changes: Document, *then: Document, named: bool = False
    ) -> Conversation | None:
        steps = [{"$set": changes}, *then]
        moved = await retrying(
            lambda: self._conversations.find_one_and_update(
                query, steps, _WITHOUT_TURNS, return_document=ReturnDocument.AFTER
            )
        )
        if moved is None:
            return None
        if named:
            self._follow_ups.named.set()
        return conversation_of(moved)


def _key(user_id: UserId, session_id: SessionId) -> Document:
    return {"userId": ObjectId(user_id), "sessionId": session_id}


def _with_open_question(document: Document, elapsed_seconds: int) -> list[Document]:
    """Return the steps that append a turn whose question may be unanswered; after the call's end it is listed anew."""
    turns = {"$concatArrays": [{"$ifNull": ["$turns", []]}, [{"$literal": document}]]}
    changes = {
        "turns": {"$sortArray": {"input": turns, "sortBy": {"number": 1}}},
        "turnCount": {"$add": ["$turnCount", 1]},
        "heartbeatSeconds": {"$max": ["$heartbeatSeconds", elapsed_seconds]},
    }
    return [{"$set": changes}, {"$set": naming([UNANSWERED_QUESTIONS], when=_IS_OVER)}]


def _ended(ending: Ending, ended_at: Any) -> Document:
    return {
        "status": ending.status.value,
        "endedReason": None if ending.reason is None else ending.reason.value,
        "fault": ending.fault.value,
        "endedAt": ended_at,
    }


def _unanswered(ending: Ending, *, may_hold: bool) -> Document:
    lease = {"leaseUntil": in_seconds(SETTLEMENT_SECONDS)} if may_hold else {"leaseUntil": "$$REMOVE"}
    return {
        **_ended(ending, "$$NOW"),
        "duration": 0,
        "billableSeconds": 0,
        "overageSeconds": 0,
        "counted": False,
        **lease,
    }


def _answered(ending: Ending, *, seconds: Any, ended_at: Any) -> Document:
    """Return the end of a call that was answered: never for more seconds than were granted.

    It counts, unless it is the rest of one that has.
    """
    return {
        **_ended(ending, ended_at),
        "duration": seconds,
        "billableSeconds": {"$min": [seconds, "$grantedSeconds"]},
        "overageSeconds": 0,
        "counted": {"$eq": [{"$type": "$continues"}, "missing"]},
        "leaseUntil": in_seconds(SETTLEMENT_SECONDS),
    }
