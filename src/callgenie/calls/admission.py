"""Whether a call may be answered: steps 1 and 2 of the metering protocol."""

from collections.abc import Mapping
from typing import Final

import structlog

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted, RefusalReason
from callgenie.billing.terms import Terms, TermsReader
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.models import Admitted, IncomingCall, Refused
from callgenie.calls.sentences import sentence_for
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation, Ending, NewCall
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import NotFoundError
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault
from callgenie.numbers.service import NumberPool

_log = structlog.get_logger(__name__)

CALL_UNROUTED: Final = "call.unrouted"
CALL_REFUSED: Final = "call.refused"

_BROKEN: Final = Ending(CallStatus.FAILED, EndedReason.INTERNAL_ERROR, Fault.PLATFORM)


def _rejected(reason: EndedReason) -> Ending:
    return Ending(CallStatus.REJECTED, reason, Fault.CUSTOMER)


ENDINGS: Final[Mapping[RefusalReason, Ending]] = {
    RefusalReason.ACCOUNT_SUSPENDED: _rejected(EndedReason.ACCOUNT_SUSPENDED),
    RefusalReason.SUBSCRIPTION_INACTIVE: _rejected(EndedReason.SUBSCRIPTION_INACTIVE),
    RefusalReason.CALL_LIMIT_REACHED: _rejected(EndedReason.USAGE_LIMIT),
    RefusalReason.MINUTE_LIMIT_REACHED: _rejected(EndedReason.USAGE_LIMIT),
    RefusalReason.CONCURRENCY_LIMIT_REACHED: _rejected(EndedReason.CONCURRENCY_LIMIT),
    RefusalReason.ALREADY_SETTLED: _BROKEN,
    RefusalReason.TOO_LATE: _BROKEN,
}


class Admission:
    """Finds whose call it is, records it, and asks the ledger."""

    def __init__(
        self,
        *,
        numbers: NumberPool,
        terms: TermsReader,
        calls: LiveCallStore,
        ledger: UsageLedger,
        tokens: MediaTokens,
        clock: Clock,
    ) -> None:
        self._numbers = numbers
        self._terms = terms
        self._calls = calls
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock

    async def ring(self, call: IncomingCall) -> Admitted | Refused:
        """Admit the call, or record why not; the same call again gets the same answer."""
        terms = await self._terms_of_owner(call)
        if terms is None:
            # It is nobody's call, so there is no record that it could go into.
            _log.info(CALL_UNROUTED, session_id=call.session_id, to_number=call.to_number)
            return _refused(EndedReason.NUMBER_UNASSIGNED)
        conversation = await self._open(terms, call)
        if conversation.carrier is not call.carrier:
            # The owner has recorded a conversation of their own under this very id; it is left alone.
            return _refused(EndedReason.INTERNAL_ERROR)
        if conversation.status is not CallStatus.RINGING:
            return self._as_decided(conversation)
        refusal = terms.barred or await self._ask_ledger(terms, conversation)
        if refusal is None:
            return self._admitted(conversation)
        return await self._refuse(conversation, ENDINGS[refusal])

    async def _terms_of_owner(self, call: IncomingCall) -> Terms | None:
        owner: UserId | None = await self._numbers.owner_of(call.to_number)
        if owner is None:
            return None
        try:
            return await self._terms.of(owner)
        except NotFoundError:
            # The account is gone and its number not yet released.
            return None

    async def _open(self, terms: Terms, call: IncomingCall) -> Conversation:
        """Step 1. The period is named here, by the first webhook, and never changes.

        A call that is admitted in the last seconds of a period and answered in the next stays in the first: its hold
        is there, and moving it would take two documents. A worker's clock that is a second off can move a call over
        the border too, but no limit can be passed by that, as each period keeps its own.
        """
        period = terms.period_at(self._clock.now())
        new = NewCall(call.session_id, call.carrier, call.from_number, call.to_number, call.carrier_status)
        return await self._calls.open(terms.user_id, new, period.start)

    async def _ask_ledger(self, terms: Terms, conversation: Conversation) -> RefusalReason | None:
        """Step 2."""
        # The deadline was written by the database's clock when the call began to ring.
        deadline = conversation.admit_by or conversation.started_at
        answer = await self._ledger.admit(conversation.metered, terms.plan, admit_by=deadline)
        return None if isinstance(answer, Granted) else answer.reason

    async def _refuse(self, conversation: Conversation, ending: Ending) -> Admitted | Refused:
        user_id, session_id = conversation.user_id, conversation.session_id
        ended = await self._calls.dismiss(user_id, session_id, ending, may_hold=False)
        if ended is None:
            # Somebody else decided meanwhile: another webhook for this call, or the caller who hung up.
            return self._as_decided(await self._calls.get(user_id, session_id) or conversation)
        _log.info(CALL_REFUSED, session_id=session_id, user_id=user_id, reason=ended.ended_reason)
        return self._as_decided(ended)

    def _as_decided(self, conversation: Conversation) -> Admitted | Refused:
        if conversation.is_live:
            return self._admitted(conversation)
        return _refused(conversation.ended_reason or EndedReason.INTERNAL_ERROR)

    def _admitted(self, conversation: Conversation) -> Admitted:
        return Admitted(conversation.session_id, self._tokens.of(conversation.session_id))


def _refused(reason: EndedReason) -> Refused:
    return Refused(reason, sentence_for(reason))
