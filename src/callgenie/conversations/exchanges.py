"""What an exchange adds to a conversation: pure decisions, no database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from callgenie.conversations.documents import Document, recorded_turn_document
from callgenie.conversations.errors import ConversationFullError, InvalidExchangeError
from callgenie.conversations.models import (
    DURATION_SECONDS_MAX,
    EXCHANGE_ID_CHARS_MAX,
    SESSION_ID_CHARS_MAX,
    TURN_CHARS_MAX,
    TURNS_MAX,
    Conversation,
    Exchange,
)
from callgenie.kernel.errors import FieldFault
from callgenie.kernel.ids import digest_key
from callgenie.kernel.phone import is_e164
from callgenie.kernel.vocabulary import CallStatus, Carrier, Direction, TurnRole

# How far another engine's clock may be ahead of ours.
CLOCK_AHEAD_MAX: Final = timedelta(minutes=5)

# Nothing was recorded before; an earlier date is a field of the wrong unit.
STARTED_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)

RECORDABLE: Final = (CallStatus.IN_PROGRESS, CallStatus.COMPLETED, CallStatus.FAILED, CallStatus.ABANDONED)


@dataclass(frozen=True, slots=True)
class Addition:
    """What is to be written: fields in their stored names, turns, and whether the call is to be settled now.

    Attributes:
        begins: Whether this is the first that is known of a call which still goes on.
        ends: Whether it says that the call is over, and nothing before did.
    """

    fields: Mapping[str, Any]
    turns: tuple[Document, ...]
    to_be_settled: bool
    begins: bool = False
    ends: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether everything is recorded already."""
        return not self.fields and not self.turns


def check_exchange(exchange: Exchange, *, now: datetime) -> None:
    """Return if the exchange can be recorded.

    Raises:
        InvalidExchangeError: Some of it is not as it must be.
    """
    ids, texts = (SESSION_ID_CHARS_MAX, EXCHANGE_ID_CHARS_MAX), TURN_CHARS_MAX
    rules = (
        ("sessionId", _has_chars(exchange.session_id, 1, ids[0]), f"must have 1 to {ids[0]} characters"),
        ("exchangeId", _has_chars(exchange.exchange_id, 1, ids[1]), f"must have 1 to {ids[1]} characters"),
        ("userMessage", _has_chars(exchange.user_message, 0, texts), f"must have at most {texts} characters"),
        ("aiResponse", _has_chars(exchange.ai_response, 0, texts), f"must have at most {texts} characters"),
        ("phoneNumber", is_e164(exchange.phone_number), "must be a phone number in E.164, such as +14155550123"),
        ("duration", 0 <= (exchange.duration or 0) <= DURATION_SECONDS_MAX, f"must be 0 to {DURATION_SECONDS_MAX}"),
        ("status", exchange.status in {None, *RECORDABLE}, f"must be one of {', '.join(RECORDABLE)}"),
        ("startedAt", _is_past(exchange.started_at, now), "must name its time zone, and be neither long ago nor ahead"),
    )
    faults = [FieldFault(field, message) for field, is_right, message in rules if not is_right]
    if faults:
        raise InvalidExchangeError(faults)


def _has_chars(text: str | None, least: int, most: int) -> bool:
    return text is None or least <= len(text) <= most


def _is_past(moment: datetime | None, now: datetime) -> bool:
    if moment is None:
        return True
    return moment.tzinfo is not None and STARTED_EARLIEST <= moment <= now + CLOCK_AHEAD_MAX


def start_of(exchange: Exchange, *, now: datetime) -> datetime:
    """Return when the call began of which this is the first exchange: where only its length is said, that long ago."""
    return exchange.started_at or now - timedelta(seconds=exchange.duration or 0)


def addition_of(exchange: Exchange, found: Conversation | None, *, now: datetime, period_start: datetime) -> Addition:
    """Return what the exchange adds to the conversation, or makes of none.

    A call that is over stays over, and one that is to be settled keeps its duration.

    Raises:
        ConversationFullError: It has no room for the turns.
    """
    exchange_ids = () if found is None else found.exchange_ids
    fields: dict[str, Any] = {} if found else _first_fields(exchange, now, period_start)
    turns: tuple[Document, ...] = ()
    exchange_id = _new_exchange_id(exchange, exchange_ids)
    if exchange_id is not None:
        turns = _turns(exchange, found, now)
        fields["exchangeIds"] = [*exchange_ids, exchange_id]
    fields |= _facts(exchange, found)
    return _with_ending(fields, turns, found, now)


def _first_fields(exchange: Exchange, now: datetime, period_start: datetime) -> dict[str, Any]:
    started_at = start_of(exchange, now=now)
    return {
        "carrier": Carrier.API.value,
        "direction": Direction.INBOUND.value,
        "status": CallStatus.IN_PROGRESS.value,
        "phoneNumber": exchange.phone_number,
        "startedAt": started_at,
        "answeredAt": started_at,
        "periodStart": period_start,
    }


def _new_exchange_id(exchange: Exchange, known: tuple[str, ...]) -> str | None:
    """Return the exchange's id, or None when the conversation has it.

    Without an id of the caller's, the same texts as the last exchange's are taken for a repetition of it; later in
    the call the same words are said again and mean something new, which is why the position is part of the id.
    """
    if exchange.exchange_id is not None:
        return None if exchange.exchange_id in known else exchange.exchange_id
    last, following = len(known), len(known) + 1
    return None if _derived_id(exchange, last) in known else _derived_id(exchange, following)


def _derived_id(exchange: Exchange, position: int) -> str:
    return digest_key(json.dumps([position, exchange.user_message, exchange.ai_response]))


def _turns(exchange: Exchange, found: Conversation | None, now: datetime) -> tuple[Document, ...]:
    number = found.turn_count if found else 0
    said = ((TurnRole.USER, exchange.user_message), (TurnRole.ASSISTANT, exchange.ai_response))
    # Where one side said nothing, there is no turn of it.
    turns = tuple(
        recorded_turn_document(number + offset, role, text, now)
        for offset, (role, text) in enumerate((each for each in said if each[1]), start=1)
    )
    if number + len(turns) > TURNS_MAX:
        raise ConversationFullError(TURNS_MAX)
    return turns


def _facts(exchange: Exchange, found: Conversation | None) -> dict[str, Any]:
    """Return what the exchange says about the call as a whole, where that is new."""
    facts: dict[str, Any] = {}
    if exchange.audio_url is not None and exchange.audio_url != (found and found.audio_url):
        facts["audioUrl"] = exchange.audio_url
    if exchange.metrics:
        kept = {} if found is None else dict(found.metrics)
        merged = kept | dict(exchange.metrics)
        if merged != kept:
            facts["metrics"] = merged
    is_over = found is not None and not found.is_live
    if not is_over and exchange.status is not None and exchange.status is not (found and found.status):
        facts["status"] = exchange.status.value
    is_billed = found is not None and _is_settling(found)
    if not is_billed and exchange.duration is not None and exchange.duration != (found and found.duration):
        facts["duration"] = exchange.duration
    return facts


def _is_settling(conversation: Conversation) -> bool:
    return conversation.lease_until is not None or conversation.billable_seconds is not None


def _with_ending(
    fields: dict[str, Any], turns: tuple[Document, ...], found: Conversation | None, now: datetime
) -> Addition:
    status = fields.get("status", found.status.value if found else None)
    duration = fields.get("duration", found.duration if found else None)
    started_at = fields.get("startedAt", found.started_at if found else now)
    has_ended = status not in {CallStatus.IN_PROGRESS.value, None}
    ends = has_ended and (found is None or found.ended_at is None)
    if ends:
        fields["endedAt"] = now if duration is None else _end_of(started_at, duration, now)
    to_be_settled = (
        status == CallStatus.COMPLETED.value
        and duration is not None
        and not (found is not None and _is_settling(found))
    )
    return Addition(fields, turns, to_be_settled, begins=found is None and not has_ended, ends=ends)


def _end_of(started_at: datetime, duration: int, now: datetime) -> datetime:
    # The first exchange is reported when it has been said already, so the start that we took it for is a little late.
    return min(started_at + timedelta(seconds=duration), max(started_at, now))
