"""The desk: every step of a live call that is written down, from the first ring to the settled record.

The steps are those of the metering protocol. Each can be repeated, by this worker or another, and after a crash
between any two the `sweeper` takes the next one.
"""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Final

import structlog

from callgenie.billing.ledger import UsageLedger
from callgenie.billing.models import Hold, RefusalReason
from callgenie.billing.pipelines import ADMIT_SECONDS
from callgenie.billing.terms import Terms, TermsReader
from callgenie.calls.admission import ENDINGS, Admission, Profiles
from callgenie.calls.errors import CallNotWaitingError
from callgenie.calls.media_tokens import MediaTokens
from callgenie.calls.models import Admitted, AnsweredCall, Beat, CallLimits, EndedCall, IncomingCall, Occasion, Refused
from callgenie.calls.unconfirmed import UnconfirmedMessages
from callgenie.calls.watch import NOBODY, CallWatch
from callgenie.conversations.live_store import LiveCallStore
from callgenie.conversations.message_store import MessageStore
from callgenie.conversations.models import Conversation, Ending, NewMessage
from callgenie.conversations.rests import rest_id_of
from callgenie.conversations.settlement import Settlement
from callgenie.kernel.cancellation import heed_cancellation
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import Randomness, SessionId
from callgenie.kernel.vocabulary import CallStatus, Direction, EndedReason, Fault
from callgenie.users.errors import UserNotFoundError
from callgenie.voice.turn import Turn

_log = structlog.get_logger(__name__)

CALL_ANSWERED: Final = "call.answered"
ANSWER_TAKEN_BACK: Final = "call.answer_taken_back"
CALL_ENDED: Final = "call.ended"
TRANSFER_REQUESTED: Final = "call.transfer_requested"
MESSAGE_TAKEN: Final = "call.message_taken"
CALL_ABANDONED: Final = "call.abandoned"
SETTLEMENT_POSTPONED: Final = "call.settlement_postponed"

# The carrier's words, in the order in which they can follow each other. Callbacks arrive repeated and in any order,
# so a word is kept only over one of a lower rank; those of the highest end the call and are never undone.
CARRIER_RANKS: Final[Mapping[str, int]] = {
    "queued": 0,
    "initiated": 1,
    "ringing": 2,
    "in-progress": 3,
    "answered": 3,
    "completed": 4,
    "busy": 4,
    "failed": 4,
    "no-answer": 4,
    "canceled": 4,
}
_TERMINAL_RANK: Final = 4

# What the carrier says of a call of ours that nobody answered.
_NOT_REACHED: Final[Mapping[str, Ending]] = {
    "busy": Ending(CallStatus.ABANDONED, EndedReason.CALLEE_BUSY, Fault.NONE),
    "no-answer": Ending(CallStatus.ABANDONED, EndedReason.NO_ANSWER, Fault.NONE),
    "failed": Ending(CallStatus.FAILED, EndedReason.DIAL_FAILED, Fault.PROVIDER),
}

# Who comes to one of these ends without anybody's fault was heard out: what they wanted to be passed on is taken, or
# they have thought better of it.
_HEARD_OUT: Final = frozenset({EndedReason.ASSISTANT_HANGUP, EndedReason.TRANSFERRED})


def is_terminal(carrier_status: str) -> bool:
    """Tell whether the carrier's word ends the call."""
    return CARRIER_RANKS.get(carrier_status) == _TERMINAL_RANK


_NAME_BYTES: Final = 12

# Each attempt itself waits some seconds for the database; a lease is a minute long.
_TAKE_BACK_ATTEMPTS: Final = 10
_TAKE_BACK_AGAIN_SECONDS: Final = 1.0


class CallDesk:
    """Takes a call through its record and the ledger; knows nothing of audio."""

    def __init__(
        self,
        *,
        admission: Admission,
        profiles: Profiles,
        terms: TermsReader,
        calls: LiveCallStore,
        messages: MessageStore,
        ledger: UsageLedger,
        tokens: MediaTokens,
        randomness: Randomness,
        max_call_seconds: int,
        watch: CallWatch = NOBODY,
    ) -> None:
        self._admission = admission
        self._profiles = profiles
        self._terms = terms
        self._calls = calls
        self._messages = messages
        self._unconfirmed = UnconfirmedMessages(messages, profiles)
        self._ledger = ledger
        self._settlement = Settlement(ledger, calls)
        self._tokens = tokens
        self._randomness = randomness
        self._limits = CallLimits(max_seconds=max_call_seconds)
        self._watch = watch
        self._taking_back: set[asyncio.Task[None]] = set()

    async def ring(self, call: IncomingCall) -> Admitted | Refused:
        """Steps 1 and 2: record that the call rings, and admit it if the plan allows; again: the same answer.

        A refusal is recorded under the user it was meant for. A call to a number that is nobody's is not recorded.

        Raises:
            UnavailableError: The database is away.
        """
        return self._watched(await self._admission.ring(call))

    async def come_back(self, earlier: Conversation) -> Admitted | Refused:
        """Take steps 1 and 2 for the rest of a call, whose caller was handed on and met nobody; again: the same answer.

        Raises:
            UnavailableError: The database is away.
        """
        return self._watched(await self._admission.come_back(earlier))

    async def answer(self, session_id: SessionId, media_token: str) -> AnsweredCall:
        """Step 3: join the caller to the call that the token was made for. A token works once.

        Raises:
            CallNotWaitingError: Wrong or used token, unknown call, or it has ended.
            UnavailableError: The database is away.
        """
        if not self._tokens.opens(session_id, media_token):
            raise CallNotWaitingError
        ringing = await self._calls.find_call_of_any_user(session_id)
        if ringing is None or ringing.status is not CallStatus.RINGING:
            raise CallNotWaitingError
        hold = await self._ledger.hold_of(ringing.metered)
        if hold is None:
            raise CallNotWaitingError
        # Read before the call is taken: should it fail, the caller can still be connected by another attempt.
        profile = await self._profiles.get(ringing.user_id)
        name = self._randomness.token_bytes(_NAME_BYTES).hex()
        try:
            answered = await self._calls.answer(
                ringing.user_id, session_id, answered_by=name, granted_seconds=hold.seconds
            )
        except UnavailableError:
            # It may be done all the same, and would be a call that nobody holds, counted when its lease runs out.
            taking_back = asyncio.create_task(self._take_back(ringing, name), name="take back an answer")
            self._taking_back.add(taking_back)
            taking_back.add_done_callback(self._taking_back.discard)
            raise
        if answered is None:
            raise CallNotWaitingError
        _log.info(CALL_ANSWERED, session_id=session_id, user_id=answered.user_id)
        return AnsweredCall(
            user_id=answered.user_id,
            session_id=session_id,
            period_start=answered.period_start,
            answered_at=answered.answered_at or answered.started_at,
            granted_seconds=hold.seconds,
            profile=profile,
            from_number=answered.phone_number,
            to_number=answered.dialled_number,
            limits=self._limits,
            occasion=Occasion.of(answered),
        )

    async def _take_back(self, call: Conversation, answered_by: str) -> None:
        """Undo an answer of which it is not known whether it was done. What cannot be undone is left to the sweeper."""
        for _ in range(_TAKE_BACK_ATTEMPTS):
            try:
                ended = await self._calls.take_back(call.user_id, call.session_id, answered_by=answered_by)
            except UnavailableError:
                heed_cancellation()
                await asyncio.sleep(_TAKE_BACK_AGAIN_SECONDS)
                continue
            if ended is not None:
                await self._settle(ended)
                _log.warning(ANSWER_TAKEN_BACK, session_id=call.session_id, user_id=call.user_id)
            return

    async def beat(self, call: AnsweredCall, elapsed_seconds: float) -> Beat:
        """Step 4: say that the call goes on, and ask for another minute; to be called every 20 seconds.

        Raises:
            UnavailableError: The database is away. The call may go on to the second that was granted before.
        """
        elapsed = math.ceil(elapsed_seconds)
        try:
            terms = await self._terms.of(call.user_id)
        except UserNotFoundError:
            # Erased, and with the account all that the call would be kept in.
            return Beat(call.granted_seconds, more_refused=True, ended=True)
        wanted = min(elapsed + ADMIT_SECONDS, call.limits.max_seconds)
        # The ledger first: seconds that are only in the record would be billed without having been held.
        hold = await self._ledger.extend(call.metered, terms.plan, total_seconds=0 if terms.barred else wanted)
        if hold is None:
            return Beat(call.granted_seconds, more_refused=True, ended=True)
        alive = await self._calls.beat(
            call.user_id, call.session_id, elapsed_seconds=elapsed, granted_seconds=hold.seconds
        )
        if alive is None:
            return Beat(hold.seconds, more_refused=True, ended=True)
        reason = _why_no_more(terms, hold, wanted, call.limits)
        return Beat(
            hold.seconds,
            more_refused=reason is not None,
            ended=False,
            reason=reason,
            hang_up=alive.hang_up_requested_at is not None,
        )

    async def save_turn(self, call: AnsweredCall, number: int, turn: Turn, elapsed_seconds: float) -> None:
        """Keep a turn as soon as it was spoken; numbers begin at 1, and one number is kept once.

        Raises:
            UnavailableError: The database is away.
        """
        await self._calls.append_turn(
            call.user_id,
            call.session_id,
            number,
            turn,
            at=call.answered_at + timedelta(milliseconds=turn.started_ms),
            elapsed_seconds=math.ceil(elapsed_seconds),
        )
        if turn.latency is not None:
            self._watch.turn_kept(asdict(turn.latency))

    async def keep_message(self, call: AnsweredCall, message: NewMessage) -> bool:
        """Keep what the caller wants to be passed on, and have it mailed; return False when there is no room for it.

        Keeping it again changes nothing.

        Raises:
            UnavailableError: The database is away; it is not known whether the message is kept.
        """
        kept = await self._messages.keep(call.user_id, call.session_id, message)
        if kept:
            _log.info(MESSAGE_TAKEN, session_id=call.session_id, user_id=call.user_id)
        return kept

    async def request_transfer(self, call: AnsweredCall, to: str) -> bool:
        """Decide, before the line is let go, that its carrier joins the caller to `to`; return False if it is too late.

        Raises:
            UnavailableError: The database is away; the caller stays with us.
        """
        if await self._calls.request_transfer(call.user_id, call.session_id, to) is None:
            return False
        _log.info(TRANSFER_REQUESTED, session_id=call.session_id, user_id=call.user_id)
        return True

    async def end(self, call: AnsweredCall, *, reason: EndedReason, fault: Fault, elapsed_seconds: float) -> EndedCall:
        """Steps 5 and 6: end the call and settle it. Whoever comes second gets what the first made of it.

        An answered call has been completed, whatever ended it: the reason and the fault say what that was. What of a
        message was told until then is kept.

        Raises:
            CallNotWaitingError: There is no such call any more.
            UnavailableError: The database is away; the sweeper will end the call at its last heartbeat.
        """
        ending = Ending(CallStatus.COMPLETED, reason, fault)
        seconds = math.ceil(elapsed_seconds)
        is_heard_out = reason in _HEARD_OUT and fault is Fault.NONE
        left = None if is_heard_out else await self._unconfirmed.left_in(call.user_id, call.session_id)
        ended = await self._calls.end(call.user_id, call.session_id, ending, elapsed_seconds=seconds, left=left)
        if ended is not None:
            self._watch.call_ended(reason, elapsed_seconds)
        else:
            ended = await self._calls.get(call.user_id, call.session_id)
        if ended is None:
            raise CallNotWaitingError
        settled = await self._settle(ended)
        _log.info(CALL_ENDED, session_id=call.session_id, user_id=call.user_id, reason=ended.ended_reason)
        return EndedCall(
            status=ended.status,
            reason=ended.ended_reason,
            fault=ended.fault,
            duration=ended.duration or 0,
            billable_seconds=ended.billable_seconds or 0,
            settled=settled,
        )

    async def carrier_reported(self, session_id: SessionId, carrier_status: str) -> None:
        """Keep the carrier's word, and let go of a call that the carrier ended before it was answered.

        A call in progress is not ended here: its own stream says so more precisely, and without one the sweeper does.

        Raises:
            UnavailableError: The database is away.
        """
        rank = CARRIER_RANKS.get(carrier_status)
        call = await self._calls.find_call_of_any_user(session_id)
        if rank is None or call is None:
            return
        lower = [word for word, its_rank in CARRIER_RANKS.items() if its_rank < rank]
        await self._calls.note_carrier_status(call.user_id, session_id, carrier_status, over=lower)
        if rank != _TERMINAL_RANK:
            return
        if call.status is CallStatus.RINGING:
            await self._abandon(call, _unanswered(call, carrier_status))
        if call.transfer is not None:
            # To the carrier, whoever comes back from a transfer is still on the same call.
            await self.carrier_reported(rest_id_of(session_id), carrier_status)

    def _watched(self, answer: Admitted | Refused) -> Admitted | Refused:
        if isinstance(answer, Refused):
            self._watch.call_refused(answer.reason)
        return answer

    async def _abandon(self, call: Conversation, ending: Ending) -> None:
        abandoned = await self._calls.dismiss(call.user_id, call.session_id, ending, may_hold=True)
        if abandoned is not None:
            _log.info(CALL_ABANDONED, session_id=call.session_id, user_id=call.user_id)
            self._watch.call_refused(abandoned.ended_reason or EndedReason.CALLER_HANGUP)
            await self._settle(abandoned)

    async def _settle(self, ended: Conversation) -> bool:
        try:
            await self._settlement.settle(ended)
        except UnavailableError:
            # The record is final, so whoever settles later settles the same.
            _log.warning(SETTLEMENT_POSTPONED, session_id=ended.session_id, user_id=ended.user_id)
            return False
        return True


def _unanswered(call: Conversation, carrier_status: str) -> Ending:
    """Return what became of a call that the carrier ended while it rang."""
    if call.direction is Direction.OUTBOUND and carrier_status in _NOT_REACHED:
        return _NOT_REACHED[carrier_status]
    return Ending(CallStatus.ABANDONED, EndedReason.CALLER_HANGUP, Fault.CALLER)


def _why_no_more(terms: Terms, hold: Hold, wanted: int, limits: CallLimits) -> EndedReason | None:
    if terms.barred is not None:
        return ENDINGS[terms.barred].reason
    if hold.seconds < wanted:
        return ENDINGS[RefusalReason.MINUTE_LIMIT_REACHED].reason
    return EndedReason.MAX_DURATION if hold.seconds >= limits.max_seconds else None
