"""What owners can do with webhooks."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from callgenie.http.pages import CursorSigner, Page
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import Randomness, UserId
from callgenie.webhooks.delivery_store import DeliveryStore, delivery_id_of
from callgenie.webhooks.destinations import Destinations, HostNotFoundError
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.errors import (
    TooManyWebhooksError,
    WebhookDeliveryNotFoundError,
    WebhookDisabledError,
    WebhookNotFoundError,
    WebhookUrlNotAllowedError,
)
from callgenie.webhooks.models import ENDPOINTS_MAX, TEST, Delivery, Endpoint, EndpointFields, NewEvent
from callgenie.webhooks.signing import WebhookSecrets

_ID_BYTES: Final = 12
_EVENT_BYTES: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


class Webhooks:
    """A user's endpoints and their deliveries."""

    def __init__(
        self,
        *,
        endpoints: EndpointStore,
        deliveries: DeliveryStore,
        destinations: Destinations,
        secrets: WebhookSecrets,
        cursors: CursorSigner,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._destinations = destinations
        self._secrets = secrets
        self._cursors = cursors
        self._clock = clock
        self._randomness = randomness

    async def create(self, user_id: UserId, fields: EndpointFields) -> tuple[Endpoint, str]:
        """Make an endpoint; its secret is returned here, and by `rotate`.

        Raises:
            WebhookUrlNotAllowedError: Nothing may be sent there.
            TooManyWebhooksError: The user has 10 already.
        """
        await self._check(fields.url)
        endpoint_id = self._randomness.token_bytes(_ID_BYTES).hex()
        endpoint = await self._endpoints.insert(user_id, endpoint_id, fields, endpoints_max=ENDPOINTS_MAX)
        if endpoint is None:
            raise TooManyWebhooksError
        return endpoint, self._secrets.of(endpoint)

    async def list(self, user_id: UserId) -> Sequence[Endpoint]:
        """Return the user's endpoints, newest first."""
        return await self._endpoints.of_user(user_id)

    async def get(self, user_id: UserId, endpoint_id: str) -> Endpoint:
        """Return one of the user's endpoints.

        Raises:
            WebhookNotFoundError: There is none, or it is somebody else's.
        """
        return _there(await self._endpoints.find(user_id, endpoint_id))

    async def change(self, endpoint: Endpoint, fields: EndpointFields, *, enabled: bool) -> Endpoint:
        """Set what the owner says of an endpoint, and switch it on or off.

        Raises:
            WebhookUrlNotAllowedError: Nothing may be sent there.
            WebhookNotFoundError: It was deleted meanwhile.
        """
        if fields.url != endpoint.fields.url:
            await self._check(fields.url)
        return _there(await self._endpoints.change(endpoint.user_id, endpoint.id, fields, enabled=enabled))

    async def rotate(self, user_id: UserId, endpoint_id: str) -> tuple[Endpoint, str]:
        """Give an endpoint another secret; for a day what is sent is signed with both.

        Raises:
            WebhookNotFoundError: There is none, or it is somebody else's.
        """
        found = await self.get(user_id, endpoint_id)
        # Somebody else's rotation in the same moment is as good as ours.
        rotated = await self._endpoints.rotate(found) or await self.get(user_id, endpoint_id)
        return rotated, self._secrets.of(rotated)

    async def delete(self, user_id: UserId, endpoint_id: str) -> None:
        """Delete an endpoint and its deliveries.

        Raises:
            WebhookNotFoundError: There is none, or it is somebody else's.
        """
        if not await self._endpoints.delete(user_id, endpoint_id):
            raise WebhookNotFoundError
        await self._deliveries.delete_of(user_id, endpoint_id)

    async def test(self, user_id: UserId, endpoint_id: str) -> Delivery:
        """Send an endpoint an event that says nothing, once.

        Raises:
            WebhookNotFoundError: There is none, or it is somebody else's.
            WebhookDisabledError: It is switched off.
        """
        endpoint = await self._enabled(user_id, endpoint_id)
        event_id = f"evt_{self._randomness.token_bytes(_EVENT_BYTES).hex()}"
        event = NewEvent(event_id, TEST, user_id, self._clock.now())
        await self._deliveries.put([(event, endpoint.id)])
        return _known(await self._deliveries.find(user_id, delivery_id_of(event, endpoint.id)))

    async def deliveries(
        self, user_id: UserId, endpoint_id: str, *, cursor: str | None = None, limit: int
    ) -> Page[Delivery]:
        """Return a page of an endpoint's deliveries, newest first.

        Raises:
            WebhookNotFoundError: There is no such endpoint, or it is somebody else's.
            InvalidCursorError: The cursor is for another list.
        """
        endpoint = await self.get(user_id, endpoint_id)
        bound = {"list": "webhook-deliveries", "user": user_id, "endpoint": endpoint.id}
        after = None if cursor is None else _position_of(self._cursors.open(cursor, bound))
        found = await self._deliveries.page(user_id, endpoint.id, after=after, limit=limit + 1)
        items = found[:limit]
        if len(found) <= limit:
            return Page(items)
        last = items[-1]
        return Page(items, self._cursors.seal(((last.created_at - _EPOCH) // _MILLISECOND, last.id), bound))

    async def send_again(self, user_id: UserId, endpoint_id: str, delivery_id: str) -> Delivery:
        """Send a delivery again, now, whatever became of it.

        Raises:
            WebhookNotFoundError: There is no such endpoint, or it is somebody else's.
            WebhookDeliveryNotFoundError: It has no such delivery.
            WebhookDisabledError: It is switched off.
        """
        endpoint = await self._enabled(user_id, endpoint_id)
        return _known(await self._deliveries.send_again(user_id, endpoint.id, delivery_id))

    async def _enabled(self, user_id: UserId, endpoint_id: str) -> Endpoint:
        endpoint = await self.get(user_id, endpoint_id)
        if not endpoint.enabled:
            raise WebhookDisabledError
        return endpoint

    async def _check(self, url: str) -> None:
        try:
            await self._destinations.find(url)
        except HostNotFoundError:
            raise WebhookUrlNotAllowedError("must name a host that can be found") from None


def _there(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise WebhookNotFoundError
    return endpoint


def _known(delivery: Delivery | None) -> Delivery:
    if delivery is None:
        raise WebhookDeliveryNotFoundError
    return delivery


def _position_of(sealed: Sequence[str | int]) -> tuple[datetime, str]:
    created_ms, last_id = sealed
    return _EPOCH + int(created_ms) * _MILLISECOND, str(last_id)
