"""Asks for the mails that accounts need. They are written and sent by the outbox's delivery, never in a request."""

from typing import Final

from callgenie.jobs.outbox_models import NewMail
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import Randomness, UserId, digest_key
from callgenie.users.addresses import canonical_email
from callgenie.users.errors import InvalidEmailError

VERIFY: Final = "verify"
RESET: Final = "reset"
TAKEN: Final = "taken"

_NONCE_BYTES: Final = 12
_SECONDS_AN_HOUR: Final = 3_600


class AccountMail:
    """Puts requests for mail into the outbox.

    Whether an address is known is not looked up here: every request costs the same one write, and whoever measures
    the answers learns nothing. The delivery looks, and drops what leads to nobody.
    """

    def __init__(self, outbox: OutboxStore, clock: Clock, randomness: Randomness) -> None:
        self._outbox = outbox
        self._clock = clock
        self._randomness = randomness

    async def ask_verification(self, user_id: UserId, registration: str | None = None) -> None:
        """Have the link sent that confirms a sign-up; once for each sign-up."""
        facts = {"registration": registration}
        await self._outbox.put(NewMail(f"{VERIFY}:{user_id}:{registration or 0}", VERIFY, user_id=user_id, facts=facts))

    async def ask_verification_again(self, email: str) -> None:
        """Have another link sent to whoever signed up with this address; nothing, if nobody did."""
        await self._ask(VERIFY, email)

    async def ask_reset(self, email: str) -> None:
        """Have a link sent by which the owner of this account chooses a new password; nothing, if there is none."""
        await self._ask(RESET, email)

    async def tell_taken(self, user_id: UserId) -> None:
        """Have the owner told that somebody signed up with their address; at most once an hour, however often."""
        hour = int(self._clock.now().timestamp()) // _SECONDS_AN_HOUR
        await self._outbox.put(NewMail(f"{TAKEN}:{user_id}:{hour}", TAKEN, user_id=user_id))

    async def _ask(self, kind: str, email: str) -> None:
        try:
            address = canonical_email(email)
        except InvalidEmailError:
            # No account has it, and the answer is the same as for any other address without one.
            return
        nonce = self._randomness.token_bytes(_NONCE_BYTES).hex()
        await self._outbox.put(NewMail(f"{kind}:{digest_key(address)}:{nonce}", kind, email=address))
