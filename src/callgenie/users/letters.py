"""What the mails about accounts say."""

from collections.abc import Mapping

from callgenie.jobs.outbox import Writer, Written
from callgenie.jobs.outbox_models import OutboxEntry
from callgenie.mail.models import Action, Letter
from callgenie.mail.rendering import one_line
from callgenie.users.account_mail import RESET, TAKEN, VERIFY
from callgenie.users.one_time_token_store import OneTimeTokenStore, TokenFor
from callgenie.users.one_time_tokens import OneTimeTokens, Purpose, hash_of
from callgenie.users.registration_store import RegistrationStore, Unverified
from callgenie.users.store import UserStore

# A name long enough to be a sentence would let a stranger write mails in our name.
_NAME_CHARS_MAX = 60
_LINK_LIFE = "The link works once, within an hour."


class Links:
    """Makes links with tokens in them, under the origin that was configured: what a request says of it counts nothing.

    The token is in the query, and opening the link uses nothing up: programs that look through mail open links too.
    """

    def __init__(self, origin: str, tokens: OneTimeTokens, store: OneTimeTokenStore) -> None:
        self._origin = origin
        self._tokens = tokens
        self._store = store

    async def make(self, path: str, entry: OutboxEntry, what: TokenFor) -> str | None:
        """Return the link, its token good from now on, or None when it was used or a newer one was asked for."""
        token = self._tokens.for_mail(what.purpose, entry.id)
        if not await self._store.issue(hash_of(token), what, asked_at=entry.asked_at):
            return None
        return f"{self._origin}/{path}?token={token}"


class VerificationWriter:
    """Asks somebody to confirm that an address is theirs."""

    def __init__(self, registrations: RegistrationStore, links: Links) -> None:
        self._registrations = registrations
        self._links = links

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when there is nothing to confirm any more."""
        found = await self._find(entry)
        if found is None:
            return None
        what = TokenFor(found.user.id, Purpose.VERIFY, found.registration)
        link = await self._links.make("verify-email", entry, what)
        if link is None:
            return None
        letter = Letter(
            subject="Confirm your e-mail address",
            greeting=_hello(found.name),
            paragraphs=("you signed up for CallGenie with this address. Please confirm that it is yours.",),
            action=Action("Confirm this address", link),
            closing=(_LINK_LIFE, "If it was not you who signed up just now, do nothing, and nothing will happen."),
        )
        return Written(found.user.email, letter)

    async def _find(self, entry: OutboxEntry) -> Unverified | None:
        if entry.user_id is None:
            return await self._registrations.find_by_email(entry.email or "")
        registration = entry.facts.get("registration")
        return await self._registrations.find(entry.user_id, None if registration is None else str(registration))


class ResetWriter:
    """Lets the owner of an account choose a new password."""

    def __init__(self, users: UserStore, links: Links) -> None:
        self._users = users
        self._links = links

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when nobody has an account with this address."""
        found = await self._users.find_credentials(entry.email or "")
        if found is None:
            return None
        link = await self._links.make("reset-password", entry, TokenFor(found.user.id, Purpose.RESET))
        if link is None:
            return None
        letter = Letter(
            subject="Choose a new password",
            greeting=_hello(found.user.name),
            paragraphs=("somebody, probably you, asked for a new password for your CallGenie account.",),
            action=Action("Choose a new password", link),
            closing=(_LINK_LIFE, "If it was not you, do nothing: your password stays as it is."),
        )
        return Written(found.user.email, letter)


class TakenWriter:
    """Tells the owner of an account that somebody signed up with their address."""

    def __init__(self, users: UserStore, links: Links) -> None:
        self._users = users
        self._links = links

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when the account is gone, or its owner has asked for a new password since."""
        user = None if entry.user_id is None else await self._users.find(entry.user_id)
        if user is None:
            return None
        link = await self._links.make("reset-password", entry, TokenFor(user.id, Purpose.RESET))
        if link is None:
            return None
        letter = Letter(
            subject="You have an account already",
            greeting=_hello(user.name),
            paragraphs=(
                "somebody, perhaps you, tried to sign up for CallGenie with this address.",
                "There is an account with it already, so none was made. Sign in to that one.",
                "If you have forgotten its password, choose a new one.",
            ),
            action=Action("Choose a new password", link),
            closing=(_LINK_LIFE, "If it was not you, do nothing: nobody has got in, and nothing has changed."),
        )
        return Written(user.email, letter)


def account_writers(users: UserStore, registrations: RegistrationStore, links: Links) -> Mapping[str, Writer]:
    """Return who writes which kind of mail about accounts."""
    return {
        VERIFY: VerificationWriter(registrations, links),
        RESET: ResetWriter(users, links),
        TAKEN: TakenWriter(users, links),
    }


def _hello(name: str) -> str:
    return f"Hello {one_line(name, _NAME_CHARS_MAX)},"
