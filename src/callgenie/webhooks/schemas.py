"""Webhooks, as the API takes and shows them."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field

from callgenie.http.bodies import ApiModel, ApiView
from callgenie.http.pages import LIMIT_DEFAULT, PageCursor, PageLimit
from callgenie.webhooks.models import (
    DESCRIPTION_CHARS_MAX,
    URL_CHARS_MAX,
    Attempt,
    Delivery,
    DeliveryState,
    DisabledReason,
    Endpoint,
    EndpointFields,
    EventType,
)

Url = Annotated[str, Field(min_length=1, max_length=URL_CHARS_MAX, examples=["https://example.com/callgenie"])]
Events = Annotated[list[EventType], Field(min_length=1, max_length=len(EventType))]
Description = Annotated[str, Field(max_length=DESCRIPTION_CHARS_MAX)]
IncludeTranscript = Annotated[bool, Field(description="Whether `call.ended` says what was said.")]


class WebhookBody(ApiModel):
    """What a new endpoint needs."""

    url: Url
    events: Events
    description: Description = ""
    include_transcript: IncludeTranscript = False

    def fields(self) -> EndpointFields:
        """Return what is said of the endpoint."""
        return EndpointFields(self.url, _in_order(self.events), self.description, self.include_transcript)


class WebhookChanges(ApiModel):
    """What to change; what is left out stays."""

    url: Url = ""
    events: Events = Field(default_factory=list)
    description: Description = ""
    include_transcript: IncludeTranscript = False
    enabled: bool = True

    def fields_after(self, endpoint: Endpoint) -> EndpointFields:
        """Return what is said of the endpoint then."""
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        before = endpoint.fields
        return EndpointFields(
            url=given.get("url", before.url),
            events=_in_order(given.get("events", before.events)),
            description=given.get("description", before.description),
            include_transcript=given.get("include_transcript", before.include_transcript),
        )

    def enabled_after(self, endpoint: Endpoint) -> bool:
        """Return whether the endpoint is switched on then."""
        return self.enabled if "enabled" in self.model_fields_set else endpoint.enabled


class WebhookView(ApiView):
    """An endpoint, without its secret."""

    id: str
    url: str
    events: list[EventType]
    description: str
    include_transcript: bool
    enabled: bool
    disabled_reason: DisabledReason | None
    failing_since: datetime | None = Field(description="Since when no delivery was taken; null when the last one was.")
    previous_secret_until: datetime | None = Field(description="Until when the secret before the last rotation signs.")
    created_at: datetime

    @classmethod
    def of(cls, endpoint: Endpoint) -> "WebhookView":
        """Show an endpoint."""
        return cls(
            id=endpoint.id,
            url=endpoint.fields.url,
            events=list(endpoint.fields.events),
            description=endpoint.fields.description,
            include_transcript=endpoint.fields.include_transcript,
            enabled=endpoint.enabled,
            disabled_reason=endpoint.disabled_reason,
            failing_since=endpoint.failing_since,
            previous_secret_until=endpoint.overlap_until,
            created_at=endpoint.created_at,
        )


class WebhooksView(ApiView):
    """All endpoints of a user; there are at most 10."""

    data: list[WebhookView]


class SecretWebhookView(WebhookView):
    """An endpoint with its new secret, which is shown this once."""

    secret: str = Field(examples=["whsec_..."])

    @classmethod
    def made(cls, endpoint: Endpoint, secret: str) -> "SecretWebhookView":
        """Show an endpoint whose secret is new."""
        return cls(**WebhookView.of(endpoint).model_dump(by_alias=False), secret=secret)


class DeliveriesQuery(ApiModel):
    """Which deliveries to list."""

    cursor: PageCursor | None = None
    limit: PageLimit = LIMIT_DEFAULT


class AttemptView(ApiView):
    """One try."""

    at: datetime
    status: int | None = Field(description="What the receiver answered; null when it did not.")
    latency_ms: int
    excerpt: str = Field(description="How the answer's body begins.")
    error: str | None = Field(
        description="`host_not_found`, `address_not_allowed`, `connection_failed`, `tls_failed`, `timed_out` or "
        "`no_http_answer`; null after an answer."
    )

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """Show an attempt."""
        return cls(**{name: getattr(attempt, name) for name in cls.model_fields})


class DeliveryView(ApiView):
    """An event on its way to an endpoint."""

    id: str
    event_id: str = Field(description="The `webhook-id` that it is sent under, each time.")
    type: str
    session_id: str | None = Field(description="The conversation it is about.")
    state: DeliveryState
    attempts: int = Field(description="Since it was asked for last.")
    occurred_at: datetime
    created_at: datetime
    next_attempt_at: datetime | None
    log: list[AttemptView] = Field(description="The last attempts, oldest first.")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show a delivery."""
        waits = delivery.state is DeliveryState.WAITING
        return cls(
            id=delivery.id,
            event_id=delivery.event_id,
            type=delivery.type,
            session_id=delivery.session_id,
            state=delivery.state,
            attempts=delivery.attempts,
            occurred_at=delivery.occurred_at,
            created_at=delivery.created_at,
            next_attempt_at=delivery.due_at if waits else None,
            log=[AttemptView.of(attempt) for attempt in delivery.log],
        )


def _in_order(events: Any) -> tuple[EventType, ...]:
    return tuple(event for event in EventType if event in events)
