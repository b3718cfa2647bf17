"""What the API takes and shows of conversations."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BeforeValidator, Field, StrictBool, StrictInt

from callgenie.billing.schemas import UsageView
from callgenie.conversations.analysis_schemas import AnalysisView
from callgenie.conversations.latency import MEDIAN, SLOW, latency_percentiles
from callgenie.conversations.models import (
    DURATION_SECONDS_MAX,
    EXCHANGE_ID_CHARS_MAX,
    SESSION_ID_CHARS_MAX,
    TURN_CHARS_MAX,
    Conversation,
    ConversationFilters,
    Exchange,
    MetricValue,
    RecordedTurn,
    SavedExchange,
    TakenMessage,
    Transfer,
)
from callgenie.http.bodies import ApiModel, ApiView, Shape
from callgenie.http.pages import LIMIT_DEFAULT, PageCursor, PageLimit
from callgenie.kernel.ids import SessionId
from callgenie.kernel.phone import PhoneNumberText
from callgenie.kernel.vocabulary import (
    CallStatus,
    Carrier,
    Direction,
    EndedReason,
    Fault,
    Outcome,
    RecordingFault,
    RecordingState,
    TransferStatus,
    TurnRole,
)
from callgenie.recordings.links import RecordingLinks
from callgenie.recordings.models import CallRecording

URL_CHARS_MAX: Final = 2_000
METRICS_MAX: Final = 50
# What every JSON reader can hold exactly.
_INTEGER_MAX: Final = 2**53 - 1
# Within what both Python and MongoDB can turn into UTC.
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC)

Moment = Annotated[AwareDatetime, Field(ge=_EARLIEST, le=_LATEST, examples=["2026-11-22T10:00:00Z"])]
Duration = Annotated[int, Field(ge=0, le=DURATION_SECONDS_MAX)]
MetricName = Annotated[
    str,
    Shape(
        r"[A-Za-z][A-Za-z0-9_]{0,63}",
        "must be named by a letter and at most 63 more letters, digits or underscores, such as firstAnswerMs",
    ),
]
_AudioUrl = Annotated[
    str,
    Field(max_length=URL_CHARS_MAX),
    Shape(r"https?://[^\s]+", "must be a whole http or https address, such as https://example.com/call.wav"),
]
Metric = (
    StrictBool
    | Annotated[StrictInt, Field(ge=-_INTEGER_MAX, le=_INTEGER_MAX)]
    | Annotated[float, Field(strict=True)]
    | Annotated[str, Field(max_length=500)]
    | None
)
RecordableStatus = Literal[CallStatus.IN_PROGRESS, CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.ABANDONED]


def _plus_again(value: Any) -> Any:
    """Undo what a form does to a plus that nobody encoded: +1415... arrives as a space and 1415..."""
    return f"+{value[1:]}" if isinstance(value, str) and value.startswith(" ") else value


class ConversationSelection(ApiModel):
    """Which conversations are meant."""

    status: CallStatus | None = None
    direction: Direction | None = None
    ended_reason: EndedReason | None = None
    phone_number: Annotated[PhoneNumberText, BeforeValidator(_plus_again)] | None = Field(
        default=None, description="The other party's."
    )
    started_from: Moment | None = Field(default=None, alias="from", description="Started at or after.")
    started_before: Moment | None = Field(default=None, alias="to", description="Started before.")
    min_duration: int | None = Field(default=None, ge=0, le=DURATION_SECONDS_MAX, description="Seconds.")
    max_duration: int | None = Field(default=None, ge=0, le=DURATION_SECONDS_MAX, description="Seconds.")
    q: str | None = Field(default=None, min_length=1, max_length=200, description="Words as they were said, in a turn.")

    def filters(self) -> ConversationFilters:
        """Return what is asked for."""
        return ConversationFilters(
            status=self.status,
            direction=self.direction,
            ended_reason=self.ended_reason,
            phone_number=self.phone_number,
            started_from=self.started_from,
            started_before=self.started_before,
            min_duration=self.min_duration,
            max_duration=self.max_duration,
            phrase=self.q,
        )


class ConversationQuery(ConversationSelection):
    """Which conversations to list."""

    cursor: PageCursor | None = None
    limit: PageLimit = LIMIT_DEFAULT


class ExportQuery(ConversationSelection):
    """Which conversations to export, and how."""

    format: Literal["csv", "jsonl"] = Field(
        default="csv", description="A row for each conversation, or a line of JSON for each with all its turns."
    )


class ExchangeBody(ApiModel):
    """One exchange of a call that another voice engine held."""

    session_id: str = Field(min_length=1, max_length=SESSION_ID_CHARS_MAX)
    phone_number: PhoneNumberText = Field(description="The other party's.")
    user_message: str = Field(max_length=TURN_CHARS_MAX)
    ai_response: str = Field(max_length=TURN_CHARS_MAX)
    duration: Annotated[int, Field(strict=True, ge=0, le=DURATION_SECONDS_MAX)] | None = Field(
        default=None, description="Whole seconds of the whole call; settled once, when `status` is `completed`."
    )
    status: RecordableStatus | None = None
    exchange_id: str | None = Field(default=None, min_length=1, max_length=EXCHANGE_ID_CHARS_MAX)
    started_at: Moment | None = None
    audio_url: _AudioUrl | None = None
    metrics: dict[MetricName, Metric] | None = Field(default=None, max_length=METRICS_MAX)

    def exchange(self) -> Exchange:
        """Return what is to be recorded."""
        return Exchange(
            session_id=SessionId(self.session_id),
            phone_number=self.phone_number,
            user_message=self.user_message,
            ai_response=self.ai_response,
            duration=self.duration,
            status=self.status,
            exchange_id=self.exchange_id,
            started_at=self.started_at,
            audio_url=self.audio_url,
            metrics=self.metrics,
        )


class LatencyView(ApiView):
    """How long each step of an answer took, in milliseconds; null where it was not measured."""

    eou_delay: int | None = Field(default=None, description="The caller stops - we decide that the turn is over.")
    stt_final: int | None = Field(default=None, description="The caller stops - final transcript.")
    llm_ttft: int | None = None
    first_sentence: int | None = None
    tts_ttfb: int | None = None
    server_e2e: int | None = Field(default=None, alias="serverE2e", description="The caller stops - first audio out.")


class PercentilesView(ApiView):
    """How fast the answers were."""

    p50: LatencyView
    p95: LatencyView


class TurnView(ApiView):
    """One utterance."""

    number: int
    role: TurnRole
    text: str = Field(description="What was heard.")
    generated_text: str | None = Field(description="What was meant, where the caller cut it short.")
    interrupted: bool
    shortened: bool = Field(description="Whether the text was too long and lost its end.")
    at: datetime
    started_ms: int | None
    ended_ms: int | None
    latency: LatencyView | None
    outcome: Outcome | None = Field(
        description="Of the assistant's answer, where its model reports one: the result for the caller."
    )

    @classmethod
    def of(cls, turn: RecordedTurn) -> Self:
        """Show a turn."""
        return cls(
            number=turn.number,
            role=turn.role,
            text=turn.text,
            generated_text=turn.generated_text,
            interrupted=turn.interrupted,
            shortened=turn.shortened,
            at=turn.at,
            started_ms=turn.started_ms,
            ended_ms=turn.ended_ms,
            latency=None if turn.latency is None else LatencyView.model_validate(latency_percentiles([turn], MEDIAN)),
            outcome=turn.outcome,
        )


class MessageView(ApiView):
    """What a caller asked to be passed on."""

    id: str
    text: str
    name: str = Field(description="The caller's, as it was told; empty where it was not.")
    number: str = Field(description="Where the caller wants to be reached; empty where that was not told.")
    at: datetime
    confirmed: bool = Field(
        description="Whether the caller said that it is right; false where the call ended before that."
    )

    @classmethod
    def of(cls, message: TakenMessage) -> Self:
        """Show a message."""
        return cls(
            id=message.id,
            text=message.text,
            name=message.name,
            number=message.number,
            at=message.at,
            confirmed=message.is_confirmed,
        )


class TransferView(ApiView):
    """How a caller was handed on to a person."""

    to: str = Field(description="The number that was to be called.")
    status: TransferStatus
    requested_at: datetime
    seconds: int | None = Field(description="How long the two talked; null until that is over.")

    @classmethod
    def of(cls, transfer: Transfer) -> Self:
        """Show a transfer."""
        return cls(**{name: getattr(transfer, name) for name in cls.model_fields})


class RecordingView(ApiView):
    """The recording of a call, left the caller, right the assistant."""

    state: RecordingState
    duration: int | None = Field(description="Seconds, rounded up; null until it is stored.")
    bytes: int | None
    fault: RecordingFault | None = Field(description="Why it does not hold the whole call, or is not there.")
    remove_at: datetime | None = Field(description="When a stored one is removed.")

    @classmethod
    def of(cls, recording: CallRecording) -> Self:
        """Show a recording."""
        stored = recording.state is RecordingState.STORED
        return cls(
            state=recording.state,
            duration=recording.seconds,
            bytes=recording.bytes,
            fault=recording.fault,
            remove_at=recording.remove_at if stored else None,
        )


class ConversationSummary(ApiView):
    """A call without its turns."""

    id: str
    session_id: str
    carrier: Carrier
    direction: Direction
    status: CallStatus
    carrier_status: str | None
    ended_reason: EndedReason | None
    fault: Fault | None
    phone_number: str | None = Field(description="The other party's; null when it was withheld.")
    dialled_number: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    duration: int | None
    billable_seconds: int | None = Field(description="What counts against the plan; null until it is known.")
    overage_seconds: int | None = Field(description="What did not fit the plan any more.")
    counted: bool | None = Field(description="Whether it is one of the plan's calls.")
    continues: str | None = Field(
        description="Of a caller who came back from a transfer that met nobody: the session id of the call before."
    )
    after_hours: bool | None = Field(
        description="Whether it began outside the opening hours; null for calls held elsewhere."
    )
    turn_count: int
    audio_url: str | None = Field(
        description="Of a call held elsewhere, as it was given; of a recording of ours, once it is stored, a link that "
        "ends soon."
    )
    recording: RecordingView | None = Field(description="Null when the call was not recorded here.")


class ConversationItem(ConversationSummary):
    """A call as a list shows it."""

    summary: str | None = Field(description="Of the analysis that follows the call; null until it is made.")
    user_message: str | None = Field(description="What the caller said first.")
    ai_response: str | None = Field(description="What was answered to that.")

    @classmethod
    def of(cls, conversation: Conversation, links: RecordingLinks | None = None) -> Self:
        """Show a conversation in a list, with a link to what we recorded where there are `links`."""
        said = next((turn for turn in conversation.turns if turn.role is TurnRole.USER), None)
        answered = next(
            (
                turn
                for turn in conversation.turns
                if turn.role is TurnRole.ASSISTANT and (said is None or turn.number > said.number)
            ),
            None,
        )
        return cls(
            **summary_of(conversation, links),
            summary=conversation.analysis and conversation.analysis.summary,
            user_message=said and said.text,
            ai_response=answered and answered.text,
        )


class ConversationView(ConversationSummary):
    """A whole call."""

    analysis: AnalysisView | None = Field(description="Follows the end of the call; null until it is made.")
    turns: list[TurnView]
    messages: list[MessageView] = Field(description="What the caller asked to be passed on.")
    transfer: TransferView | None = Field(description="Null for a caller who was not handed on to a person.")
    caller_id: str | None = Field(description="Of an outbound call: the number of ours that the other party saw.")
    purpose: str | None = Field(description="Of an outbound call: what it was about.")
    metrics: Mapping[str, MetricValue]
    latency: PercentilesView

    @classmethod
    def of(cls, conversation: Conversation, links: RecordingLinks | None = None) -> Self:
        """Show a whole conversation, with a link to what we recorded where there are `links`."""
        return cls(
            **summary_of(conversation, links),
            analysis=None if conversation.analysis is None else AnalysisView.of(conversation.analysis),
            turns=[TurnView.of(turn) for turn in conversation.turns],
            messages=[MessageView.of(message) for message in conversation.messages],
            transfer=None if conversation.transfer is None else TransferView.of(conversation.transfer),
            caller_id=conversation.caller_id,
            purpose=conversation.purpose,
            metrics=conversation.metrics,
            latency=PercentilesView(
                p50=LatencyView.model_validate(latency_percentiles(conversation.turns, MEDIAN)),
                p95=LatencyView.model_validate(latency_percentiles(conversation.turns, SLOW)),
            ),
        )


class SavedExchangeView(ConversationSummary):
    """A conversation after an exchange was recorded in it, and where the user stands now."""

    metrics: Mapping[str, MetricValue]
    usage: UsageView

    @classmethod
    def of(cls, saved: SavedExchange) -> Self:
        """Show what was saved."""
        return cls(
            **summary_of(saved.conversation),
            metrics=saved.conversation.metrics,
            usage=UsageView.of(saved.usage),
        )


def summary_of(conversation: Conversation, links: RecordingLinks | None = None) -> dict[str, Any]:
    """Return the fields of a `ConversationSummary`; without `links` there is none to what we recorded."""
    summary = {name: getattr(conversation, name) for name in ConversationSummary.model_fields}
    recording = conversation.recording
    if recording is None:
        return summary
    link = links and links.offer(conversation.user_id, conversation.session_id, recording)
    return summary | {"recording": RecordingView.of(recording), "audio_url": link or conversation.audio_url}
