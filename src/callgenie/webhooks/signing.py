"""Signs what is sent, as https://www.standardwebhooks.com says (symmetric signatures, v1).

Secrets are derived from the server's own, so a stolen database holds none. Who has the server's secret has them all.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from callgenie.webhooks.models import Endpoint

PREFIX: Final = "whsec_"


class WebhookSecrets:
    """Knows each endpoint's secret without keeping it."""

    def __init__(self, secret: str) -> None:
        # The same secret signs other things; a key of its own keeps one from passing for another.
        self._key = hmac.digest(secret.encode("utf-8"), b"callgenie webhook v1", hashlib.sha256)

    def of(self, endpoint: Endpoint) -> str:
        """Return the secret that the endpoint's owner verifies with."""
        return PREFIX + base64.b64encode(self._of(endpoint.id, endpoint.generation)).decode("ascii")

    def headers(self, endpoint: Endpoint, message_id: str, body: bytes, now: datetime) -> Mapping[str, str]:
        """Return the headers that prove where `body` comes from and when; for a while two secrets do."""
        generations = [endpoint.generation]
        if endpoint.overlap_until is not None and now < endpoint.overlap_until:
            generations.append(endpoint.generation - 1)
        timestamp = int(now.timestamp())
        signed = f"{message_id}.{timestamp}.".encode() + body
        tags = (hmac.digest(self._of(endpoint.id, number), signed, hashlib.sha256) for number in generations)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(tag).decode('ascii')}" for tag in tags),
        }

    def _of(self, endpoint_id: str, generation: int) -> bytes:
        return hmac.digest(self._key, f"{endpoint_id}\0{generation}".encode(), hashlib.sha256)
