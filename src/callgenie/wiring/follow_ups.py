"""Who does what follows a conversation."""

from collections.abc import Mapping

from callgenie.conversations.follow_up_store import FollowUpStore
from callgenie.conversations.follow_ups import FollowUpHandler, FollowUps
from callgenie.conversations.message_mail import MessageMailHandler
from callgenie.conversations.message_store import MESSAGE_MAIL
from callgenie.wiring.records import Records


def build_follow_ups(records: Records) -> FollowUps:
    """Put together what works off that which follows conversations."""
    # A handler that waits long for somebody else has a `FollowUps` and a job of its own, so that the others go on.
    handlers: Mapping[str, FollowUpHandler] = {MESSAGE_MAIL: MessageMailHandler(records.outbox)}
    return FollowUps(FollowUpStore(records.database.db), handlers, records.randomness)
