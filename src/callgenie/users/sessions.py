"""Logging in, staying in, and being out at once."""

from datetime import timedelta
from typing import Final

from callgenie.http.pages import LIMIT_DEFAULT, CursorSigner, Page
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import UserStatus
from callgenie.users.accounts import Accounts
from callgenie.users.addresses import canonical_email
from callgenie.users.attempts import AttemptBudgets
from callgenie.users.errors import InvalidAccessTokenError, InvalidRefreshTokenError, SessionNotFoundError
from callgenie.users.models import Credentials, SessionTokens, SignedIn, User
from callgenie.users.session_store import ListedSession, SessionStore, StoredSession, new_session_id
from callgenie.users.tokens import ACCESS_LIFE, AccessTokens, RefreshToken, RefreshTokens

# A login lasts as long as it is used once a month.
SESSION_LIFE: Final = timedelta(days=30)

# Two tabs refresh at once, or an answer gets lost on the way: for this long the same question has the same answer.
REPEAT_SECONDS: Final = 30


class Sessions:
    """Opens, checks, renews and ends logins."""

    def __init__(
        self,
        store: SessionStore,
        accounts: Accounts,
        access: AccessTokens,
        refresh: RefreshTokens,
        attempts: AttemptBudgets | None = None,
    ) -> None:
        self._attempts = attempts
        self._store = store
        self._accounts = accounts
        self._access = access
        self._refresh = refresh

    async def log_in(self, email: str, password: str, *, address: str | None = None) -> SessionTokens:
        """Open a session for whoever knows the password, and comes from the network address.

        Raises:
            TooManyAttemptsError: The account's password was tried too often, or too many were from the address.
            InvalidCredentialsError: Unknown address or wrong password.
            AccountSuspendedError: Both are right, but the account is suspended.
            TooManySignInsError: Too many passwords wait to be checked.
        """
        if self._attempts is None:
            return await self._open(await self._accounts.check_password(email, password))
        # Counted before the password is hashed: of any number of attempts at once, few get that far.
        attempt = await self._attempts.take(canonical_email(email), address)
        credentials = await self._accounts.check_password(email, password)
        await self._attempts.succeeded(attempt)
        return await self._open(credentials)

    async def open(self, user: User) -> SessionTokens:
        """Open the first session of a user who has just signed up."""
        return await self._open(Credentials(user, password_hash="", auth_epoch=0))

    def user_in(self, access_token: str) -> UserId | None:
        """Return whom an access token of ours names, whether or not its session goes on; asks no database."""
        try:
            return self._access.read(access_token).user_id
        except InvalidAccessTokenError:
            return None

    async def authenticate(self, access_token: str) -> SignedIn:
        """Tell who sends this token, in one question to the database.

        Raises:
            InvalidAccessTokenError: Nobody we know, or not any more.
        """
        claims = self._access.read(access_token)
        session = await self._store.find(claims.session_id)
        if session is None or not _is_alive(session) or session.user.id != claims.user_id:
            raise InvalidAccessTokenError
        return SignedIn(session.user, claims.session_id)

    async def refresh(self, refresh_token: str) -> SessionTokens:
        """Give the next access and refresh token for the current refresh token.

        The token before it is answered in the same way for 30 seconds. Any older one is a copy in somebody else's
        hands, or the sign of one: the session ends.

        Raises:
            InvalidRefreshTokenError: The token is not ours or its session is over.
        """
        presented = self._refresh.read(refresh_token)
        child = self._refresh.child(presented)
        session = await self._store.find(presented.session_id)
        if session is None or not _is_alive(session):
            raise InvalidRefreshTokenError
        if session.refresh_hash == presented.hash and await self._store.rotate(
            presented.session_id, old=presented.hash, new=child.hash, life=SESSION_LIFE
        ):
            return self._tokens(session.user, child)
        # Somebody was faster, just now or some time ago.
        session = await self._store.find(presented.session_id)
        if session is None or not _is_alive(session):
            raise InvalidRefreshTokenError
        if session.parent_hash == presented.hash and session.seconds_since_rotation <= REPEAT_SECONDS:
            return self._tokens(session.user, child)
        await self._store.end(presented.session_id)
        raise InvalidRefreshTokenError

    async def end(self, session_id: str) -> None:
        """End a session; its access token and its refresh token are dead from here on."""
        await self._store.end(session_id)

    async def page(
        self, who: SignedIn, cursors: CursorSigner, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
    ) -> Page[ListedSession]:
        """Return where the user is signed in, newest first.

        Raises:
            InvalidCursorError: The cursor was not made for this user.
        """
        bound_to = {"list": "sessions", "user": who.user.id}
        after = None if cursor is None else str(cursors.open(cursor, bound_to)[0])
        # One more than asked for tells whether there is another page.
        found = await self._store.page(who.user.id, who.session_id, after=after, limit=limit + 1)
        shown = found[:limit]
        return Page(shown, cursors.seal([shown[-1].id], bound_to) if len(found) > limit else None)

    async def end_of(self, user_id: UserId, session_id: str) -> None:
        """End one of the user's sessions.

        Raises:
            SessionNotFoundError: There is none, or it is somebody else's.
        """
        if not await self._store.exists(user_id, session_id):
            raise SessionNotFoundError
        await self._store.end(session_id)

    async def _open(self, credentials: Credentials) -> SessionTokens:
        token = self._refresh.first(new_session_id())
        # The epoch is the one that was read with the password's hash: if the password changes in between, the
        # session is over before it begins.
        await self._store.open(
            token.session_id,
            credentials.user.id,
            auth_epoch=credentials.auth_epoch,
            refresh_hash=token.hash,
            life=SESSION_LIFE,
        )
        return self._tokens(credentials.user, token)

    def _tokens(self, user: User, refresh: RefreshToken) -> SessionTokens:
        return SessionTokens(
            user=user,
            access_token=self._access.issue(user.id, refresh.session_id),
            expires_in=int(ACCESS_LIFE.total_seconds()),
            refresh_token=refresh.text,
        )


def _is_alive(session: StoredSession) -> bool:
    return not session.revoked and session.user.status is UserStatus.ACTIVE
