"""Where answers to repeated requests are kept: collection `idempotency`. All its times are the server's."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from bson import Binary, ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import Randomness, UserId
from callgenie.mongo.client import retrying

Document = dict[str, Any]

KEPT_FOR: Final = timedelta(hours=24)
# Every step of a request has a deadline of a few seconds; a holder that is silent for this long has crashed.
LEASE: Final = timedelta(seconds=60)
_HOLDER_BYTES: Final = 12


class State(StrEnum):
    """What became of a request with a key."""

    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request with a key. `key` is the client's; `route` is method and path; `fingerprint` stands for the body."""

    user_id: UserId
    route: str
    key: str
    fingerprint: str

    @property
    def id(self) -> str:
        """Return what the request is kept under: a hash, as the key itself opens the answer."""
        return hashlib.sha256(f"{self.user_id}|{self.route}|{self.key}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it was sent the first time."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What is known of the key. `is_ours`: this request is the one to do the work, and `holder` is its name."""

    holder: str
    is_ours: bool
    same_body: bool
    answer: StoredAnswer | None = None


class IdempotencyStore:
    """Claims keys, one holder each, and keeps their answers.

    Answers may hold what is kept nowhere else in clear, such as a new API key. So they are sealed with the server's
    secret and the client's key, and neither is in the database.
    """

    def __init__(self, db: AsyncDatabase[Document], secret: str, randomness: Randomness) -> None:
        self._answers = db["idempotency"]
        self._secret = hashlib.sha256(b"callgenie idempotency v1" + secret.encode()).digest()
        self._randomness = randomness

    async def claim(self, attempt: Attempt) -> Claim:
        """Take the key for this request, or tell what the request that has it came to.

        A holder whose lease ran out has crashed: the same request takes over, and does the work again.

        Raises:
            UnavailableError: The database is away.
        """
        holder = self._randomness.token_bytes(_HOLDER_BYTES).hex()

        async def take() -> Document:
            steps = _claiming(attempt, holder)
            found: Document | None = await self._answers.find_one_and_update(
                {"_id": attempt.id}, steps, upsert=True, return_document=ReturnDocument.AFTER
            )
            assert found is not None  # noqa: S101 - an upsert always returns what it left
            return found

        try:
            found = await retrying(take)
        except DuplicateKeyError:
            # Two first requests met at the same moment; by now one of them has the key.
            found = await retrying(take)
        answer = found.get("answer")
        return Claim(
            holder=found["holder"],
            is_ours=found["holder"] == holder,
            same_body=found["fingerprint"] == attempt.fingerprint,
            answer=None if answer is None else self._opened(attempt, found["holder"], answer),
        )

    async def keep(self, attempt: Attempt, claim: Claim, answer: StoredAnswer, span: timedelta = KEPT_FOR) -> None:
        """Store the response for retries; does nothing if another request holds the key by now.

        `span` is counted from the first request with the key.
        """
        kept = {
            "status": answer.status,
            "headers": dict(answer.headers),
            "body": Binary(self._mixed(attempt, claim.holder, answer.body)),
        }
        which = {"_id": attempt.id, "holder": claim.holder, "state": State.RUNNING.value}
        fields = {
            "state": State.DONE.value,
            "answer": {"$literal": kept},
            "expiresAt": {"$add": ["$createdAt", _milliseconds(span)]},
            "leaseUntil": "$$REMOVE",
        }
        await retrying(lambda: self._answers.update_one(which, [{"$set": fields}]))

    async def release(self, attempt: Attempt, claim: Claim) -> None:
        """Give the key back: the next request with it does the work."""
        which = {"_id": attempt.id, "holder": claim.holder, "state": State.RUNNING.value}
        await retrying(lambda: self._answers.delete_one(which))

    def _opened(self, attempt: Attempt, holder: str, answer: Document) -> StoredAnswer:
        return StoredAnswer(answer["status"], answer["headers"], self._mixed(attempt, holder, bytes(answer["body"])))

    def _mixed(self, attempt: Attempt, holder: str, data: bytes) -> bytes:
        """Seal what is open and open what is sealed: a stream of SHAKE-256 that is used for one answer only."""
        seed = self._secret + hashlib.sha256(f"{attempt.user_id}|{attempt.key}|{holder}".encode()).digest()
        stream = hashlib.shake_256(seed).digest(len(data))
        return (int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")).to_bytes(len(data), "big")


def _claiming(attempt: Attempt, holder: str) -> list[Document]:
    crashed = {
        "$and": [
            {"$eq": ["$state", State.RUNNING.value]},
            {"$lte": ["$leaseUntil", "$$NOW"]},
            {"$eq": ["$fingerprint", attempt.fingerprint]},
        ]
    }
    # A field that is missing sorts before any date: so this is true of a key that is new, too.
    is_free = {"$or": [{"$lte": ["$expiresAt", "$$NOW"]}, crashed]}
    fresh: Document = {
        "_id": attempt.id,
        "userId": ObjectId(attempt.user_id),
        "fingerprint": attempt.fingerprint,
        "state": State.RUNNING.value,
        "holder": holder,
        "createdAt": "$$NOW",
        "leaseUntil": _from_now(LEASE),
        "expiresAt": _from_now(KEPT_FOR),
    }
    return [{"$replaceWith": {"$cond": [is_free, fresh, "$$ROOT"]}}]


def _from_now(span: timedelta) -> Document:
    return {"$add": ["$$NOW", _milliseconds(span)]}


def _milliseconds(span: timedelta) -> int:
    return int(span.total_seconds() * 1000)
