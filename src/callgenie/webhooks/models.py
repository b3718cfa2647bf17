"""What an endpoint and a delivery are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from callgenie.kernel.ids import SessionId, UserId

# One for each program, and some for trying; more would multiply every event.
ENDPOINTS_MAX: Final = 10
DESCRIPTION_CHARS_MAX: Final = 200
URL_CHARS_MAX: Final = 2_000
# How long deliveries are remembered, for the owner to look at and to send again.
KEPT_FOR: Final = timedelta(days=30)
# After a rotation both secrets sign for so long.
OVERLAP: Final = timedelta(hours=24)


class EventType(StrEnum):
    """What an owner can be told."""

    CALL_STARTED = "call.started"
    CALL_ENDED = "call.ended"
    CALL_ANALYZED = "call.analyzed"
    USAGE_THRESHOLD_REACHED = "usage.threshold_reached"


# Sent when the owner asks for it, to the one endpoint it is asked for.
TEST: Final = "webhook.test"


class DisabledReason(StrEnum):
    """Why an endpoint gets nothing."""

    OWNER = "owner"
    GONE = "gone"
    """It answered 410, which says that it wants nothing any more."""
    FAILING = "failing"
    """It took nothing for days."""


@dataclass(frozen=True, slots=True)
class EndpointFields:
    """What the owner says of an endpoint."""

    url: str
    events: tuple[EventType, ...]
    description: str = ""
    include_transcript: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where events of a user go.

    Attributes:
        generation: Counts the secret's rotations; the secret itself is derived and kept nowhere.
        overlap_until: Until when the secret before this one signs too.
        failing_since: When the first of the deliveries failed after which none was taken.
    """

    id: str
    user_id: UserId
    fields: EndpointFields
    enabled: bool
    disabled_reason: DisabledReason | None
    generation: int
    overlap_until: datetime | None
    failing_since: datetime | None
    created_at: datetime


class DeliveryState(StrEnum):
    """What became of a delivery."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Tried too often, or the endpoint wants nothing any more."""
    CANCELLED = "cancelled"
    """The endpoint was switched off or deleted, or the conversation was."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, for every endpoint that wants to know.

    Attributes:
        id: The same for the same event however often it is told; receivers know repetitions by it.
        session_id: The conversation that the payload shows, as it is when it is sent.
        facts: The payload's data where no conversation is shown.
    """

    id: str
    type: str
    user_id: UserId
    occurred_at: datetime
    session_id: SessionId | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    kept_for: timedelta = KEPT_FOR


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver.

    Attributes:
        status: HTTP's, None when there was no answer.
        excerpt: How the answer's body begins.
        error: A word for what went wrong, None after an answer.
    """

    at: datetime
    status: int | None
    latency_ms: int
    excerpt: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way to one endpoint; the last attempts are remembered. `claim` is whose turn it is."""

    id: str
    user_id: UserId
    endpoint_id: str
    event_id: str
    type: str
    session_id: SessionId | None
    facts: Mapping[str, Any]
    occurred_at: datetime
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    log: Sequence[Attempt] = ()
    claim: str | None = None
