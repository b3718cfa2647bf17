"""What becomes of a caller who was handed on to a person, once the carrier has said what came of it."""

import asyncio
from typing import Final

import structlog

from callgenie.calls.desk import CallDesk
from callgenie.calls.live import LiveCalls
from callgenie.calls.models import Admitted
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation
from callgenie.conversations.settlement import Settlement
from callgenie.conversations.transfer_store import TransferStore
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import CallStatus, TransferStatus

_log = structlog.get_logger(__name__)

TRANSFER_ENDED: Final = "call.transfer_ended"
CALLER_CAME_BACK: Final = "call.caller_came_back"

NOBODY_REACHED: Final = frozenset(
    {TransferStatus.BUSY, TransferStatus.NO_ANSWER, TransferStatus.FAILED, TransferStatus.CANCELED}
)

# A busy line is reported while the process that let go of the caller still writes down the end. Both are needed: the
# line that the call took, and its seconds.
_LOOKS_MAX: Final = 8
_LOOK_AGAIN_SECONDS: Final = 0.5


class AfterTransfer:
    """Notes what came of a transfer, and lets a caller whom nobody has answered back in."""

    def __init__(
        self,
        calls: LiveCallStore,
        transfers: TransferStore,
        settlement: Settlement,
        desk: CallDesk,
        live: LiveCalls,
    ) -> None:
        self._calls = calls
        self._transfers = transfers
        self._settlement = settlement
        self._desk = desk
        self._live = live

    async def note(self, session_id: SessionId, outcome: TransferStatus, seconds: int) -> Conversation | None:
        """Note what came of it; the first word stays. Return the call as it is then.

        Raises:
            UnavailableError: The database is away.
        """
        call = await self._calls.find_call_of_any_user(session_id)
        if call is None:
            return None
        await self._transfers.note_outcome(call.user_id, session_id, outcome, seconds)
        _log.info(TRANSFER_ENDED, session_id=session_id, outcome=outcome)
        return await self._calls.get(call.user_id, session_id)

    async def come_back(self, call: Conversation) -> Admitted | None:
        """Admit a caller whom nobody has answered for the rest of the call; again: the same.

        None when somebody did talk with them, or when the plan, the account or this server takes no call now.

        Raises:
            UnavailableError: The database is away.
        """
        was_answered = call.status is not CallStatus.RINGING
        if call.transfer is None or call.transfer.status not in NOBODY_REACHED or not was_answered:
            return None
        if self._live.is_draining:
            return None
        answer = await self._desk.come_back(await self._once_over(call))
        if not isinstance(answer, Admitted):
            return None
        _log.info(CALLER_CAME_BACK, session_id=answer.session_id, user_id=call.user_id)
        return answer

    async def _once_over(self, call: Conversation) -> Conversation:
        """Wait until the call is over, and see to it that it is settled: the rest may need what it has held.

        One whose process has died goes on, on paper, until its lease ends. Nobody waits for that.
        """
        for _ in range(_LOOKS_MAX):
            if not call.is_live:
                await self._settlement.settle(call)
                break
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            call = await self._calls.get(call.user_id, call.session_id) or call
        return call
