"""Tells an owner by mail that an endpoint was switched off."""

from datetime import datetime
from typing import Final

import httpx

from callgenie.jobs.outbox import Written
from callgenie.jobs.outbox_models import NewMail, OutboxEntry
from callgenie.mail.models import Letter
from callgenie.mail.rendering import one_line
from callgenie.users.store import UserStore
from callgenie.webhooks.models import DisabledReason, Endpoint

WEBHOOK_OFF: Final = "webhook-off"

_NAME_CHARS_MAX: Final = 60


def disabled_mail(endpoint: Endpoint, reason: DisabledReason, failing_since: datetime) -> NewMail:
    """Return the mail that says so; the same for the same series of failures."""
    key = f"{WEBHOOK_OFF}:{endpoint.id}:{int(failing_since.timestamp() * 1_000)}"
    # Only the host: what else is in the address may be a secret of the owner's.
    facts = {"host": httpx.URL(endpoint.fields.url).host, "reason": reason.value, "since": failing_since}
    return NewMail(key, WEBHOOK_OFF, user_id=endpoint.user_id, facts=facts)


class WebhookOffWriter:
    """Says which endpoint was switched off, and why."""

    def __init__(self, users: UserStore, origin: str) -> None:
        self._users = users
        self._origin = origin

    async def write(self, entry: OutboxEntry) -> Written | None:
        """Return the letter, or None when the account is gone."""
        user = None if entry.user_id is None else await self._users.find(entry.user_id)
        if user is None:
            return None
        host, since = entry.facts["host"], entry.facts["since"]
        if entry.facts["reason"] == DisabledReason.GONE:
            why = f"your webhook at {host} answered that it is gone (410), so it gets no more events."
        else:
            when = f"{since:%d %B %Y, %H:%M} UTC" if isinstance(since, datetime) else str(since)
            why = f"your webhook at {host} has taken no event since {when}, so it gets no more for now."
        letter = Letter(
            subject=f"Your webhook at {host} is switched off",
            greeting=f"Hello {one_line(user.name, _NAME_CHARS_MAX)},",
            paragraphs=(
                why,
                "Once it works again, switch it on. The deliveries of the last 30 days can be sent again one by one.",
            ),
            closing=(f"The API shows it at {self._origin}/api/user/webhooks",),
        )
        return Written(user.email, letter)
