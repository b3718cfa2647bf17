"""Step 7: takes the next step for calls whose worker did not.

Every worker sweeps every few seconds, all at once. That is harmless: each change is a compare-and-set that asks the
database's own clock whether the lease has run out, and a settlement that comes second finds nothing to settle.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import MeteredCall
from callgenie.calls.unconfirmed import UnconfirmedMessages
from callgenie.calls.watch import NOBODY, CallWatch
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation
from callgenie.conversations.settlement import Settlement
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import Carrier, EndedReason

_log = structlog.get_logger(__name__)

CALL_EXPIRED: Final = "call.expired"
HOLD_FREED: Final = "usage.hold_freed"
SWEEP_FAILED: Final = "sweep.failed"

# One sweep takes this many of each kind; the next one, seconds later, takes the rest.
BATCH_MAX: Final = 200


class RecordedCalls(Protocol):
    """Finishes conversations that another voice engine held and that were cut off while being settled."""

    async def take_over(self, conversation: Conversation) -> None:
        """Take every step that is left, unless somebody else does."""
        ...


@dataclass(slots=True)
class SweepReport:
    """What one sweep did: calls it ended, others it settled, holds that belonged to nothing, and what failed."""

    ended: int = 0
    settled: int = 0
    freed: int = 0
    failed: int = 0


class Sweeper:
    """Ends calls at their last heartbeat, and settles what was left unsettled."""

    def __init__(
        self,
        calls: LiveCallStore,
        ledger: UsageLedger,
        recorded: RecordedCalls,
        unconfirmed: UnconfirmedMessages,
        watch: CallWatch = NOBODY,
    ) -> None:
        self._unconfirmed = unconfirmed
        self._watch = watch
        self._calls = calls
        self._ledger = ledger
        self._settlement = Settlement(ledger, calls)
        self._recorded = recorded

    async def sweep(self) -> SweepReport:
        """Go through everything that is overdue; one that fails does not keep the others waiting.

        Raises:
            UnavailableError: The database is away.
        """
        report = SweepReport()
        for overdue in await self._calls.find_overdue_of_any_user(BATCH_MAX):
            with _guard(report, overdue.session_id):
                await self._finish(overdue.conversation(), report)
        for call in await self._ledger.find_expired_of_any_user(BATCH_MAX):
            with _guard(report, call.session_id):
                await self._free(call, report)
        return report

    async def _finish(self, conversation: Conversation, report: SweepReport) -> None:
        """Take the next steps for a conversation whose lease has run out."""
        if conversation.carrier is Carrier.API:
            await self._recorded.take_over(conversation)
            report.settled += 1
        elif not conversation.is_live:
            await self._settlement.settle(conversation)
            report.settled += 1
        elif (expired := await self._expire(conversation)) is not None:
            _log.warning(CALL_EXPIRED, session_id=expired.session_id, seconds=expired.duration)
            self._watch.call_ended(expired.ended_reason or EndedReason.LEASE_EXPIRED, expired.duration or 0)
            report.ended += 1
            await self._settlement.settle(expired)

    async def _expire(self, call: Conversation) -> Conversation | None:
        left = await self._unconfirmed.left_in(call.user_id, call.session_id)
        return await self._calls.expire(call, left)

    async def _free(self, call: MeteredCall, report: SweepReport) -> None:
        """Look whether a hold whose lease has run out still belongs to anything.

        The conversation decides. As long as that one's own lease holds, the hold stays: the worker that renews both
        may be between the two, and seconds that may still be used must not be given to another call.
        """
        conversation = await self._calls.get(call.user_id, call.session_id)
        if conversation is not None and conversation.lease_until is not None:
            if conversation.billable_seconds is not None:
                await self._settlement.settle(conversation)
                report.settled += 1
            return
        # Settled long ago, refused, or erased: nothing may be counted for it any more.
        _log.warning(HOLD_FREED, session_id=call.session_id, user_id=call.user_id)
        await self._ledger.settle(call, billable_seconds=0, counted=False)
        report.freed += 1


@contextlib.contextmanager
def _guard(report: SweepReport, session_id: SessionId) -> Iterator[None]:
    try:
        yield
    except UnavailableError:
        raise
    except Exception:  # noqa: BLE001 -- whatever is wrong with one record, the others are still to be settled
        _log.exception(SWEEP_FAILED, session_id=session_id)
        report.failed += 1
