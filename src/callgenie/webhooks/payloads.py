"""What is sent: `{type, timestamp, data}`, made when it is sent.

Nothing of a call is copied into the queue. So what is sent again shows the record as it is by then, and of a
conversation that was deleted meanwhile nothing is sent.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from callgenie.conversations.analysis_schemas import AnalysisView
from callgenie.conversations.models import Conversation
from callgenie.conversations.schemas import ConversationSummary, TurnView, summary_of
from callgenie.http.bodies import ApiView
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import PlanName
from callgenie.recordings.links import RecordingLinks
from callgenie.webhooks.models import TEST, Delivery, EventType

# Receivers commonly take a megabyte. A transcript that makes more of it is to be had over the API.
BODY_BYTES_MAX: Final = 1_000_000


class CallData(ConversationSummary):
    """A call, without what was said."""


class TranscribedCallData(CallData):
    """A call with what was said; `turns` is null when that is too much for a webhook."""

    turns: list[TurnView] | None


class AnalyzedCallData(CallData):
    """A call with what it was about."""

    analysis: AnalysisView | None


class UsageData(ApiView):
    """How much of a plan is used; a limit is null where there is none."""

    percent: int
    plan: PlanName
    calls: int
    call_limit: int | None
    seconds: int
    second_limit: int | None
    period_start: datetime
    period_end: datetime


class TestData(ApiView):
    """Nothing happened."""

    message: str = "This is a test."


class Message(ApiView):
    """The body of a webhook."""

    type: str
    timestamp: datetime
    data: Any


class Conversations(Protocol):
    """Where conversations are read; `conversations.store.ConversationStore` is one."""

    async def get(self, user_id: UserId, session_id: SessionId, *, with_turns: bool = True) -> Conversation | None:
        """Return the user's conversation with all its turns, or with none, or None."""
        ...


class Payloads:
    """Writes what is to be sent."""

    def __init__(self, conversations: Conversations, links: RecordingLinks) -> None:
        self._conversations = conversations
        self._links = links

    async def write(self, delivery: Delivery, *, include_transcript: bool) -> bytes | None:
        """Return the body, or None when there is nothing left to tell of.

        A transcript goes only with the end of a call.
        """
        if delivery.type == TEST:
            return _body(delivery, TestData())
        if delivery.type == EventType.USAGE_THRESHOLD_REACHED:
            return _body(delivery, UsageData.model_validate(dict(delivery.facts)))
        if delivery.session_id is None:
            return None
        transcribed = include_transcript and delivery.type == EventType.CALL_ENDED
        call = await self._conversations.get(delivery.user_id, delivery.session_id, with_turns=transcribed)
        if call is None:
            return None
        summary = summary_of(call, self._links)
        body = _body(delivery, _call_data(delivery, call, summary, transcribed=transcribed))
        if len(body) > BODY_BYTES_MAX:
            return _body(delivery, TranscribedCallData(**summary, turns=None))
        return body


def _call_data(delivery: Delivery, call: Conversation, summary: Mapping[str, Any], *, transcribed: bool) -> CallData:
    if delivery.type == EventType.CALL_ANALYZED:
        analysis = None if call.analysis is None else AnalysisView.of(call.analysis)
        return AnalyzedCallData(**summary, analysis=analysis)
    if transcribed:
        return TranscribedCallData(**summary, turns=[TurnView.of(turn) for turn in call.turns])
    return CallData(**summary)


def _body(delivery: Delivery, data: ApiView) -> bytes:
    message = Message(type=delivery.type, timestamp=delivery.occurred_at, data=data)
    return message.model_dump_json().encode("utf-8")
