"""Calls from the browser: rung over the API with a ticket as the answer, held over the socket that shows the ticket."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from callgenie.calls.desk import CallDesk
from callgenie.calls.errors import (
    CallNotTakenError,
    CallNotWaitingError,
    ConcurrencyLimitError,
    OriginNotAllowedError,
    OutsideHoursError,
    SubscriptionInactiveError,
    UsageLimitError,
)
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import AnsweredCall, IncomingCall, Refused
from callgenie.calls.origins import Origins
from callgenie.calls.reception import receive
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import DomainError
from callgenie.kernel.ids import Randomness, SessionId, UserId
from callgenie.kernel.vocabulary import Carrier, EndedReason
from callgenie.telephony.browser.link import BrowserLink
from callgenie.telephony.socket import MixedSocket
from callgenie.users.errors import AccountSuspendedError

WEB_CALL_PATH: Final = "/api/calls/web"

# Carriers' ids never begin so: their calls are not to be had here, whatever token somebody holds.
_PREFIX: Final = "web-"
_ID_BYTES: Final = 16

REFUSALS: Final = {
    EndedReason.USAGE_LIMIT: UsageLimitError,
    EndedReason.CONCURRENCY_LIMIT: ConcurrencyLimitError,
    EndedReason.SUBSCRIPTION_INACTIVE: SubscriptionInactiveError,
    EndedReason.ACCOUNT_SUSPENDED: AccountSuspendedError,
    EndedReason.OUTSIDE_HOURS: OutsideHoursError,
}


@dataclass(frozen=True, slots=True)
class Ticket:
    """What opens a call's socket, once, within a minute. `url` is the whole address of the socket."""

    session_id: SessionId
    ticket: str
    url: str


class WebCalls:
    """Rings, answers and holds calls from the browser; each is metered as any other call."""

    def __init__(
        self,
        *,
        desk: CallDesk,
        live: LiveCalls,
        origins: Origins,
        public_url: str,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._desk = desk
        self._live = live
        self._origins = origins
        # https becomes wss, and http becomes ws.
        self._socket_url = "ws" + public_url.rstrip("/").removeprefix("http") + WEB_CALL_PATH
        self._clock = clock
        self._randomness = randomness

    async def ring(self, user_id: UserId, origin: str | None) -> Ticket:
        """Let a call to the user's own assistant ring, and return what answers it.

        Raises:
            OriginNotAllowedError: The page that asks is from elsewhere.
            DomainError: One of `REFUSALS`: the plan, the account or the hours do not allow the call.
            CallNotTakenError: The server is stopping, or the database is away.
        """
        if not self._origins.allow(origin):
            raise OriginNotAllowedError
        session_id = SessionId(_PREFIX + self._randomness.token_bytes(_ID_BYTES).hex())
        call = IncomingCall(session_id, Carrier.BROWSER, None, None, user_id=user_id)
        answer = await receive(call, self._desk, self._live)
        if isinstance(answer, Refused):
            refusal: Callable[[], DomainError] = REFUSALS.get(answer.reason, CallNotTakenError)
            raise refusal()
        url = f"{self._socket_url}/{session_id}?ticket={answer.media_token}"
        return Ticket(session_id, answer.media_token, url)

    async def answer(self, session_id: SessionId, ticket: str, origin: str | None) -> AnsweredCall:
        """Take the call that the ticket was made for.

        Raises:
            OriginNotAllowedError: The page that asks is from elsewhere.
            CallNotWaitingError: Wrong, old or used ticket, or the call has ended.
            UnavailableError: The database is away.
        """
        if not self._origins.allow(origin):
            raise OriginNotAllowedError
        if not session_id.startswith(_PREFIX):
            raise CallNotWaitingError
        return await self._desk.answer(session_id, ticket)

    async def hold(self, call: AnsweredCall, socket: MixedSocket) -> None:
        """Hold an answered call over an open socket until it is over and settled."""
        link = BrowserLink(socket, self._clock)
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(link.run(), name="send to page")
            try:
                await self._live.run(call, link, link)
            finally:
                await link.finish()
                sending.cancel()
