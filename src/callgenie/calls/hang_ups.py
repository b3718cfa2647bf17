"""Hears, in every process, which calls are to be hung up, and hangs up those that run here."""

from contextlib import aclosing
from typing import Final

import structlog

from callgenie.calls.live import LiveCalls
from callgenie.calls.models import OWNER_HANG_UP
from callgenie.conversations.ongoing_store import OngoingCallStore
from callgenie.kernel.ids import SessionId

_log = structlog.get_logger(__name__)

HUNG_UP: Final = "call.hung_up_by_owner"


class HangUpWatch:
    """Follows the owners' wishes. Whatever is missed here, the call's next beat sees."""

    def __init__(self, store: OngoingCallStore, live: LiveCalls) -> None:
        self._store = store
        self._live = live

    async def follow(self) -> None:
        """Hang up what is asked for as it is asked for, until the changes cannot be followed any more.

        Raises:
            UnavailableError: The database is away.
        """
        async with aclosing(self._store.follow_hang_ups_of_any_user()) as asked_for:
            async for session_id in asked_for:
                self._hang_up(session_id)

    async def look(self) -> None:
        """Hang up what has been asked for until now.

        Raises:
            UnavailableError: The database is away.
        """
        # With no call here there is nothing that could be hung up.
        if self._live.count:
            for session_id in await self._store.find_hang_ups_of_any_user():
                self._hang_up(session_id)

    def _hang_up(self, session_id: SessionId) -> None:
        if self._live.hang_up(session_id, *OWNER_HANG_UP):
            _log.info(HUNG_UP, session_id=session_id)
