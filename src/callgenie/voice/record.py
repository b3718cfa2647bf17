"""What was said: kept for the model, and told to the listener in order without ever holding up the audio."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.playback import Playback, Speech
from callgenie.voice.ports import Message
from callgenie.voice.turn import Turn

_log = structlog.get_logger(__name__)

TURN_NOT_TAKEN = "voice.turn_not_taken"

# A minute or two of talk; older lines add cost and little sense.
_MESSAGES_MAX: Final = 40

# A listener that is this far behind has been for minutes, and a call whose words cannot be kept must not go on.
_WAITING_MAX: Final = 64

# The record takes no longer text; somebody would have to talk for ten minutes without a breath.
_CHARACTERS_MAX: Final = 8_000


class SessionListener(Protocol):
    """Who wants to know what is said."""

    async def turn_finished(self, turn: Turn) -> None:
        """Take one finished turn; they come in order, one at a time, and never hold up the audio."""
        ...


@dataclass(frozen=True, slots=True)
class _Said:
    text: str
    started_at: float
    ended_at: float
    whole: bool


class CallRecord:
    """One call's turns. Times that come in are seconds of the call's monotonic clock."""

    def __init__(self, listener: SessionListener, began: float, *, on_overflow: Callable[[], None]) -> None:
        self._listener = listener
        self._began = began
        self._on_overflow = on_overflow
        self._said: _Said | None = None
        self._messages: deque[Message] = deque(maxlen=_MESSAGES_MAX)
        self._waiting: asyncio.Queue[Turn] = asyncio.Queue(_WAITING_MAX)

    # What the caller says

    def hold_said(self, text: str, started_at: float, ended_at: float, *, whole: bool = False) -> list[Message]:
        """Note what the caller said, and return the conversation up to it.

        It is told only once its answer is heard: until then the caller may go on, and the two parts are one turn.
        What is `whole`, such as pressed keys, is a turn of its own whatever comes after it.
        """
        self._said = _Said(text[:_CHARACTERS_MAX], started_at, ended_at, whole)
        return [*self._messages, Message(TurnRole.USER, self._said.text)]

    def goes_on(self) -> None:
        """Forget what is held, for the caller goes on with the same turn; what is whole is told instead."""
        if self._said is not None and self._said.whole:
            self.tell_said()
        self._said = None

    def tell_said(self) -> None:
        """Tell what is held, if anything is."""
        said, self._said = self._said, None
        if said is not None:
            self._tell(Turn(TurnRole.USER, said.text, self._ms(said.started_at), self._ms(said.ended_at)))

    # What we say

    def tell_speech(self, speech: Speech, playback: Playback, now: float, *, interrupted: bool) -> None:
        """Tell what the caller heard of a speech, once; a speech that nobody heard is no turn."""
        if speech.recorded:
            return
        speech.recorded = True
        heard, meant = playback.heard_text(speech, now), " ".join(speech.meant)
        if speech.started_at is None or not heard:
            return
        cut_short = heard != meant
        self._tell(
            Turn(
                TurnRole.ASSISTANT,
                heard[:_CHARACTERS_MAX],
                self._ms(speech.started_at),
                self._ms(now),
                interrupted=interrupted and cut_short,
                generated_text=meant[:_CHARACTERS_MAX] if cut_short else None,
                latency=speech.timing.result() if speech.timing is not None else None,
            )
        )

    # Telling

    async def run(self) -> None:
        """Tell turns as they come, until cancelled."""
        while True:
            turn = await self._waiting.get()
            try:
                await self._listener.turn_finished(turn)
            except Exception:  # noqa: BLE001 - the listener retries by itself; what it gives up on must not end the call
                _log.exception(TURN_NOT_TAKEN, reason="listener failed")
            finally:
                self._waiting.task_done()

    async def told(self, timeout_ms: int) -> None:
        """Wait until every turn was told, but not longer than `timeout_ms`."""
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self._waiting.join()
        except TimeoutError:
            _log.error(TURN_NOT_TAKEN, reason="timeout", turns=self._waiting.qsize())

    def _tell(self, turn: Turn) -> None:
        self._messages.append(Message(turn.role, turn.text))
        try:
            self._waiting.put_nowait(turn)
        except asyncio.QueueFull:
            _log.error(TURN_NOT_TAKEN, reason="listener too slow")
            self._on_overflow()

    def _ms(self, at: float) -> int:
        return max(0, round((at - self._began) * 1000))
