"""A conversation: the lasting record of a call, and the truth that the usage ledger is settled from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from callgenie.billing.models import MeteredCall, Usage
from callgenie.kernel.ids import SessionId, UserId, digest_key
from callgenie.kernel.vocabulary import (
    LIVE_STATUSES,
    CallStatus,
    Carrier,
    Direction,
    EndedReason,
    Fault,
    Outcome,
    TransferStatus,
    TurnRole,
)
from callgenie.recordings.models import CallRecording
from callgenie.voice.turn import TurnLatency

# A document holds at most 16 MiB. 2,000 turns of 8,000 characters would just pass that only if every one were full
# and in a script of four bytes a letter, which hours of talking do not come near.
TURNS_MAX: Final = 2_000
TURN_CHARS_MAX: Final = 8_000

# Carriers' ids have some 40 characters; twice an index entry's comfortable size is still far off.
SESSION_ID_CHARS_MAX: Final = 200
EXCHANGE_ID_CHARS_MAX: Final = 200

# No carrier keeps a call up for longer than a day.
DURATION_SECONDS_MAX: Final = 86_400

# Nobody leaves more in one call; a few lines are read, pages are not.
MESSAGES_MAX: Final = 10
MESSAGE_CHARS_MAX: Final = 2_000
MESSAGE_NAME_CHARS_MAX: Final = 100
MESSAGE_NUMBER_CHARS_MAX: Final = 40

MetricValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """One utterance as it was kept; numbers begin at 1.

    Attributes:
        started_ms: Milliseconds from the answer; None when the exchange was recorded elsewhere.
        generated_text: What was meant, where the caller cut it short.
        shortened: Whether the text was longer than `TURN_CHARS_MAX` and lost its end.
        outcome: The result of an answer for the caller; None on other turns, and where no model reported one.
    """

    number: int
    role: TurnRole
    text: str
    at: datetime
    started_ms: int | None = None
    ended_ms: int | None = None
    interrupted: bool = False
    generated_text: str | None = None
    shortened: bool = False
    latency: TurnLatency | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What a caller wants to be passed on; `name` and `number` are empty where they were not told.

    Attributes:
        is_confirmed: The caller heard it read back, and said that it is right.
    """

    text: str
    name: str = ""
    number: str = ""
    is_confirmed: bool = True

    @property
    def id(self) -> str:
        """What the message is known by in its conversation: the same words are one message."""
        return digest_key(json.dumps([self.name, self.number, self.text]))


@dataclass(frozen=True, slots=True)
class TakenMessage:
    """A message that is kept. `number` is where the caller wants to be reached, as it was told."""

    id: str
    text: str
    name: str
    number: str
    at: datetime
    is_confirmed: bool = True


@dataclass(frozen=True, slots=True)
class Transfer:
    """A caller who is handed on to a person: to which number, how far that got, and how long the two talked."""

    to: str
    status: TransferStatus
    requested_at: datetime
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """What a call became and why."""

    status: CallStatus
    reason: EndedReason | None
    fault: Fault = Fault.NONE


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call that has just begun to ring. `phone_number` is the other party's, None when it is withheld.

    Attributes:
        caller_id: Of a call that we place: what the other party sees, a number of ours.
        purpose: Of a call that we place: what it is about.
        continues: Of the rest of a call: the session id of that call.
    """

    session_id: SessionId
    carrier: Carrier
    phone_number: str | None
    dialled_number: str | None
    carrier_status: str | None = None
    direction: Direction = Direction.INBOUND
    after_hours: bool = False
    caller_id: str | None = None
    purpose: str | None = None
    continues: SessionId | None = None


class AnalysisState(StrEnum):
    """What became of an analysis: made, or given up, so that only rules have summed the call up."""

    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a call came to, made once it is over.

    Attributes:
        summary: A few sentences.
        caller_name: What the caller is called, as far as was said.
        wish: What the caller wanted, as far as was said.
        by: Who made it: a model, or `rules`, which only repeat what is on record.
    """

    state: AnalysisState
    summary: str
    caller_name: str | None
    wish: str | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """A call's record.

    Attributes:
        period_start: Names the usage document, from the first write on; a plan that changes later changes nothing.
        after_hours: Whether it began to ring outside the opening hours; None where nobody looked.
        admit_by: The last moment, by the database's clock, at which the ledger may admit the call.
        lease_until: When somebody else may take the next step, by the database's clock; None once nothing is left.
        hang_up_requested_at: When its owner asked to hang up; the worker that holds the call does it.
        heartbeat_seconds: How long the call had lasted when its worker last said so.
        granted_seconds: What the ledger had granted in all when it last said so.
        duration: Whole seconds, rounded up.
        billable_seconds: What counts against the plan; None until it is known.
        overage_seconds: What did not fit the plan; only calls recorded from elsewhere have any.
        counted: Whether it takes one of the plan's calls; None until it is known.
        turns: All of them, or none, or the first few, as whoever read it asked.
        transfer: Set once it was decided to hand the caller on.
        messages: What the caller asked to be passed on.
        exchange_ids: Names the exchanges that were recorded from elsewhere, in their order.
        audio_url: Where another voice engine keeps what it recorded.
        recording: What we recorded; None where we did not.
        revision: Counts the changes of a conversation recorded from elsewhere; 0 on calls of our own.
        caller_id: Of a call that we placed: what the other party saw, a number of ours.
        purpose: Of a call that we placed: what it was about.
        leg: Of a call that we placed: the carrier's own name of it, once that is known.
        continues: The session id of the call that this is the rest of: its caller was handed on, met nobody and came
            back. It takes seconds of the plan, and no call.
        deleted_at: When its owner deleted it; then only what usage is made of is left.
    """

    id: str
    user_id: UserId
    session_id: SessionId
    carrier: Carrier
    direction: Direction
    status: CallStatus
    started_at: datetime
    period_start: datetime
    phone_number: str | None = None
    dialled_number: str | None = None
    carrier_status: str | None = None
    ended_reason: EndedReason | None = None
    fault: Fault | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    admit_by: datetime | None = None
    lease_until: datetime | None = None
    hang_up_requested_at: datetime | None = None
    heartbeat_seconds: int = 0
    granted_seconds: int = 0
    duration: int | None = None
    billable_seconds: int | None = None
    overage_seconds: int | None = None
    counted: bool | None = None
    turns: tuple[RecordedTurn, ...] = ()
    turn_count: int = 0
    messages: tuple[TakenMessage, ...] = ()
    transfer: Transfer | None = None
    exchange_ids: tuple[str, ...] = ()
    audio_url: str | None = None
    after_hours: bool | None = None
    analysis: Analysis | None = None
    recording: CallRecording | None = None
    metrics: Mapping[str, MetricValue] = field(default_factory=dict)
    revision: int = 0
    deleted_at: datetime | None = None
    caller_id: str | None = None
    purpose: str | None = None
    leg: str | None = None
    continues: SessionId | None = None

    @property
    def metered(self) -> MeteredCall:
        """The name of its hold in the ledger."""
        return MeteredCall(self.user_id, self.period_start, self.session_id)

    @property
    def is_live(self) -> bool:
        """Whether the call is still going on."""
        return self.status in LIVE_STATUSES

    @property
    def was_held(self) -> bool:
        """Whether it was talked: a call that is over and counts, or the answered rest of one."""
        return bool(self.counted) or (self.continues is not None and self.answered_at is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """What a caller said and what was answered, in a call that another voice engine held.

    Attributes:
        duration: Whole seconds of the call so far; with `status` completed, of the whole call.
        exchange_id: Keeps the exchange from being recorded twice; None derives it from texts and position.
        started_at: When the call was answered; None is now. Only the first exchange of a call is asked.
    """

    session_id: SessionId
    phone_number: str
    user_message: str
    ai_response: str
    duration: int | None = None
    status: CallStatus | None = None
    exchange_id: str | None = None
    started_at: datetime | None = None
    audio_url: str | None = None
    metrics: Mapping[str, MetricValue] | None = None


@dataclass(frozen=True, slots=True)
class SavedExchange:
    """A conversation with an exchange in it, whether this made the conversation, and where the user stands now."""

    conversation: Conversation
    created: bool
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilters:
    """Which conversations to list; what is None does not matter. Times are half-open, durations are not."""

    status: CallStatus | None = None
    direction: Direction | None = None
    ended_reason: EndedReason | None = None
    phone_number: str | None = None
    started_from: datetime | None = None
    started_before: datetime | None = None
    min_duration: int | None = None
    max_duration: int | None = None
    phrase: str | None = None
