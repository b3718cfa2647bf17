"""Keeps conversations that another voice engine held, and settles their usage once.

The steps are those of a live call, taken in one go: the intended duration is written into the conversation (1), the
ledger holds what fits the plan (2), the conversation says what counts (5), the hold becomes usage (6). Whoever comes
next after a crash, a repeated request or the sweeper, goes on where the traces end.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted
from callgenie.billing.service import UsageService
from callgenie.billing.terms import Terms, TermsReader
from callgenie.conversations.errors import ConversationBusyError, SessionConflictError
from callgenie.conversations.exchanges import addition_of, check_exchange, start_of
from callgenie.conversations.models import Conversation, Exchange, SavedExchange
from callgenie.conversations.recording_store import RecordingStore
from callgenie.conversations.settlement import Settlement
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import Carrier

# Each round that fails means that somebody else's change was made, so only a crowd on one conversation needs many.
_ROUNDS_MAX: Final = 50


class Recording:
    """Records exchanges."""

    def __init__(
        self,
        *,
        store: RecordingStore,
        settlement: Settlement,
        ledger: UsageLedger,
        terms: TermsReader,
        usage: UsageService,
        clock: Clock,
    ) -> None:
        self._store = store
        self._settlement = settlement
        self._ledger = ledger
        self._terms = terms
        self._usage = usage
        self._clock = clock

    async def save_exchange(self, user_id: UserId, exchange: Exchange) -> SavedExchange:
        """Record the exchange and settle the call if it is completed; again: nothing is doubled.

        Raises:
            InvalidExchangeError: Some of it is not as it must be.
            SessionConflictError: The session id belongs to another call.
            ConversationFullError: The conversation has no room for it.
            ConversationBusyError: Too many others change the same conversation.
        """
        now = _to_milliseconds(self._clock.now())
        check_exchange(exchange, now=now)
        if exchange.started_at is not None:
            exchange = replace(exchange, started_at=_to_milliseconds(exchange.started_at))
        terms = await self._terms.of(user_id)
        conversation, created = await self._write(terms, exchange, now)
        conversation = await self._finish(conversation)
        return SavedExchange(conversation, created, await self._usage.check_under(terms))

    async def take_over(self, conversation: Conversation) -> None:
        """Finish a settlement that was cut off, unless it is not overdue any more."""
        claimed = await self._store.claim(conversation)
        if claimed is not None:
            await self._finish(claimed)

    async def _write(self, terms: Terms, exchange: Exchange, now: datetime) -> tuple[Conversation, bool]:
        """Step 1, from the revision that was read; somebody else's change means reading again."""
        user_id = terms.user_id
        # The period in which the call was answered; the first write names it for good.
        period_start = terms.period_at(start_of(exchange, now=now)).start
        for _ in range(_ROUNDS_MAX):
            found = await self._store.get(user_id, exchange.session_id)
            if found is not None and not _is_same_call(found, exchange):
                raise SessionConflictError
            addition = addition_of(exchange, found, now=now, period_start=period_start)
            if found is not None and addition.is_empty:
                return found, False
            revision = found.revision if found else 0
            changed = await self._store.change(user_id, exchange.session_id, revision, addition)
            if changed is not None:
                return changed, found is None
        raise ConversationBusyError

    async def _finish(self, conversation: Conversation) -> Conversation:
        """Take the steps that are left; a conversation without a lease has none."""
        if conversation.lease_until is None:
            return conversation
        if conversation.billable_seconds is None:
            conversation = await self._bill(conversation)
        await self._settlement.settle(conversation)
        return conversation

    async def _bill(self, conversation: Conversation) -> Conversation:
        """Steps 2 and 5."""
        duration = conversation.duration or 0
        terms = await self._terms.of(conversation.user_id)
        answer = await self._ledger.admit_recorded(
            conversation.metered,
            terms.plan,
            duration=duration,
            admit_by=conversation.admit_by or conversation.started_at,
        )
        billed = None
        if isinstance(answer, Granted):
            billed = await self._store.bill(
                conversation,
                billable_seconds=answer.seconds,
                overage_seconds=duration - answer.seconds,
                counted=answer.hold.calls > 0,
            )
        # Refused means that somebody else has settled it, or that this came too late and the sweeper will.
        return billed or await self._store.get(conversation.user_id, conversation.session_id) or conversation


def _is_same_call(found: Conversation, exchange: Exchange) -> bool:
    # What was deleted does not come back because somebody's request was late.
    return found.carrier is Carrier.API and found.deleted_at is None and found.phone_number == exchange.phone_number


def _to_milliseconds(moment: datetime) -> datetime:
    # MongoDB keeps milliseconds; what is answered now and what is read later must be the same moment.
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
