"""Sign-ups that wait for somebody to confirm the address: collection `users`, field `registrations`.

Whoever types an address first does not own it. So each sign-up keeps its own password, and the link in its mail
confirms that one and no other: a stranger who signs up with somebody's address at the same time gains nothing.
"""

from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying
from callgenie.users.models import NewUser, User
from callgenie.users.store import new_document, user_of

Document = dict[str, Any]

# More sign-ups than anybody makes of their own; the eldest gives way.
REGISTRATIONS_MAX: Final = 10
_UNCONFIRMED: Final[Document] = {"registrations": {"$exists": True}}


@dataclass(frozen=True, slots=True)
class Unverified:
    """Whom a verification is written to. `registration` is None for an account that was in use all the same."""

    user: User
    name: str
    registration: str | None


class RegistrationStore:
    """Unconfirmed sign-ups, and confirming them."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._users = db["users"]

    async def add(self, new: NewUser, registration: str) -> tuple[User, bool]:
        """Keep a sign-up; return the account of its address, and whether it still waits to be confirmed.

        An account that waits takes the latest sign-up's password, with which nobody can sign in yet. Any other stays
        as it is.
        """
        entry: Document = {
            "id": registration,
            "passwordHash": new.password_hash,
            "name": new.name,
            "phone": new.phone,
            "createdAt": new.created_at,
        }
        document = new_document(new) | {"registrations": [entry]}
        try:
            await retrying(lambda: self._users.insert_one(document))
        except DuplicateKeyError:
            await self._add_again(new.email, entry)
        found = await retrying(lambda: self._users.find_one({"email": new.email}))
        if found is None:
            # Erased in this very moment; to whoever signs up that looks like any other answer.
            return user_of(document), False
        return user_of(found), "registrations" in found

    async def find(self, user_id: UserId, registration: str | None) -> Unverified | None:
        """Return the user whose sign-up waits, or whose address was never confirmed; None otherwise."""
        document = await retrying(lambda: self._users.find_one({"_id": ObjectId(user_id), "emailVerified": False}))
        return None if document is None else _unverified(document, registration)

    async def find_by_email(self, email: str) -> Unverified | None:
        """Return the same for the latest sign-up at a canonical address."""
        document = await retrying(lambda: self._users.find_one({"email": email, "emailVerified": False}))
        if document is None:
            return None
        entries = document.get("registrations")
        return _unverified(document, entries[-1]["id"] if entries else None)

    async def confirm(self, user_id: UserId, registration: str | None) -> bool:
        """Take an address for proved, and with it the sign-up that the proof belongs to; again: the same answer.

        Return False when there is no such sign-up, or another one of this address was confirmed.
        """
        which: Document = {"_id": ObjectId(user_id)}
        if registration is None:
            result = await retrying(
                lambda: self._users.update_one({**which, "registrations": {"$exists": False}}, _VERIFIED)
            )
            return result.matched_count == 1
        which["registrations.id"] = registration
        result = await retrying(lambda: self._users.update_one(which, _taking(registration)))
        if result.matched_count == 1:
            return True
        done = {"_id": ObjectId(user_id), "confirmedRegistration": registration}
        return await retrying(lambda: self._users.find_one(done, {"_id": 1})) is not None

    async def _add_again(self, email: str, entry: Document) -> None:
        which = {"email": email, **_UNCONFIRMED, "registrations.id": {"$ne": entry["id"]}}
        change = {
            "$set": {name: entry[name] for name in ("passwordHash", "name", "phone", "createdAt")},
            "$push": {"registrations": {"$each": [entry], "$slice": -REGISTRATIONS_MAX}},
        }
        await retrying(lambda: self._users.update_one(which, change))


_VERIFIED: Final[Document] = {"$set": {"emailVerified": True}}


def _taking(registration: str) -> list[Document]:
    """Return the update that makes one of the sign-ups the account, and forgets the others."""
    chosen: Document = {
        "$first": {"$filter": {"input": "$registrations", "cond": {"$eq": ["$$this.id", {"$literal": registration}]}}}
    }
    return [
        {"$set": {"chosen": chosen}},
        {
            "$set": {
                "passwordHash": "$chosen.passwordHash",
                "name": "$chosen.name",
                "phone": "$chosen.phone",
                "createdAt": "$chosen.createdAt",
                "emailVerified": True,
                "confirmedRegistration": {"$literal": registration},
            }
        },
        {"$unset": ["registrations", "chosen"]},
    ]


def _unverified(document: Document, registration: str | None) -> Unverified | None:
    entries = document.get("registrations")
    if registration is None and not entries:
        return Unverified(user_of(document), document["name"], None)
    chosen = next((entry for entry in entries or () if entry["id"] == registration), None)
    return None if chosen is None else Unverified(user_of(document), chosen["name"], registration)
