"""Where mail waits: collection `outbox`. All its times are the server's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.jobs.outbox_models import NewMail, OutboxEntry, OutboxState
from callgenie.kernel.ids import UserId
from callgenie.mongo.client import only_when_new, retrying

Document = dict[str, Any]

_DUE: Final[Document] = {"state": OutboxState.WAITING.value, "$expr": {"$lte": ["$dueAt", "$$NOW"]}}


class OutboxStore:
    """Mails that wait, and for some days those that are done with."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._outbox = db["outbox"]

    async def put(self, mail: NewMail) -> None:
        """Keep a mail to be sent; under an id that is there already nothing changes, whatever became of that one."""
        fresh: Document = {
            "_id": {"$literal": mail.id},
            "kind": {"$literal": mail.kind},
            "userId": None if mail.user_id is None else ObjectId(mail.user_id),
            "email": {"$literal": mail.email},
            "facts": {"$literal": dict(mail.facts)},
            "state": OutboxState.WAITING.value,
            "attempts": 0,
            "askedAt": "$$NOW",
            "dueAt": "$$NOW",
            "expiresAt": {"$literal": None},
            "keptForMs": _milliseconds(mail.kept_for),
        }
        steps = only_when_new(fresh, made_at="askedAt")

        async def upsert() -> None:
            try:
                await self._outbox.update_one({"_id": mail.id}, steps, upsert=True)
            except DuplicateKeyError:
                # Somebody else has just put the same one.
                return

        await retrying(upsert)

    async def claim(self, claim: str, lease: timedelta) -> OutboxEntry | None:
        """Return the mail that is due longest and has it be the caller's for the time of `lease`, or None.

        A mail whose claimer died is due again when the lease is over. Each claim counts as an attempt.
        """
        steps = [
            {
                "$set": {
                    "claim": {"$literal": claim},
                    "attempts": {"$add": ["$attempts", 1]},
                    "dueAt": {"$add": ["$$NOW", _milliseconds(lease)]},
                }
            }
        ]
        document = await retrying(
            lambda: self._outbox.find_one_and_update(
                _DUE, steps, sort=[("dueAt", ASCENDING)], return_document=ReturnDocument.AFTER
            )
        )
        return None if document is None else _entry_of(document)

    async def finish(self, entry: OutboxEntry, state: OutboxState, error: str | None = None) -> bool:
        """Say what became of a claimed mail; return False if it is another worker's by now."""
        fields: Document = {
            "state": state.value,
            "error": {"$literal": error},
            "claim": {"$literal": None},
            "doneAt": "$$NOW",
            "expiresAt": {"$add": ["$$NOW", "$keptForMs"]},
        }
        return await self._change(entry, fields)

    async def postpone(self, entry: OutboxEntry, delay: timedelta, error: str) -> bool:
        """Have a claimed mail tried again after `delay`; return False if it is another worker's by now."""
        due = {"$add": ["$$NOW", _milliseconds(delay)]}
        return await self._change(entry, {"dueAt": due, "claim": {"$literal": None}, "error": {"$literal": error}})

    async def find(self, mail_id: str) -> OutboxEntry | None:
        """Return a mail, or None."""
        document = await retrying(lambda: self._outbox.find_one({"_id": mail_id}))
        return None if document is None else _entry_of(document)

    async def unsent_of_any_user(self, limit: int) -> Sequence[OutboxEntry]:
        """Return the newest mails that reached nobody: waiting, kept or dead."""
        states = [OutboxState.WAITING.value, OutboxState.KEPT.value, OutboxState.DEAD.value]

        async def read() -> list[Document]:
            found = self._outbox.find({"state": {"$in": states}}).sort([("askedAt", DESCENDING), ("_id", ASCENDING)])
            return await found.limit(limit).to_list()

        return [_entry_of(document) for document in await retrying(read)]

    async def oldest_waiting_seconds(self) -> float:
        """Return for how long the mail that waits longest has been waiting; 0 without one."""
        steps: list[Document] = [
            {"$match": {"state": OutboxState.WAITING.value}},
            {"$sort": {"askedAt": 1}},
            {"$limit": 1},
            {"$project": {"seconds": {"$divide": [{"$subtract": ["$$NOW", "$askedAt"]}, 1000]}}},
        ]

        async def read() -> list[Document]:
            return await (await self._outbox.aggregate(steps)).to_list()

        found = await retrying(read)
        return float(found[0]["seconds"]) if found else 0.0

    async def _change(self, entry: OutboxEntry, fields: Document) -> bool:
        which = {"_id": entry.id, "claim": entry.claim, "state": OutboxState.WAITING.value}
        result = await retrying(lambda: self._outbox.update_one(which, [{"$set": fields}]))
        return result.matched_count == 1


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)


def _entry_of(document: Document) -> OutboxEntry:
    owner = document.get("userId")
    return OutboxEntry(
        id=document["_id"],
        kind=document["kind"],
        user_id=None if owner is None else UserId(str(owner)),
        email=document.get("email"),
        facts=document["facts"],
        state=OutboxState(document["state"]),
        attempts=document["attempts"],
        asked_at=document["askedAt"],
        due_at=document["dueAt"],
        error=document.get("error"),
        claim=document.get("claim"),
    )
