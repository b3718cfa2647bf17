"""Signing up where addresses must be confirmed, and confirming them."""

from typing import Final

from callgenie.kernel.ids import Randomness
from callgenie.users.account_mail import AccountMail
from callgenie.users.accounts import Accounts
from callgenie.users.errors import InvalidTokenError
from callgenie.users.one_time_token_store import OneTimeTokenStore
from callgenie.users.one_time_tokens import Purpose, hash_of
from callgenie.users.registration_store import RegistrationStore

_ID_BYTES: Final = 12


class Registrations:
    """Keeps sign-ups until somebody proves that the address is theirs."""

    def __init__(
        self,
        accounts: Accounts,
        store: RegistrationStore,
        tokens: OneTimeTokenStore,
        mail: AccountMail,
        randomness: Randomness,
    ) -> None:
        self._accounts = accounts
        self._store = store
        self._tokens = tokens
        self._mail = mail
        self._randomness = randomness

    async def add(self, *, email: str, password: str, name: str, phone: str | None = None) -> None:
        """Keep a sign-up and have the link sent that confirms it.

        Whether the address has an account is told to its owner only, by mail: here both look and take the same.

        Raises:
            InvalidError: An address, name, phone number or password that cannot be taken; the subclass says which.
            TooManySignInsError: Too many passwords wait to be hashed.
        """
        new = await self._accounts.prepare(email=email, password=password, name=name, phone=phone)
        registration = self._randomness.token_bytes(_ID_BYTES).hex()
        user, waits = await self._store.add(new, registration)
        if waits:
            await self._mail.ask_verification(user.id, registration)
        else:
            await self._mail.tell_taken(user.id)

    async def verify(self, token: str) -> None:
        """Take the address for proved that the token was sent to; of any number of attempts, one succeeds.

        Raises:
            InvalidTokenError: The token is none of ours, was used, is over, or was replaced.
        """
        attempt = self._randomness.token_bytes(_ID_BYTES).hex()
        what = await self._tokens.consume(hash_of(token), Purpose.VERIFY, attempt=attempt)
        if what is None or not await self._store.confirm(what.user_id, what.registration):
            raise InvalidTokenError
        # Those of the other sign-ups lead nowhere by now; they need not wait for their hour to be over.
        await self._tokens.void_all(what.user_id, Purpose.VERIFY)
