"""What waits to be mailed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from callgenie.kernel.ids import UserId

Fact = str | int | float | datetime | None

# How long the outbox remembers what has been done with, for an operator who asks; a second request under the same id
# within that time is known.
KEPT_FOR: Final = timedelta(days=7)


class OutboxState(StrEnum):
    """What became of a mail."""

    WAITING = "waiting"
    SENT = "sent"
    KEPT = "kept"
    """There is no mail server: it is read with `callgenie mail`."""
    DROPPED = "dropped"
    """There was nothing to say any more: no such account, or a newer mail says it."""
    DEAD = "dead"
    """It was refused for good, or tried too often."""


@dataclass(frozen=True, slots=True)
class NewMail:
    """A mail to be written and sent, described by what it is about; its words are found when it is sent.

    Secrets are no facts: a link's token is computed from the mail's id when the mail is written.

    Attributes:
        id: What the mail is about, so that asking for it twice makes one, such as `usage80:<userId>:<periodStart>`.
        user_id: Whose it is, where that is known already.
        email: Which address somebody asked for, where it is not known whose that is.
    """

    id: str
    kind: str
    user_id: UserId | None = None
    email: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict)
    kept_for: timedelta = KEPT_FOR


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A mail in the outbox. `asked_at` is by the database's clock; `claim` is whose turn it is, if anybody's."""

    id: str
    kind: str
    user_id: UserId | None
    email: str | None
    facts: Mapping[str, Fact]
    state: OutboxState
    attempts: int
    asked_at: datetime
    due_at: datetime
    error: str | None
    claim: str | None
