"""Whether a call may be answered: steps 1 and 2 of the metering protocol."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Granted, RefusalReason
from callgenie.billing.terms import Terms, TermsReader
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.models import Admitted, IncomingCall, Refused
from callgenie.calls.sentences import sentence_for
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.models import Conversation, Ending, NewCall
from callgenie.conversations.rests import rest_of
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import NotFoundError
from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import CallStatus, EndedReason, Fault
from callgenie.numbers.service import NumberPool
from callgenie.profiles.greetings import after_hours_refusal_of
from callgenie.profiles.hours import is_open
from callgenie.profiles.models import AfterHours, Business, Profile

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

_CLOSED: Final = _rejected(EndedReason.OUTSIDE_HOURS)


class Profiles(Protocol):
    """Where profiles are found."""

    async def get(self, user_id: UserId) -> Profile:
        """Return the user's profile."""
        ...


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose call it is: what it is metered under, and what is known about the business."""

    terms: Terms
    business: Business


class Admission:
    """Finds whose call it is, records it, and asks whether they are there and what the ledger says."""

    def __init__(
        self,
        *,
        numbers: NumberPool,
        profiles: Profiles,
        terms: TermsReader,
        calls: LiveCallStore,
        ledger: UsageLedger,
        tokens: MediaTokens,
        clock: Clock,
        expect: Callable[[Conversation], None] = lambda _call: None,
    ) -> None:
        """`expect` is told of every call that may be answered, as often as it is asked about; it must be quick."""
        self._numbers = numbers
        self._profiles = profiles
        self._terms = terms
        self._calls = calls
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock
        self._expect = expect

    async def ring(self, call: IncomingCall) -> Admitted | Refused:
        """Admit the call, or record why not; the same call again gets the same answer."""
        owner = await self._owner_of(call)
        if owner is None:
            # It is nobody's call, so there is no record that it could go into.
            _log.info(CALL_UNROUTED, session_id=call.session_id, to_number=call.to_number)
            return Refused(EndedReason.NUMBER_UNASSIGNED, sentence_for(EndedReason.NUMBER_UNASSIGNED))
        now = self._clock.now()
        new = NewCall(
            call.session_id,
            call.carrier,
            call.from_number,
            call.to_number,
            call.carrier_status,
            after_hours=not is_open(owner.business, now),
        )
        return await self._decide(owner, new, now)

    async def come_back(self, earlier: Conversation) -> Admitted | Refused:
        """Admit the rest of a call whose caller was handed on and met nobody; again: the same answer.

        It is recorded as a call of its own. The earlier one is over, and what is over is never changed.
        """
        owner = await self._owner(earlier.user_id)
        if owner is None:
            return Refused(EndedReason.NUMBER_UNASSIGNED, sentence_for(EndedReason.NUMBER_UNASSIGNED))
        return await self._decide(owner, rest_of(earlier), self._clock.now())

    async def _decide(self, owner: _Owner, new: NewCall, now: datetime) -> Admitted | Refused:
        """Step 1, and step 2 if the call is still to be decided about.

        The period is named here, by the first webhook, and never changes. A call that is admitted in the last seconds
        of a period and answered in the next stays in the first: its hold is there, and moving it would take two
        documents. A worker's clock that is a second off can move a call over the border too, but no limit can be
        passed by that, as each period keeps its own.

        Whether it is after hours is written down here as well: a call that rings while the door is being locked is
        greeted as it was admitted.
        """
        conversation = await self._calls.open(owner.terms.user_id, new, owner.terms.period_at(now).start)
        if conversation.carrier is not new.carrier:
            # The owner has recorded a conversation of their own under this very id; it is left alone.
            return Refused(EndedReason.INTERNAL_ERROR, sentence_for(EndedReason.INTERNAL_ERROR))
        if conversation.status is CallStatus.RINGING:
            ending = await self._why_not(owner, conversation)
            if ending is not None:
                conversation = await self._refuse(conversation, ending)
        return self._as_decided(owner, conversation)

    async def _owner_of(self, call: IncomingCall) -> _Owner | None:
        owner = call.user_id
        if owner is None and call.to_number is not None:
            owner = await self._numbers.owner_of(call.to_number)
        return None if owner is None else await self._owner(owner)

    async def _owner(self, owner: UserId) -> _Owner | None:
        try:
            profile = await self._profiles.get(owner)
            return _Owner(await self._terms.of(owner), profile.business)
        except NotFoundError:
            # The account is gone and its number not yet released.
            return None

    async def _why_not(self, owner: _Owner, conversation: Conversation) -> Ending | None:
        if owner.terms.barred is not None:
            return ENDINGS[owner.terms.barred]
        if conversation.after_hours and owner.business.after_hours is AfterHours.REFUSE:
            return _CLOSED
        refusal = await self._ask_ledger(owner.terms, conversation)
        return None if refusal is None else ENDINGS[refusal]

    async def _ask_ledger(self, terms: Terms, conversation: Conversation) -> RefusalReason | None:
        """Step 2."""
        # The deadline was written by the database's clock when the call began to ring.
        deadline = conversation.admit_by or conversation.started_at
        takes_call = conversation.continues is None
        answer = await self._ledger.admit(conversation.metered, terms.plan, admit_by=deadline, takes_call=takes_call)
        return None if isinstance(answer, Granted) else answer.reason

    async def _refuse(self, conversation: Conversation, ending: Ending) -> Conversation:
        """Write down why not; return the conversation as it is then."""
        user_id, session_id = conversation.user_id, conversation.session_id
        ended = await self._calls.dismiss(user_id, session_id, ending, may_hold=False)
        if ended is None:
            # Somebody else decided meanwhile: another webhook for this call, or the caller who hung up.
            return await self._calls.get(user_id, session_id) or conversation
        _log.info(CALL_REFUSED, session_id=session_id, user_id=user_id, reason=ended.ended_reason)
        return ended

    def _as_decided(self, owner: _Owner, conversation: Conversation) -> Admitted | Refused:
        if conversation.is_live:
            self._expect(conversation)
            return Admitted(conversation.session_id, self._tokens.of(conversation.session_id))
        reason = conversation.ended_reason or EndedReason.INTERNAL_ERROR
        if reason is EndedReason.OUTSIDE_HOURS:
            return Refused(reason, after_hours_refusal_of(owner.business, self._clock.now()))
        return Refused(reason, sentence_for(reason))
