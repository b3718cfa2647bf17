"""What an owner can do with calls in progress: look at them, and hang one up, whichever process holds it."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from callgenie.calls.carrier_legs import CarrierLegs
from callgenie.calls.errors import CallNotFoundError
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import OWNER_HANG_UP
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Ending
from callgenie.conversations.ongoing_store import OngoingCall, OngoingCallStore
from callgenie.conversations.settlement import Settlement
from callgenie.http.pages import LIMIT_DEFAULT, CursorSigner, Page, moment_and_id, position_at
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import CallStatus

_log = structlog.get_logger(__name__)

CALL_TURNED_AWAY: Final = "call.turned_away_by_owner"

# The process that holds the call hears of it within milliseconds, and then works on the last words for up to three
# seconds. Whoever waits longer than this is told that it is on its way.
_WAIT_SECONDS: Final = 3.0
_LOOK_SECONDS: Final = 0.1

# Between two of our looks a ringing call can be answered, and it is answered once.
_ATTEMPTS: Final = 3

_TURNED_AWAY: Final = Ending(CallStatus.REJECTED, *OWNER_HANG_UP)


class OngoingCalls:
    """The calls in progress of one user at a time."""

    def __init__(
        self,
        *,
        ongoing: OngoingCallStore,
        calls: LiveCallStore,
        settlement: Settlement,
        live: LiveCalls,
        legs: CarrierLegs,
        cursors: CursorSigner,
    ) -> None:
        self._ongoing = ongoing
        self._calls = calls
        self._settlement = settlement
        self._live = live
        self._legs = legs
        self._cursors = cursors

    async def page(
        self, user_id: UserId, *, cursor: str | None = None, limit: int = LIMIT_DEFAULT
    ) -> Page[OngoingCall]:
        """Return calls that ring or go on, newest first.

        Raises:
            InvalidCursorError: The cursor was not made for this user's calls.
        """
        bound_to: Mapping[str, object] = {"list": "calls", "user": user_id}
        after = None if cursor is None else moment_and_id(self._cursors.open(cursor, bound_to))
        # One more than asked for tells whether there is another page.
        found = await self._ongoing.page(user_id, after=after, limit=limit + 1)
        shown = found[:limit]
        if len(found) == len(shown):
            return Page(shown)
        last = shown[-1].conversation
        return Page(shown, self._cursors.seal(position_at(last.started_at, last.id), bound_to))

    async def hang_up(self, user_id: UserId, session_id: SessionId) -> bool:
        """End a call; return whether it is over by now. A false answer means that it will be within seconds.

        Raises:
            CallNotFoundError: No such call of this user goes on.
        """
        for _ in range(_ATTEMPTS):
            if await self._turn_away(user_id, session_id):
                return True
            if await self._ongoing.request_hang_up(user_id, session_id):
                self._live.hang_up(session_id, *OWNER_HANG_UP)
                return await self._is_over_soon(user_id, session_id)
        raise CallNotFoundError

    async def _turn_away(self, user_id: UserId, session_id: SessionId) -> bool:
        """End a call that nobody has answered; its carrier finds no call when it connects."""
        ended = await self._calls.dismiss(user_id, session_id, _TURNED_AWAY, may_hold=True)
        if ended is None:
            return False
        _log.info(CALL_TURNED_AWAY, session_id=session_id, user_id=user_id)
        await self._settlement.settle(ended)
        if ended.leg is not None:
            # A call of ours goes on ringing until the carrier is told.
            await self._legs.end(ended.leg)
        return True

    async def _is_over_soon(self, user_id: UserId, session_id: SessionId) -> bool:
        for _ in range(round(_WAIT_SECONDS / _LOOK_SECONDS)):
            call = await self._calls.get(user_id, session_id)
            if call is None or not call.is_live:
                return True
            await asyncio.sleep(_LOOK_SECONDS)
        return False
