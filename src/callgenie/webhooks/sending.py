"""Sends what is due: claimed by one worker at a time, tried again later and later, and given up at the end.

HTTP has no way to say "once": a receiver may have taken what we never heard the answer to, and gets it again under the
same `webhook-id`. A receiver that is slow or away delays its own deliveries and nobody else's: an endpoint has one
connection from a process at a time until it has taken something, and then a few; each user has a few more, and while
those wait the others' deliveries go out beside them.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import structlog

from callgenie.jobs.backoff import Backoff
from callgenie.jobs.outbox_store import OutboxStore
from callgenie.jobs.periodic import Wakeup, every
from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import Randomness, UserId
from callgenie.webhooks.delivery_store import DeliveryStore, DueDelivery
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
# Posts of one process at a time. Each waits, mostly, and costs a connection.
SLOTS: Final = 32
# Of these a user can have so many: whose receivers all hang does not keep the others' waiting.
SLOTS_OF_A_USER: Final = 4
# And an endpoint that takes what it is sent so many, so that one that begins to hang leaves its user another.
SLOTS_OF_AN_ENDPOINT: Final = 3
# More than there are places for, as many may be for endpoints that have no place left.
_LOOK_AHEAD: Final = 4
# Of so many endpoints it is remembered that they take several at a time.
_REMEMBERED_MAX: Final = 1_000

# An endpoint that did not take something is sent nothing more until the next time.
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


@dataclass(slots=True)
class _Place:
    """An endpoint that is being sent to, or was: how many posts are under way, and how many there may be."""

    user_id: UserId
    sending: int = 0
    at_once: int = 1
    rests: bool = False

    @property
    def is_full(self) -> bool:
        """Whether nothing more may be sent there just now."""
        return self.rests or self.sending >= self.at_once


class _Places:
    """Knows which endpoints are being sent to, and which deliveries may be sent beside what is under way."""

    def __init__(self) -> None:
        self.sending = 0
        self._places: dict[str, _Place] = {}

    def full(self) -> list[str]:
        """Return the endpoints that may be sent nothing more just now."""
        return [endpoint_id for endpoint_id, place in self._places.items() if place.is_full]

    def users_with_their_share(self) -> list[UserId]:
        """Return the users who have all the places that a user may have."""
        return [user_id for user_id, sending in self._of_users().items() if sending >= SLOTS_OF_A_USER]

    def take(self, due: Sequence[DueDelivery]) -> list[DueDelivery]:
        """Take a place for each delivery that may be sent now, and return those."""
        of_users = self._of_users()
        taken: list[DueDelivery] = []
        for each in due:
            place = self._places.get(each.endpoint_id) or _Place(each.user_id)
            if self.sending >= SLOTS or place.is_full or of_users[each.user_id] >= SLOTS_OF_A_USER:
                continue
            self._places[each.endpoint_id] = place
            place.sending += 1
            self.sending += 1
            of_users[each.user_id] += 1
            taken.append(each)
        return taken

    def leave(self, endpoint_id: str) -> None:
        """Give a place back."""
        self.sending -= 1
        self._places[endpoint_id].sending -= 1
        if len(self._places) > _REMEMBERED_MAX:
            self._places = {each: place for each, place in self._places.items() if place.sending}

    def was_taken(self, endpoint_id: str) -> None:
        """Let an endpoint that took something be sent more at a time."""
        place = self._places[endpoint_id]
        place.at_once = min(place.at_once + 1, SLOTS_OF_AN_ENDPOINT)

    def was_not_taken(self, endpoint_id: str) -> None:
        """Let an endpoint that did not take something rest."""
        place = self._places[endpoint_id]
        place.at_once, place.rests = 1, True

    def end_rests(self) -> None:
        """Let every endpoint be sent something."""
        for place in self._places.values():
            place.rests = False

    def _of_users(self) -> Counter[UserId]:
        of_users: Counter[UserId] = Counter()
        for place in self._places.values():
            of_users[place.user_id] += place.sending
        return of_users


class WebhookSender:
    """Sends deliveries side by side. `put` is set once something was put that may be due."""

    def __init__(self, parts: SendingParts, put: Wakeup) -> None:
        self._parts = parts
        self._deliveries = parts.deliveries
        self._endpoints = parts.endpoints
        self._places = _Places()
        self._more_due = False
        self._choosing = asyncio.Lock()
        self._wakeup = put

    async def run(self) -> None:
        """Look for what is due every second, and whenever something was put or a place is free, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(every(_EVERY_SECONDS, self._end_rests, name="webhook rests"))
            await every(_EVERY_SECONDS, lambda: self._begin(group), name="webhooks", wakeup=self._wakeup)

    async def deliver(self) -> None:
        """Send what is due now, and wait until that is done.

        Raises:
            UnavailableError: The database is away.
        """
        self._places.end_rests()
        async with asyncio.TaskGroup() as group:
            while True:
                since = self._wakeup.count
                await self._begin(group)
                if not self._places.sending:
                    return
                await self._wakeup.wait(_EVERY_SECONDS, since=since)

    async def oldest_due_seconds(self) -> float:
        """Return for how long what is due longest waits for somebody to send it."""
        return await self._deliveries.oldest_due_seconds()

    async def _end_rests(self) -> None:
        self._places.end_rests()
        self._wakeup.set()

    async def _begin(self, group: asyncio.TaskGroup) -> None:
        """Begin to send what is due, as far as there are places."""
        async with self._choosing:
            while (free := SLOTS - self._places.sending) > 0:
                wanted = free * _LOOK_AHEAD
                due = await self._deliveries.due(
                    wanted, except_of=self._places.full(), except_users=self._places.users_with_their_share()
                )
                taken = self._places.take(due)
                self._more_due = len(due) > len(taken) or len(due) == wanted
                for delivery, endpoint in await self._claim(taken):
                    group.create_task(self._serve(delivery, endpoint), name="send a webhook")
                if not taken or len(due) < wanted:
                    return

    async def _claim(self, taken: Sequence[DueDelivery]) -> list[tuple[Delivery, Endpoint | None]]:
        """Claim deliveries that have a place, and give back the places of those that another worker has claimed."""
        if not taken:
            return []
        claimed: list[Delivery] = []
        try:
            claim = self._parts.randomness.token_bytes(_CLAIM_BYTES).hex()
            found = await self._deliveries.claim([each.id for each in taken], claim, LEASE)
            endpoints = await self._endpoints.find_of_any_user({delivery.endpoint_id for delivery in found})
            claimed = found
        finally:
            mine = {delivery.id for delivery in claimed}
            for each in taken:
                if each.id not in mine:
                    self._places.leave(each.endpoint_id)
        return [(delivery, endpoints.get(delivery.endpoint_id)) for delivery in claimed]

    async def _serve(self, delivery: Delivery, endpoint: Endpoint | None) -> None:
        """Send a delivery, and give its place back."""
        try:
            if await self._send(delivery, endpoint):
                self._places.was_taken(delivery.endpoint_id)
            else:
                self._places.was_not_taken(delivery.endpoint_id)
        except UnavailableError as error:
            # The database. Claims run out by themselves.
            self._places.was_not_taken(delivery.endpoint_id)
            _log.warning(WEBHOOK_FAILED, endpoint=delivery.endpoint_id, reason=error.code)
        except Exception:  # noqa: BLE001 -- whatever is wrong with one endpoint, the others are still to be served
            self._places.was_not_taken(delivery.endpoint_id)
            _log.exception(WEBHOOK_FAILED, endpoint=delivery.endpoint_id)
        finally:
            self._places.leave(delivery.endpoint_id)
            # Without more to send there is nothing to look for, and `deliver` waits for the last one.
            if self._more_due or not self._places.sending:
                self._wakeup.set()

    async def _send(self, delivery: Delivery, endpoint: Endpoint | None) -> bool:
        """Send one; return whether its endpoint may be sent more at once."""
        if endpoint is None or not endpoint.enabled:
            await self._deliveries.finish(delivery, DeliveryState.CANCELLED)
            return True
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
