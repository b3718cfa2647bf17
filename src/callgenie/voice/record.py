"""What was said: kept for the model, and told to the listener in order without ever holding up the audio."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.playback import Playback, Speech
from callgenie.voice.ports import Message, ToolCall
from callgenie.voice.tools import use_in_words
from callgenie.voice.turn import Turn

_log = structlog.get_logger(__name__)

TURN_NOT_TAKEN = "voice.turn_not_taken"

# A minute or two of talk; older lines add cost and little sense.
MESSAGES_MAX: Final = 40

# A listener that is this far behind has been for minutes, and a call whose words cannot be kept must not go on.
_WAITING_MAX: Final = 64

# The record takes no longer text; somebody would have to talk for ten minutes without a breath.
_CHARACTERS_MAX: Final = 8_000

# A message that was taken, for example; its words are also among the caller's.
_TOOL_CHARACTERS_MAX: Final = 2_000


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


@dataclass(frozen=True, slots=True)
class _Used:
    call: ToolCall
    result: str
    at: float

    def messages(self) -> list[Message]:
        asked = Message(TurnRole.ASSISTANT, "", tool_calls=(self.call,))
        return [asked, Message(TurnRole.TOOL, self.result, tool_call_id=self.call.id)]

    def text(self) -> str:
        return use_in_words(self.call, self.result)[:_TOOL_CHARACTERS_MAX]


class CallRecord:
    """One call's turns. Times that come in are seconds of the call's monotonic clock."""

    def __init__(self, listener: SessionListener, began: float, *, on_overflow: Callable[[], None]) -> None:
        self._listener = listener
        self._began = began
        self._on_overflow = on_overflow
        self._said: _Said | None = None
        self._used: list[_Used] = []
        self._messages: deque[Message] = deque(maxlen=MESSAGES_MAX)
        self._waiting: asyncio.Queue[Turn] = asyncio.Queue(_WAITING_MAX)

    # What the caller says

    def conversation(self) -> list[Message]:
        """Return what was said and done so far, also what is only held."""
        messages = list(self._messages)
        # Of a tool's result whose request is forgotten, no model can make anything.
        while messages and messages[0].role is TurnRole.TOOL:
            del messages[0]
        if self._said is not None:
            messages.append(Message(TurnRole.USER, self._said.text))
        return messages + [message for used in self._used for message in used.messages()]

    def hold_said(self, text: str, started_at: float, ended_at: float, *, whole: bool = False) -> None:
        """Note what the caller said.

        It is told only once its answer is heard: until then the caller may go on, and the two parts are one turn.
        What is `whole`, such as pressed keys, is a turn of its own whatever comes after it.
        """
        self._said = _Said(text[:_CHARACTERS_MAX], started_at, ended_at, whole)

    def goes_on(self) -> None:
        """Forget what is held, for the caller goes on with the same turn; what is whole is told instead."""
        if self._said is not None and self._said.whole:
            self.tell_said()
        self._said = None
        self._used.clear()

    def tell_said(self) -> None:
        """Tell what is held, if anything is."""
        said, self._said = self._said, None
        if said is not None:
            self._tell(
                Turn(TurnRole.USER, said.text, self._ms(said.started_at), self._ms(said.ended_at)),
                [Message(TurnRole.USER, said.text)],
            )
        used, self._used = self._used, []
        for each in used:
            self._tell_used(each)

    # What was done

    def hold_used(self, call: ToolCall, result: str, now: float) -> None:
        """Note what a tool answered, which belongs to the answer that is being made and goes with it."""
        self._used.append(_Used(call, result, now))

    def tell_used(self, call: ToolCall, result: str, now: float) -> None:
        """Tell what a tool did; it was done whatever becomes of the answer."""
        self._tell_used(_Used(call, result, now))

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
        heard = heard[:_CHARACTERS_MAX]
        self._tell(
            Turn(
                TurnRole.ASSISTANT,
                heard,
                self._ms(speech.started_at),
                self._ms(now),
                interrupted=interrupted and cut_short,
                generated_text=meant[:_CHARACTERS_MAX] if cut_short else None,
                latency=speech.timing.result() if speech.timing is not None else None,
                outcome=speech.outcome,
            ),
            [Message(TurnRole.ASSISTANT, heard)],
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

    def _tell_used(self, used: _Used) -> None:
        at = self._ms(used.at)
        self._tell(Turn(TurnRole.TOOL, used.text(), at, at), used.messages())

    def _tell(self, turn: Turn, messages: list[Message]) -> None:
        self._messages += messages
        try:
            self._waiting.put_nowait(turn)
        except asyncio.QueueFull:
            _log.error(TURN_NOT_TAKEN, reason="listener too slow")
            self._on_overflow()

    def _ms(self, at: float) -> int:
        return max(0, round((at - self._began) * 1000))
