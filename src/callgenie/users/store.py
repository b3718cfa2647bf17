"""Where accounts are kept: collection `users`."""

from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import UserRole, UserStatus
from callgenie.mongo.client import newest, retrying
from callgenie.users.errors import EmailTakenError
from callgenie.users.models import ContactChanges, Credentials, NewUser, User

Document = dict[str, Any]

# What a `User` is made of; the password's hash is not among it.
USER_FIELDS: Final = ("email", "name", "phone", "role", "status", "emailVerified", "createdAt")
_PROJECTION: Final = dict.fromkeys(USER_FIELDS, 1)


def user_of(document: Document) -> User:
    """Return the user that a document of `users` describes."""
    return User(
        id=UserId(str(document["_id"])),
        email=document["email"],
        name=document["name"],
        phone=document.get("phone"),
        role=UserRole(document["role"]),
        status=UserStatus(document["status"]),
        email_verified=document["emailVerified"],
        created_at=document["createdAt"],
    )


def new_document(new: NewUser) -> Document:
    """Return how an account is kept that nobody has used yet."""
    return {
        "_id": ObjectId(),
        "email": new.email,
        "passwordHash": new.password_hash,
        "name": new.name,
        "phone": new.phone,
        "role": UserRole.USER.value,
        "status": UserStatus.ACTIVE.value,
        "emailVerified": False,
        "authEpoch": 0,
        "createdAt": new.created_at,
    }


class UserStore:
    """Accounts in MongoDB."""

    def __init__(self, db: AsyncDatabase[Document]) -> None:
        self._users = db["users"]

    async def insert(self, new: NewUser) -> User:
        """Keep a new account.

        Raises:
            EmailTakenError: The address belongs to an account.
        """
        document = new_document(new)
        try:
            await retrying(lambda: self._users.insert_one(document))
        except DuplicateKeyError:
            # An attempt whose answer was lost may have been ours.
            if await self.find(UserId(str(document["_id"]))) is None:
                raise EmailTakenError from None
        return user_of(document)

    async def find(self, user_id: UserId) -> User | None:
        """Return the user, or None; a text that is no id at all is nobody's."""
        if not ObjectId.is_valid(user_id):
            return None
        document = await retrying(lambda: self._users.find_one({"_id": ObjectId(user_id)}, _PROJECTION))
        return None if document is None else user_of(document)

    async def find_credentials(self, email: str) -> Credentials | None:
        """Return what the password of the account under a canonical address is checked against, or None."""
        document = await retrying(lambda: newest(self._users).find_one({"email": email}))
        if document is None:
            return None
        return Credentials(user_of(document), document["passwordHash"], document.get("authEpoch", 0))

    async def replace_hash(self, user_id: UserId, old: str, new: str) -> None:
        """Store a password's hash in a better way, unless the password has changed meanwhile."""
        who = {"_id": ObjectId(user_id), "passwordHash": old}
        await retrying(lambda: self._users.update_one(who, {"$set": {"passwordHash": new}}))

    async def change(self, user_id: UserId, changes: ContactChanges) -> User | None:
        """Set some of the user's fields; return the user as they are then, or None."""
        who = {"_id": ObjectId(user_id)}
        document = await retrying(
            lambda: self._users.find_one_and_update(who, {"$set": changes}, _PROJECTION, return_document=True)
        )
        return None if document is None else user_of(document)
