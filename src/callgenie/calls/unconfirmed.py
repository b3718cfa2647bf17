"""Finds, when a call ends, the message that its caller told and had no time to confirm."""

from typing import Final

import structlog

from callgenie.calls.admission import Profiles
from callgenie.calls.models import Occasion
from callgenie.conversations.message_left import message_left_in
from callgenie.conversations.message_store import MessageStore
from callgenie.conversations.models import Conversation, NewMessage
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.ids import SessionId, UserId

_log = structlog.get_logger(__name__)

MESSAGE_NOT_FOUND: Final = "call.message_not_found"


class UnconfirmedMessages:
    """Reads them from the record, so that they are found too when the worker that held the call is gone."""

    def __init__(self, messages: MessageStore, profiles: Profiles) -> None:
        self._messages = messages
        self._profiles = profiles

    async def left_in(self, user_id: UserId, session_id: SessionId) -> NewMessage | None:
        """Return the message that was told in a call and not taken, or None.

        Raises:
            UnavailableError: The database is away.
        """
        try:
            call = await self._messages.call_with_turns(user_id, session_id)
            if call is None or not call.turns:
                return None
            return message_left_in(call, is_asked_for=await self._asks_for_message(call))
        except UnavailableError:
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with the words, the call must be ended and settled
            _log.exception(MESSAGE_NOT_FOUND, session_id=session_id, user_id=user_id)
            return None

    async def _asks_for_message(self, call: Conversation) -> bool:
        return Occasion.of(call).asks_for_message((await self._profiles.get(call.user_id)).business)
