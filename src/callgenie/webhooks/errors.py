"""How webhooks refuse."""

from callgenie.kernel.errors import ConflictError, FieldFault, InvalidError, NotFoundError
from callgenie.webhooks.models import ENDPOINTS_MAX


class WebhookNotFoundError(NotFoundError):
    """There is no such endpoint, or it is somebody else's."""

    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


class WebhookDeliveryNotFoundError(NotFoundError):
    """The endpoint has no such delivery, or it is more than 30 days old."""

    code = "webhook_delivery_not_found"

    def __init__(self) -> None:
        super().__init__("This webhook has no such delivery. Deliveries are kept for 30 days.")


class TooManyWebhooksError(ConflictError):
    """The user has as many endpoints as anybody can have."""

    code = "too_many_webhooks"

    def __init__(self) -> None:
        super().__init__(f"You have {ENDPOINTS_MAX} webhooks, which is as many as there can be. Delete one first.")


class WebhookDisabledError(ConflictError):
    """The endpoint is switched off, so nothing can be sent to it."""

    code = "webhook_disabled"

    def __init__(self) -> None:
        super().__init__("This webhook is switched off. Switch it on first, with `enabled: true`.")


class WebhookUrlNotAllowedError(InvalidError):
    """Nothing is sent to such an address."""

    code = "webhook_url_not_allowed"

    def __init__(self, message: str) -> None:
        super().__init__("Events cannot be sent to this address.", faults=[FieldFault("url", message)])
