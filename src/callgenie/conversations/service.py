"""What can be done with conversations."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import asdict

from callgenie.conversations.errors import CallInProgressError, ConversationNotFoundError
from callgenie.conversations.models import Conversation, ConversationFilters, Exchange, SavedExchange
from callgenie.conversations.recording import Recording
from callgenie.conversations.store import ConversationStore
from callgenie.http.pages import LIMIT_DEFAULT, CursorSigner, Page, moment_and_id, position_at
from callgenie.kernel.ids import SessionId, UserId


class ConversationService:
    """A user's history: pages of it, single conversations, and exchanges from elsewhere.

    `on_deleted` is called after a conversation was deleted, for what can be done about it at once.
    """

    def __init__(
        self,
        store: ConversationStore,
        recording: Recording,
        cursors: CursorSigner,
        on_deleted: Callable[[UserId, SessionId], Awaitable[None]] | None = None,
    ) -> None:
        self._store = store
        self._on_deleted = on_deleted
        self._recording = recording
        self._cursors = cursors

    async def page(
        self,
        user_id: UserId,
        filters: ConversationFilters | None = None,
        *,
        cursor: str | None = None,
        limit: int = LIMIT_DEFAULT,
    ) -> Page[Conversation]:
        """Return conversations with their first turns, newest first.

        Raises:
            InvalidCursorError: The cursor was not made for this user and these filters.
        """
        filters = filters or ConversationFilters()
        bound_to = _bound_to(user_id, filters)
        after = None if cursor is None else moment_and_id(self._cursors.open(cursor, bound_to))
        # One more than asked for tells whether there is another page.
        found = await self._store.page(user_id, filters, after=after, limit=limit + 1)
        shown = found[:limit]
        if len(found) == len(shown):
            return Page(shown)
        last = shown[-1]
        return Page(shown, self._cursors.seal(position_at(last.started_at, last.id), bound_to))

    async def get(self, user_id: UserId, session_id: SessionId) -> Conversation:
        """Return the conversation with all its turns.

        Raises:
            ConversationNotFoundError: There is none, or it is somebody else's.
        """
        conversation = await self._store.get(user_id, session_id)
        if conversation is None:
            raise ConversationNotFoundError
        return conversation

    def stream(
        self, user_id: UserId, filters: ConversationFilters | None = None, *, whole: bool
    ) -> AsyncIterator[Conversation]:
        """Yield all that fit, newest first, few at a time in memory; `whole` ones have all their turns."""
        return self._store.stream(user_id, filters or ConversationFilters(), whole=whole)

    async def delete(self, user_id: UserId, session_id: SessionId) -> None:
        """Delete a conversation. What was used stays used, and the call does not come back under its session id.

        Raises:
            ConversationNotFoundError: There is none, or it is somebody else's.
            CallInProgressError: The call goes on, or is being settled.
        """
        if not await self._store.exists(user_id, session_id):
            raise ConversationNotFoundError
        if await self._store.delete(user_id, session_id):
            if self._on_deleted is not None:
                await self._on_deleted(user_id, session_id)
            return
        # Where it is gone by now, this write arrived twice or somebody else was faster: either way it is done.
        if await self._store.exists(user_id, session_id):
            raise CallInProgressError

    async def save_exchange(self, user_id: UserId, exchange: Exchange) -> SavedExchange:
        """Record an exchange of a call held elsewhere, and settle the call if it is completed; again: nothing doubled.

        Raises:
            InvalidExchangeError: Some of it is not as it must be.
            SessionConflictError: The session id belongs to another call.
            ConversationFullError: The conversation has no room for it.
            ConversationBusyError: Too many others change the same conversation.
        """
        return await self._recording.save_exchange(user_id, exchange)


def _bound_to(user_id: UserId, filters: ConversationFilters) -> Mapping[str, object]:
    return {"list": "conversations", "user": user_id, **asdict(filters)}
