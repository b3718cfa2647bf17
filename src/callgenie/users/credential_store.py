"""Changing passwords: collection `users`. Each change counts the account's epoch, which ends every session."""

from typing import Any

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from callgenie.kernel.ids import UserId
from callgenie.mongo.client import retrying
from callgenie.users.models import Credentials
from callgenie.users.store import user_of

Document = dict[str, Any]


class CredentialStore:
    """Password hashes and epochs in MongoDB."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._users = db["users"]

    async def find(self, user_id: UserId) -> Credentials | None:
        """Return what the user's password is checked against, or None."""
        document = await retrying(lambda: self._users.find_one({"_id": ObjectId(user_id)}))
        if document is None:
            return None
        return Credentials(user_of(document), document["passwordHash"], document.get("authEpoch", 0))

    async def replace(self, old: Credentials, new_hash: str, *, proves_address: bool = False) -> bool:
        """Put a new password in the place of the old one and end all sessions, unless somebody else has just done so.

        Args:
            old: The credentials as they were read.
            new_hash: What to keep of the new password.
            proves_address: The change came out of a mail, so the address is the user's own, and what others signed
                up with it is void.
        """
        epochs = [old.auth_epoch] if old.auth_epoch else [0, None]
        which = {"_id": ObjectId(old.user.id), "passwordHash": old.password_hash, "authEpoch": {"$in": epochs}}
        change: Document = {"$set": {"passwordHash": new_hash, "authEpoch": old.auth_epoch + 1}}
        if proves_address:
            change["$set"]["emailVerified"] = True
            change["$unset"] = {"registrations": ""}
        result = await retrying(lambda: self._users.update_one(which, change))
        if result.matched_count == 1:
            return True
        # An attempt whose answer was lost may have been ours: nobody else has a hash with the same salt.
        found = await self.find(old.user.id)
        return found is not None and found.password_hash == new_hash
