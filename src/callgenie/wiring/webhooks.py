"""How owners' programs are told."""

from dataclasses import dataclass

from callgenie.conversations.store import ConversationStore
from callgenie.kernel.secret_file import Secrets
from callgenie.recordings.links import RecordingLinks
from callgenie.webhooks.delivery_store import DeliveryStore
from callgenie.webhooks.destinations import Destinations, SystemResolver
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.payloads import Payloads
from callgenie.webhooks.posting import Poster, trust
from callgenie.webhooks.sending import DeliveryWatch, SendingParts, WebhookSender
from callgenie.webhooks.service import Webhooks
from callgenie.webhooks.signing import WebhookSecrets
from callgenie.wiring.records import Records


@dataclass(frozen=True, slots=True)
class WebhookRoom:
    """What is asked over HTTP, what sends, and what both need put away."""

    service: Webhooks
    sender: WebhookSender
    poster: Poster
    resolver: SystemResolver

    async def close(self) -> None:
        """Let go of what is open."""
        await self.poster.close()
        self.resolver.close()


def build_webhooks(records: Records, secrets: Secrets, links: RecordingLinks, watch: DeliveryWatch) -> WebhookRoom:
    """Put together what keeps endpoints and sends to them; `links` lead to recordings."""
    db, settings = records.database.db, records.settings
    endpoints, deliveries = EndpointStore(db), DeliveryStore(db)
    signing = WebhookSecrets(secrets.jwt_secret)
    resolver = SystemResolver()
    destinations = Destinations(
        resolver,
        allowed_hosts=settings.webhook_allowed_hosts or (),
        allow_http=settings.webhook_allow_http == "on",
    )
    poster = Poster(destinations, trust(settings.webhook_ca_file), records.clock)
    service = Webhooks(
        endpoints=endpoints,
        deliveries=deliveries,
        destinations=destinations,
        secrets=signing,
        cursors=records.cursors,
        clock=records.clock,
        randomness=records.randomness,
    )
    parts = SendingParts(
        deliveries=deliveries,
        endpoints=endpoints,
        payloads=Payloads(ConversationStore(db), links),
        secrets=signing,
        poster=poster,
        outbox=records.outbox,
        clock=records.clock,
        randomness=records.randomness,
        watch=watch,
    )
    return WebhookRoom(service, WebhookSender(parts, records.webhook_events.put), poster, resolver)
