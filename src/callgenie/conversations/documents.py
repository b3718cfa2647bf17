"""Conversations as MongoDB keeps them, in camelCase, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final

from callgenie.conversations.models import (
    TURN_CHARS_MAX,
    Analysis,
    AnalysisState,
    Conversation,
    RecordedTurn,
    TakenMessage,
    Transfer,
)
from callgenie.kernel.ids import SessionId, UserId
from callgenie.kernel.vocabulary import (
    CallStatus,
    Carrier,
    Direction,
    EndedReason,
    Fault,
    Outcome,
    TransferStatus,
    TurnRole,
)
from callgenie.recordings.documents import recording_of
from callgenie.voice.turn import Turn, TurnLatency

Document = dict[str, Any]

# The document leaves out the unit that our names carry: these are the product's words, and all are milliseconds.
LATENCY_NAMES: Final = {
    "eou_delay_ms": "eouDelay",
    "stt_final_ms": "sttFinal",
    "llm_ttft_ms": "llmTtft",
    "first_sentence_ms": "firstSentence",
    "tts_ttfb_ms": "ttsTtfb",
    "server_e2e_ms": "serverE2e",
}


def conversation_of(document: Mapping[str, Any]) -> Conversation:
    """Return the conversation that a document holds."""
    get = document.get
    return Conversation(
        id=str(document["_id"]),
        user_id=UserId(str(document["userId"])),
        session_id=SessionId(document["sessionId"]),
        carrier=Carrier(document["carrier"]),
        direction=Direction(document["direction"]),
        status=CallStatus(document["status"]),
        started_at=document["startedAt"],
        period_start=document["periodStart"],
        phone_number=get("phoneNumber"),
        dialled_number=get("dialledNumber"),
        carrier_status=get("carrierStatus"),
        ended_reason=None if get("endedReason") is None else EndedReason(document["endedReason"]),
        fault=None if get("fault") is None else Fault(document["fault"]),
        answered_at=get("answeredAt"),
        ended_at=get("endedAt"),
        admit_by=get("admitBy"),
        lease_until=get("leaseUntil"),
        hang_up_requested_at=get("hangUpRequestedAt"),
        heartbeat_seconds=get("heartbeatSeconds", 0),
        granted_seconds=get("grantedSeconds", 0),
        duration=get("duration"),
        billable_seconds=get("billableSeconds"),
        overage_seconds=get("overageSeconds"),
        counted=get("counted"),
        turns=tuple(_turn_of(turn) for turn in get("turns", ())),
        turn_count=get("turnCount", 0),
        messages=tuple(_message_of(message) for message in get("messages", ())),
        transfer=_transfer_of(get("transfer")),
        exchange_ids=tuple(get("exchangeIds", ())),
        audio_url=get("audioUrl"),
        after_hours=get("afterHours"),
        analysis=_analysis_of(get("analysis")),
        recording=recording_of(get("recording")),
        metrics=get("metrics") or {},
        revision=get("revision", 0),
        deleted_at=get("deletedAt"),
        caller_id=get("callerId"),
        purpose=get("purpose"),
        leg=get("leg"),
        continues=get("continues"),
    )


def _analysis_of(document: Mapping[str, Any] | None) -> Analysis | None:
    if document is None:
        return None
    return Analysis(
        state=AnalysisState(document["state"]),
        summary=document["summary"],
        caller_name=document["callerName"],
        wish=document["wish"],
        by=document["by"],
        at=document["at"],
    )


def analysis_document(analysis: Analysis) -> Document:
    """Return how an analysis is kept."""
    return {
        "state": analysis.state.value,
        "summary": analysis.summary,
        "callerName": analysis.caller_name,
        "wish": analysis.wish,
        "by": analysis.by,
        "at": analysis.at,
    }


def _transfer_of(document: Mapping[str, Any] | None) -> Transfer | None:
    if document is None:
        return None
    get = document.get
    return Transfer(document["to"], TransferStatus(document["status"]), document["requestedAt"], get("seconds"))


def _message_of(document: Mapping[str, Any]) -> TakenMessage:
    return TakenMessage(
        id=document["id"],
        text=document["text"],
        name=document["name"],
        number=document["number"],
        at=document["at"],
        is_confirmed=document.get("confirmed", True),
    )


def _turn_of(document: Mapping[str, Any]) -> RecordedTurn:
    get = document.get
    latency = get("latency")
    return RecordedTurn(
        number=document["number"],
        role=TurnRole(document["role"]),
        text=document["text"],
        at=document["at"],
        started_ms=get("startedMs"),
        ended_ms=get("endedMs"),
        interrupted=get("interrupted", False),
        generated_text=get("generatedText"),
        shortened=get("shortened", False),
        latency=None if latency is None else TurnLatency(**{ours: latency.get(kept) for ours, kept in _LATENCIES}),
        outcome=None if get("outcome") is None else Outcome(document["outcome"]),
    )


_LATENCIES: Final = tuple(LATENCY_NAMES.items())


def spoken_turn_document(number: int, turn: Turn, at: datetime) -> Document:
    """Return how a turn of a live call is kept; over-long text loses its end, for a call is never refused for it."""
    document: Document = {
        "number": number,
        "role": turn.role.value,
        "text": turn.text[:TURN_CHARS_MAX],
        "startedMs": turn.started_ms,
        "endedMs": turn.ended_ms,
        "interrupted": turn.interrupted,
        "at": at,
    }
    if turn.generated_text is not None:
        document["generatedText"] = turn.generated_text[:TURN_CHARS_MAX]
    if max(len(turn.text), len(turn.generated_text or "")) > TURN_CHARS_MAX:
        document["shortened"] = True
    if turn.outcome is not None:
        document["outcome"] = turn.outcome.value
    if turn.latency is not None:
        document["latency"] = {
            LATENCY_NAMES[part.name]: value
            for part in fields(turn.latency)
            if (value := getattr(turn.latency, part.name)) is not None
        }
    return document


def has_turn_of(outcomes: Sequence[Outcome]) -> Document:
    """Return the expression that is true of a conversation with an answer of one of these outcomes."""
    there = {"$setIntersection": [{"$ifNull": ["$turns.outcome", []]}, [outcome.value for outcome in outcomes]]}
    return {"$ne": [there, []]}


def recorded_turn_document(number: int, role: TurnRole, text: str, at: datetime) -> Document:
    """Return how a turn is kept that another voice engine reports."""
    return {"number": number, "role": role.value, "text": text, "interrupted": False, "at": at}
