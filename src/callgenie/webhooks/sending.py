"""Sends what is due: claimed by one worker at a time, tried again later and later, and given up at the end.

HTTP has no way to say "once": a receiver may have taken what we never heard the answer to, and gets it again under the
same `webhook-id`. A receiver that is slow or away delays its own deliveries and nobody else's: each endpoint has one
connection from a process at a time, each user a few, and while those wait the others' deliveries go out beside them.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from callgenie.jobs.backoff import Backoff
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.jobs.periodic import every
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import Randomness, UserId
from callgenie.webhooks.delivery_store import DeliveryStore
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.models import TEST, Delivery, DeliveryState, DisabledReason, Endpoint
from callgenie.webhooks.notices import disabled_mail
from callgenie.webhooks.payloads import Payloads
from callgenie.webhooks.posting import Answer, Poster
from callgenie.webhooks.signing import WebhookSecrets

_log = structlog.get_logger(__name__)

WEBHOOK_POSTPONED: Final = "webhook.postponed"
WEBHOOK_DEAD: Final = "webhook.dead"
WEBHOOK_DISABLED: Final = "webhook.disabled"
WEBHOOK_FAILED: Final = "webhook.failed"

# Longer than a post can take, with the writes around it.
LEASE: Final = timedelta(seconds=60)
# With these, a receiver that was restarted gets its events within seconds, and one that stays away is given up after
# somewhat more than a day.
BACKOFF: Final = Backoff(first=timedelta(seconds=5), factor=3, longest=timedelta(hours=6))
ATTEMPTS_MAX: Final = 13
# An endpoint that took nothing for so long is switched off.
FAILING_MAX: Final = timedelta(days=5)
# Endpoints of one process at a time. Each waits, mostly, and costs a connection.
SLOTS: Final = 32
# Of these a user can have so many: whose receivers all hang does not keep the others' waiting.
SLOTS_OF_A_USER: Final = 4
# An endpoint gives its place to another one after so many.
BATCH_MAX: Final = 50

_EVERY_SECONDS: Final = 1.0
_CLAIM_BYTES: Final = 12


class DeliveryWatch(Protocol):
    """Is told how attempts went."""

    def webhook_tried(self, outcome: str, seconds: float) -> None:
        """Count an attempt: `delivered`, `postponed` or `dead`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SendingParts:
    """What sending takes."""

    deliveries: DeliveryStore
    endpoints: EndpointStore
    payloads: Payloads
    secrets: WebhookSecrets
    poster: Poster
    outbox: OutboxStore
    clock: Clock
    randomness: Randomness
    watch: DeliveryWatch


class WebhookSender:
    """Sends deliveries, several endpoints' at a time."""

    def __init__(self, parts: SendingParts) -> None:
        self._parts = parts
        self._deliveries = parts.deliveries
        self._endpoints = parts.endpoints
        self._busy: dict[str, UserId] = {}
        """Whose the endpoints are that are being served."""

    async def run(self) -> None:
        """Look every second for what is due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            await every(_EVERY_SECONDS, lambda: self._begin(group), name="webhooks")

    async def deliver(self) -> None:
        """Send what is due now, and wait until that is done.

        Raises:
            UnavailableError: The database is away.
        """
        async with asyncio.TaskGroup() as group:
            await self._begin(group)

    async def oldest_due_seconds(self) -> float:
        """Return for how long what is due longest waits for somebody to send it."""
        return await self._deliveries.oldest_due_seconds()

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        while len(self._busy) < SLOTS:
            delivery = await self._deliveries.claim(
                self._claim(), LEASE, except_of=tuple(self._busy), except_users=self._users_with_their_share()
            )
            if delivery is None:
                return
            self._busy[delivery.endpoint_id] = delivery.user_id
            group.create_task(self._serve(delivery), name="send webhooks")

    def _users_with_their_share(self) -> list[UserId]:
        return [user_id for user_id, slots in Counter(self._busy.values()).items() if slots >= SLOTS_OF_A_USER]

    async def _serve(self, delivery: Delivery) -> None:
        """Send this delivery and then what else is due at its endpoint, as long as that takes it."""
        following: Delivery | None = delivery
        try:
            for _ in range(BATCH_MAX):
                if following is None or not await self._send(following):
                    return
                following = await self._deliveries.claim(self._claim(), LEASE, of=delivery.endpoint_id)
        except UnavailableError as error:
            # The database. Claims run out by themselves.
            _log.warning(WEBHOOK_FAILED, endpoint=delivery.endpoint_id, reason=error.code)
        except Exception:  # noqa: BLE001 -- whatever is wrong with one endpoint, the others are still to be served
            _log.exception(WEBHOOK_FAILED, endpoint=delivery.endpoint_id)
        finally:
            self._busy.pop(delivery.endpoint_id, None)

    async def _send(self, delivery: Delivery) -> bool:
        """Send one; return whether its endpoint may be sent more."""
        endpoint = await self._endpoints.find(delivery.user_id, delivery.endpoint_id)
        if endpoint is None or not endpoint.enabled:
            await self._deliveries.finish(delivery, DeliveryState.CANCELLED)
            return endpoint is not None
        body = await self._parts.payloads.write(delivery, include_transcript=endpoint.fields.include_transcript)
        if body is None:
            await self._deliveries.finish(delivery, DeliveryState.CANCELLED)
            return True
        headers = self._parts.secrets.headers(endpoint, delivery.event_id, body, self._parts.clock.now())
        answer = await self._parts.poster.post(endpoint.fields.url, headers, body)
        if answer.is_taken:
            await self._deliveries.finish(delivery, DeliveryState.DELIVERED, answer)
            await self._endpoints.note_success(endpoint)
            self._count("delivered", answer)
            return True
        await self._was_not_taken(delivery, endpoint, answer)
        return False

    async def _was_not_taken(self, delivery: Delivery, endpoint: Endpoint, answer: Answer) -> None:
        facts = {"delivery": delivery.id, "attempts": delivery.attempts, "status": answer.status, "why": answer.error}
        # A test is for whoever looks at what comes of it now.
        if answer.is_gone or delivery.type == TEST or delivery.attempts >= ATTEMPTS_MAX:
            _log.warning(WEBHOOK_DEAD, **facts)
            await self._deliveries.finish(delivery, DeliveryState.DEAD, answer)
            self._count("dead", answer)
        else:
            _log.info(WEBHOOK_POSTPONED, **facts)
            await self._deliveries.postpone(delivery, BACKOFF.by_chance(delivery.attempts), answer)
            self._count("postponed", answer)
        if delivery.type != TEST:
            await self._judge(endpoint, answer)

    async def _judge(self, endpoint: Endpoint, answer: Answer) -> None:
        """Switch an endpoint off that wants nothing any more, or that has taken nothing for days."""
        failing = await self._endpoints.note_failure(endpoint)
        since = None if failing is None else failing.failing_since
        if failing is None or since is None:
            return
        reason = DisabledReason.GONE if answer.is_gone else DisabledReason.FAILING
        if not answer.is_gone and self._parts.clock.now() - since < FAILING_MAX:
            return
        # The mail first: what is cut off after it is done again by the next failure, under the same id.
        await self._parts.outbox.put(disabled_mail(failing, reason, since))
        await self._endpoints.disable(failing, reason)
        _log.warning(WEBHOOK_DISABLED, endpoint=endpoint.id, reason=reason)

    def _count(self, outcome: str, answer: Answer) -> None:
        self._parts.watch.webhook_tried(outcome, answer.latency_ms / 1_000)

    def _claim(self) -> str:
        return self._parts.randomness.token_bytes(_CLAIM_BYTES).hex()
