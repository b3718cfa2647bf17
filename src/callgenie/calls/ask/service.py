"""Questions of an owner to the assistant of their own business, by text."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from callgenie.calls.ask.conversation import text_conversation
from callgenie.calls.ask.errors import (
    AssistantBusyError,
    AssistantUnavailableError,
    TextConversationBusyError,
    TextConversationNotFoundError,
)
from callgenie.calls.ask.store import TextConversationStore
from callgenie.http.rate_limits import ASK, RateLimits
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId
from callgenie.profiles.service import ProfileService
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.guarded import ProviderFailedError, on_provider_failure
from callgenie.voice.text_conversation import Reply
from callgenie.voice.timings import Timings

# Answers at once in a process, whoever asks. The embedded model computes one after the other, and a caller who waits
# for an answer should not wait for more than these.
_AT_ONCE: Final = 2
_WAITING_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """An answer, and the conversation that the next question may belong to."""

    reply: Reply
    conversation_id: str


class AssistantByText:
    """Answers as the assistant would in a call. Nothing is counted, and nothing has an effect.

    Args:
        on_failure: Told the provider and the category of each failure.
    """

    def __init__(
        self,
        profiles: ProfileService,
        voices: VoiceCatalogue,
        store: TextConversationStore,
        limits: RateLimits | None,
        clock: Clock,
        timings: Timings,
        on_failure: Callable[[str, str], None],
    ) -> None:
        self._profiles = profiles
        self._voices = voices
        self._store = store
        self._limits = limits
        self._clock = clock
        self._timings = timings
        self._on_failure = on_failure
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def ask(self, user_id: UserId, text: str, conversation_id: str | None = None) -> Asked:
        """Answer a question of a new conversation, or of one that goes on.

        Raises:
            TooManyRequestsError: The user asks too often.
            AssistantBusyError: Too many questions wait for an answer.
            AssistantUnavailableError: The model gave no answer.
            TextConversationNotFoundError: There is no such conversation, or it is somebody else's.
            TextConversationBusyError: Another question of it was answered meanwhile.
        """
        if self._limits is not None:
            await self._limits.hit(ASK, user_id)
        async with self._place():
            return await self._ask(user_id, text, conversation_id)

    async def _ask(self, user_id: UserId, text: str, conversation_id: str | None) -> Asked:
        earlier = None if conversation_id is None else await self._store.get(user_id, conversation_id)
        if conversation_id is not None and earlier is None:
            raise TextConversationNotFoundError
        profile = await self._profiles.get(user_id)
        chosen = profile.preferences
        conversation = text_conversation(
            profile.business,
            chosen,
            self._voices.choose(voice=chosen.voice_model, model=chosen.ai_model).model,
            self._clock,
            messages=() if earlier is None else earlier.messages,
            timings=self._timings,
        )
        listening = on_provider_failure.set(self._on_failure)
        try:
            reply = await conversation.reply(text)
        except ProviderFailedError as error:
            raise AssistantUnavailableError from error
        finally:
            on_provider_failure.reset(listening)
        if earlier is None:
            return Asked(reply, await self._store.create(user_id, conversation.messages))
        if not await self._store.update(user_id, earlier, conversation.messages):
            raise TextConversationBusyError
        return Asked(reply, earlier.id)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= _WAITING_MAX:
            raise AssistantBusyError
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()
