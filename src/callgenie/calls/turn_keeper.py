"""Keeps what is said in a live call, as it is said."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from callgenie.calls.desk import CallDesk
from callgenie.calls.models import AnsweredCall
from callgenie.kernel.cancellation import heed_cancellation
from callgenie.kernel.errors import UnavailableError
from callgenie.voice.turn import Turn

_log = structlog.get_logger(__name__)

TURN_LOST: Final = "call.turn_lost"

# A call that another worker has ended meanwhile takes its turns all the same.
TURN_PATIENCE_SECONDS: Final = 60.0

# The desk itself tries for seconds; this is only to not ask a database that refuses at once in a tight loop.
_AGAIN_SECONDS: Final = 0.5


class TurnKeeper:
    """Implements `voice.session.SessionListener`: saves one turn after the other.

    While the database is away it keeps trying, and the session keeps the turns that follow, in order. When the time is
    over at which `patience_ends`, in seconds of the call, it gives up: nobody holds memory for ever.
    """

    def __init__(
        self, desk: CallDesk, call: AnsweredCall, elapsed: Callable[[], float], patience_ends: Callable[[], float]
    ) -> None:
        self._desk = desk
        self._call = call
        self._elapsed = elapsed
        self._patience_ends = patience_ends
        self._number = 0

    async def turn_finished(self, turn: Turn) -> None:
        """Save the turn under the next number; saving it twice is harmless, because of that number."""
        self._number += 1
        while not await self._is_saved(turn):
            heed_cancellation()
            if self._elapsed() >= self._patience_ends():
                _log.error(TURN_LOST, session_id=self._call.session_id, turn_number=self._number)
                return
            await asyncio.sleep(_AGAIN_SECONDS)
        heed_cancellation()

    async def _is_saved(self, turn: Turn) -> bool:
        try:
            await self._desk.save_turn(self._call, self._number, turn, self._elapsed())
        except UnavailableError:
            return False
        return True
