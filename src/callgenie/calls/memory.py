"""What the assistant remembers of a caller: the last conversations with the same owner, and nobody else's."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from callgenie.calls.models import AnsweredCall
from callgenie.conversations.caller_store import CallerStore
from callgenie.conversations.models import Conversation
from callgenie.kernel.vocabulary import Direction, TurnRole
from callgenie.mail.rendering import one_line
from callgenie.profiles.hours import local_time_text
from callgenie.profiles.models import Business
from callgenie.voice.script import Recollection

_log = structlog.get_logger(__name__)

MEMORY_FAILED: Final = "call.memory_failed"

# What a person behind a counter would remember, and little enough to not slow a model down.
CONVERSATIONS_MAX: Final = 3
REMEMBERED_DAYS: Final = 90
MEMORY_CHARS_MAX: Final = 1_500
_CONVERSATION_CHARS_MAX: Final = MEMORY_CHARS_MAX // CONVERSATIONS_MAX - len("\n")
_QUOTE_CHARS_MAX: Final = 160
_NAME_CHARS_MAX: Final = 60


class CallerMemory:
    """Remembers callers by the number they call from."""

    def __init__(self, store: CallerStore) -> None:
        self._store = store

    async def recall(self, call: AnsweredCall, now: datetime) -> Recollection:
        """Return what is known of the caller from before: nothing where the number is withheld or the owner minds.

        A failure is logged and remembers nothing; the call goes on.
        """
        business = call.profile.business
        if call.from_number is None or not business.remembers_callers:
            return Recollection()
        since = now - timedelta(days=REMEMBERED_DAYS)
        try:
            found = await self._store.last_with(call.user_id, call.from_number, since=since, limit=CONVERSATIONS_MAX)
            return recollection_of(found, business)
        except Exception:  # noqa: BLE001 - whatever it was, the caller is on the line and must be answered
            _log.exception(MEMORY_FAILED, session_id=call.session_id, user_id=call.user_id)
            return Recollection()


def recollection_of(conversations: Sequence[Conversation], business: Business) -> Recollection:
    """Return what is worth remembering of conversations with one caller, which come newest first."""
    names = (conversation.analysis.caller_name for conversation in conversations if conversation.analysis is not None)
    return Recollection(
        caller_name=next((name for name in names if name), "")[:_NAME_CHARS_MAX],
        memory="\n".join(_told(conversation, business) for conversation in conversations),
    )


def _told(conversation: Conversation, business: Business) -> str:
    when = local_time_text(business, conversation.answered_at or conversation.started_at)
    return one_line(f"{when}: {' '.join(_content(conversation))}", _CONVERSATION_CHARS_MAX)


def _content(conversation: Conversation) -> Iterator[str]:
    analysis = conversation.analysis
    if analysis is not None and analysis.summary:
        yield analysis.summary
        if analysis.wish:
            yield f"The caller wanted: {analysis.wish}"
        return
    who = "The person we called" if conversation.direction is Direction.OUTBOUND else "The caller"
    said = [turn.text for turn in conversation.turns if turn.role is TurnRole.USER and turn.text]
    if not said:
        yield f"{who} said nothing."
    for text in said:
        yield f'{who} said: "{one_line(text, _QUOTE_CHARS_MAX)}"'
