"""Makes a delivery of each event for each endpoint that is to get it, under ids that make a repetition the same."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from callgenie.conversations.follow_up_store import FollowUp
from callgenie.jobs.periodic import Wakeup
from callgenie.kernel.ids import UserId, digest_key
from callgenie.webhooks.delivery_store import DeliveryStore
from callgenie.webhooks.endpoint_store import EndpointStore
from callgenie.webhooks.models import EventType, NewEvent

# Each post that is over wakes the sender too, so this bounds how often an endpoint is sent something.
_GATHER_SECONDS: Final = 0.01
# Longer than any period: as long as the event is remembered, it is not told again.
_THRESHOLDS_KEPT_FOR: Final = timedelta(days=62)


class WebhookEvents:
    """Tells users' endpoints what happened.

    Attributes:
        put: Ends the pause of this process's sender once there is something to send.
    """

    def __init__(self, endpoints: EndpointStore, deliveries: DeliveryStore) -> None:
        self.put = Wakeup(_GATHER_SECONDS)
        self._endpoints = endpoints
        self._deliveries = deliveries

    async def tell(self, event_type: EventType, events: Sequence[NewEvent]) -> None:
        """Put events of a type on their way to every endpoint that wants them; again: nothing is doubled."""
        endpoint_ids: defaultdict[UserId, list[str]] = defaultdict(list)
        for endpoint in await self._endpoints.subscribed({event.user_id for event in events}, event_type):
            endpoint_ids[endpoint.user_id].append(endpoint.id)
        put = [(event, endpoint_id) for event in events for endpoint_id in endpoint_ids[event.user_id]]
        await self._deliveries.put(put)
        if put:
            self.put.set()

    async def reached(self, user_id: UserId, *, key: str, percent: int, at: datetime, facts: Mapping[str, Any]) -> None:
        """Tell that a user has used so much of the plan; `key` names the threshold and the period."""
        event_type = EventType.USAGE_THRESHOLD_REACHED
        data = {"percent": percent, **facts}
        event = NewEvent(event_id(event_type, key), event_type, user_id, at, facts=data, kept_for=_THRESHOLDS_KEPT_FOR)
        await self.tell(event_type, [event])


class CallEvents:
    """Follows a call by telling one thing about it (`conversations.follow_ups.FollowUpHandler`)."""

    def __init__(self, events: WebhookEvents, event_type: EventType) -> None:
        self._events = events
        self._type = event_type

    async def follow(self, follow_ups: Sequence[FollowUp]) -> None:
        """Put the events on their way."""
        await self._events.tell(self._type, [self._event_of(follow_up) for follow_up in follow_ups])

    def _event_of(self, follow_up: FollowUp) -> NewEvent:
        call = follow_up.conversation
        return NewEvent(
            event_id(self._type, call.id), self._type, call.user_id, follow_up.asked_at, session_id=call.session_id
        )


def event_id(event_type: str, key: str) -> str:
    """Return the id of what happened to what `key` names."""
    return f"evt_{digest_key(f'{event_type}:{key}')}"
