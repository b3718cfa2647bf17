"""Webhooks over HTTP. Endpoints are a matter for people: no API key opens these routes."""

from http import HTTPStatus
from typing import Annotated, Final, cast

from fastapi import APIRouter, Depends, Path, Query
from starlette.requests import HTTPConnection

from callgenie.http.pages import InvalidCursorError, PageView
from callgenie.http.problems import problems
from callgenie.users.guards import CurrentUser
from callgenie.webhooks.errors import (
    TooManyWebhooksError,
    WebhookDeliveryNotFoundError,
    WebhookDisabledError,
    WebhookNotFoundError,
    WebhookUrlNotAllowedError,
)
from callgenie.webhooks.schemas import (
    DeliveriesQuery,
    DeliveryView,
    SecretWebhookView,
    WebhookBody,
    WebhookChanges,
    WebhooksView,
    WebhookView,
)
from callgenie.webhooks.service import Webhooks

router = APIRouter(prefix="/api/user/webhooks", tags=["webhooks"])


async def get_webhooks(request: HTTPConnection) -> Webhooks:
    """Return the service that the program was put together with."""
    return cast("Webhooks", request.app.state.services.webhooks)


WebhooksDep = Annotated[Webhooks, Depends(get_webhooks)]
WebhookId = Annotated[str, Path(description="The webhook's `id`.")]
DeliveryId = Annotated[str, Path(description="The delivery's `id`.")]
_ONE: Final = "/{webhook_id}"


@router.get("", responses=problems())
async def list_webhooks(user: CurrentUser, webhooks: WebhooksDep) -> WebhooksView:
    """List the signed-in user's webhooks, newest first."""
    return WebhooksView(data=[WebhookView.of(endpoint) for endpoint in await webhooks.list(user.id)])


@router.post("", status_code=HTTPStatus.CREATED, responses=problems(WebhookUrlNotAllowedError, TooManyWebhooksError))
async def create_webhook(body: WebhookBody, user: CurrentUser, webhooks: WebhooksDep) -> SecretWebhookView:
    """Have events sent to an address. The answer holds the secret that verifies them; it is not shown again."""
    return SecretWebhookView.made(*await webhooks.create(user.id, body.fields()))


@router.get(_ONE, responses=problems(WebhookNotFoundError))
async def show_webhook(user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId) -> WebhookView:
    """Show a webhook."""
    return WebhookView.of(await webhooks.get(user.id, webhook_id))


@router.patch(_ONE, responses=problems(WebhookNotFoundError, WebhookUrlNotAllowedError))
async def change_webhook(
    body: WebhookChanges, user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId
) -> WebhookView:
    """Change a webhook, or switch it on or off."""
    found = await webhooks.get(user.id, webhook_id)
    changed = await webhooks.change(found, body.fields_after(found), enabled=body.enabled_after(found))
    return WebhookView.of(changed)


@router.delete(_ONE, status_code=HTTPStatus.NO_CONTENT, responses=problems(WebhookNotFoundError))
async def delete_webhook(user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId) -> None:
    """Delete a webhook and what is known of its deliveries."""
    await webhooks.delete(user.id, webhook_id)


@router.post(f"{_ONE}/rotate-secret", responses=problems(WebhookNotFoundError))
async def rotate_webhook_secret(user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId) -> SecretWebhookView:
    """Give a webhook another secret; for 24 hours events are signed with the one before as well."""
    return SecretWebhookView.made(*await webhooks.rotate(user.id, webhook_id))


@router.post(
    f"{_ONE}/test",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(WebhookNotFoundError, WebhookDisabledError),
)
async def test_webhook(user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId) -> DeliveryView:
    """Send a webhook an event of type `webhook.test`, once; its deliveries show what came of it."""
    return DeliveryView.of(await webhooks.test(user.id, webhook_id))


@router.get(f"{_ONE}/deliveries", responses=problems(WebhookNotFoundError, InvalidCursorError))
async def list_webhook_deliveries(
    user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId, query: Annotated[DeliveriesQuery, Query()]
) -> PageView[DeliveryView]:
    """List a webhook's deliveries of the last 30 days, newest first."""
    page = await webhooks.deliveries(user.id, webhook_id, cursor=query.cursor, limit=query.limit)
    return PageView[DeliveryView](
        data=[DeliveryView.of(delivery) for delivery in page.items],
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


@router.post(
    f"{_ONE}/deliveries/{{delivery_id}}/resend",
    status_code=HTTPStatus.ACCEPTED,
    responses=problems(WebhookNotFoundError, WebhookDeliveryNotFoundError, WebhookDisabledError),
)
async def resend_webhook_delivery(
    user: CurrentUser, webhooks: WebhooksDep, webhook_id: WebhookId, delivery_id: DeliveryId
) -> DeliveryView:
    """Send a delivery again, under the same `webhook-id`, with the conversation as it is now."""
    return DeliveryView.of(await webhooks.send_again(user.id, webhook_id, delivery_id))
