"""What can be done with accounts."""

import contextlib
from typing import Final

from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import UserId
from callgenie.kernel.phone import is_e164
from callgenie.kernel.vocabulary import UserStatus
from callgenie.users.addresses import canonical_email
from callgenie.users.errors import (
    AccountSuspendedError,
    EmailNotVerifiedError,
    InvalidCredentialsError,
    InvalidNameError,
    InvalidPhoneError,
    PasswordTooLongError,
    UserNotFoundError,
)
from callgenie.users.models import ContactChanges, Credentials, NewUser, User
from callgenie.users.password_rules import CHARS_MAX, check_password
from callgenie.users.passwords import PasswordHasher
from callgenie.users.store import UserStore

NAME_CHARS_MAX: Final = 200


def check_name(name: str) -> None:
    """Return if this can be somebody's name.

    Raises:
        InvalidNameError: It is empty or too long.
    """
    if not name.strip():
        raise InvalidNameError("must not be empty")
    if len(name) > NAME_CHARS_MAX:
        raise InvalidNameError(f"must have at most {NAME_CHARS_MAX} characters")


def check_phone(phone: str | None) -> None:
    """Return if this is a phone number, or none.

    Raises:
        InvalidPhoneError: It is not E.164.
    """
    if phone is not None and not is_e164(phone):
        raise InvalidPhoneError


def check_contact(changes: ContactChanges) -> None:
    """Return if the changes may be made.

    Raises:
        InvalidNameError: The name is empty or too long.
        InvalidPhoneError: The phone number is not E.164.
    """
    if "name" in changes:
        check_name(changes["name"])
    if "phone" in changes:
        check_phone(changes["phone"])


class Accounts:
    """Creates accounts, reads and changes them, and knows whether a password is right."""

    def __init__(self, store: UserStore, hasher: PasswordHasher, clock: Clock, *, verified_only: bool = False) -> None:
        self._store = store
        self._hasher = hasher
        self._clock = clock
        self._verified_only = verified_only

    async def create(self, *, email: str, password: str, name: str, phone: str | None = None) -> User:
        """Create an account; of any number of attempts at one address, one succeeds.

        Raises:
            InvalidEmailError: No mail could be sent to the address.
            InvalidNameError: The name is empty or too long.
            InvalidPhoneError: The phone number is not E.164.
            PasswordTooShortError: Fewer than 8 characters.
            PasswordTooLongError: More than 200 characters.
            PasswordTooCommonError: It would be guessed at once.
            EmailTakenError: The address belongs to an account.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        return await self._store.insert(await self.prepare(email=email, password=password, name=name, phone=phone))

    async def prepare(self, *, email: str, password: str, name: str, phone: str | None = None) -> NewUser:
        """Check and hash what somebody signs up with; keeps nothing.

        Raises:
            InvalidError: An address, name, phone number or password that cannot be taken; the subclass says which.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        address = canonical_email(email)
        check_name(name)
        check_phone(phone)
        check_password(password, email=address, name=name)
        password_hash = await self._hasher.hash(password)
        # MongoDB keeps milliseconds; what is returned now and what is read later must be the same moment.
        now = self._clock.now()
        created_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return NewUser(address, password_hash, name, phone, created_at)

    async def check_password(self, email: str, password: str) -> Credentials:
        """Return the account whose address and password these are.

        Raises:
            InvalidEmailError: The text is no e-mail address at all.
            PasswordTooLongError: More characters than any password has.
            InvalidCredentialsError: Unknown address or wrong password, which look and take the same.
            AccountSuspendedError: Both are right, but the account is suspended.
            EmailNotVerifiedError: Both are right, but nobody has confirmed the address, which this server demands.
            TooManySignInsError: Too many passwords wait to be checked.
        """
        if len(password) > CHARS_MAX:
            raise PasswordTooLongError(CHARS_MAX)
        found = await self._store.find_credentials(canonical_email(email))
        verdict = await self._hasher.verify(password, found.password_hash if found else None)
        if found is None or not verdict.right:
            raise InvalidCredentialsError
        if found.user.status is UserStatus.SUSPENDED:
            raise AccountSuspendedError
        if self._verified_only and not found.user.email_verified:
            raise EmailNotVerifiedError
        if verdict.outdated:
            # The password is right; that the better hash must wait until the next time is no reason to refuse.
            with contextlib.suppress(UnavailableError):
                await self._store.replace_hash(found.user.id, found.password_hash, await self._hasher.hash(password))
        return found

    async def get(self, user_id: UserId) -> User:
        """Return the user.

        Raises:
            UserNotFoundError: There is none with this id.
        """
        user = await self._store.find(user_id)
        if user is None:
            raise UserNotFoundError
        return user

    async def change(self, user: User, changes: ContactChanges) -> User:
        """Change the user's name or phone number, and return the user as they are then.

        Raises:
            InvalidNameError: The name is empty or too long.
            InvalidPhoneError: The phone number is not E.164.
            UserNotFoundError: There is no such user any more.
        """
        check_contact(changes)
        if not changes:
            return user
        changed = await self._store.change(user.id, changes)
        if changed is None:
            raise UserNotFoundError
        return changed
