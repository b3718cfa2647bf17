"""New passwords: for who has forgotten theirs, and for who knows it."""

from typing import Final

from callgenie.kernel.errors import ConflictError
from callgenie.kernel.ids import Randomness
from callgenie.users.attempts import AttemptBudgets
from callgenie.users.credential_store import CredentialStore
from callgenie.users.errors import InvalidCredentialsError, InvalidTokenError, PasswordTooLongError
from callgenie.users.models import SignedIn
from callgenie.users.one_time_token_store import OneTimeTokenStore
from callgenie.users.one_time_tokens import Purpose, hash_of
from callgenie.users.password_rules import CHARS_MAX, check_password
from callgenie.users.passwords import PasswordHasher
from callgenie.users.session_store import SessionStore

_ATTEMPT_BYTES: Final = 12
# Each round that fails means that the password was changed by somebody else in that moment.
_ROUNDS_MAX: Final = 5


class PasswordChangedMeanwhileError(ConflictError):
    """The password was changed by somebody else at the same time."""

    code = "password_changed_meanwhile"

    def __init__(self) -> None:
        super().__init__("The password was changed at the same time by another request. Sign in and look.")


class PasswordChanges:
    """Replaces passwords. Whoever was signed in with the old one is signed out by the same write."""

    def __init__(
        self,
        credentials: CredentialStore,
        hasher: PasswordHasher,
        tokens: OneTimeTokenStore,
        sessions: SessionStore,
        randomness: Randomness,
        attempts: AttemptBudgets | None = None,
    ) -> None:
        self._attempts = attempts
        self._credentials = credentials
        self._hasher = hasher
        self._tokens = tokens
        self._sessions = sessions
        self._randomness = randomness

    async def reset(self, token: str, password: str) -> None:
        """Choose a new password with a token out of a mail; all sessions end, and the address counts as confirmed.

        A password that cannot be taken does not use the token up.

        Raises:
            InvalidTokenError: The token is none of ours, was used, is over, or was replaced.
            InvalidError: A password that cannot be taken; the subclass says why.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        token_hash = hash_of(token)
        what = await self._tokens.find(token_hash, Purpose.RESET)
        old = None if what is None else await self._credentials.find(what.user_id)
        if old is None:
            raise InvalidTokenError
        check_password(password, email=old.user.email, name=old.user.name)
        new_hash = await self._hasher.hash(password)
        attempt = self._randomness.token_bytes(_ATTEMPT_BYTES).hex()
        if await self._tokens.consume(token_hash, Purpose.RESET, attempt=attempt) is None:
            raise InvalidTokenError
        for _ in range(_ROUNDS_MAX):
            if await self._credentials.replace(old, new_hash, proves_address=True):
                break
            old = await self._credentials.find(old.user.id)
            if old is None:
                raise InvalidTokenError
        else:
            raise PasswordChangedMeanwhileError
        await self._tokens.void_all(old.user.id)
        await self._sessions.end_older(old.user.id, than_epoch=old.auth_epoch + 1)
        if self._attempts is not None:
            # Somebody may have used them up on the old password; the owner is not to wait for that.
            await self._attempts.forget(old.user.email)

    async def change(self, who: SignedIn, current: str, new: str) -> None:
        """Choose a new password, knowing the current one; all sessions end but the one that asks.

        Raises:
            TooManyAttemptsError: The account's password was tried too often.
            InvalidCredentialsError: This is not the current password.
            InvalidError: A password that cannot be taken; the subclass says why.
            PasswordChangedMeanwhileError: Somebody else changed it at the same time.
            TooManySignInsError: Too many passwords wait to be checked.
        """
        if len(current) > CHARS_MAX:
            raise PasswordTooLongError(CHARS_MAX, "currentPassword")
        old = await self._credentials.find(who.user.id)
        # Counted like signing in: a session in wrong hands is no way to try passwords.
        attempt = None if self._attempts is None else await self._attempts.take(who.user.email, None)
        verdict = await self._hasher.verify(current, old.password_hash if old else None)
        if old is None or not verdict.right:
            raise InvalidCredentialsError
        if self._attempts is not None and attempt is not None:
            await self._attempts.succeeded(attempt)
        check_password(new, email=old.user.email, name=old.user.name, field="newPassword")
        if not await self._credentials.replace(old, await self._hasher.hash(new)):
            raise PasswordChangedMeanwhileError
        # The password first: if this process dies before the session is carried over, that one has ended too, which
        # is the safe side.
        await self._sessions.carry_over(who.session_id, epoch=old.auth_epoch + 1)
        await self._sessions.end_older(who.user.id, than_epoch=old.auth_epoch + 1)
