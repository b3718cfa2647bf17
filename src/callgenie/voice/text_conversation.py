"""A conversation with the assistant by text: its model and its tools as in a call, without audio.

Nothing is stored here, and the tools it is given decide what takes effect.
"""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Final

from callgenie.kernel.vocabulary import Outcome, TurnRole
from callgenie.voice.guarded import answered, prepared
from callgenie.voice.message_draft import OFFER, PASS_ON, prompt_in
from callgenie.voice.message_taking import words_before
from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import AnswerOutcome, Knowledge, LanguageModel, Message, TextDelta, ToolCall
from callgenie.voice.record import MESSAGES_MAX
from callgenie.voice.rewording import differently
from callgenie.voice.sentences import SentenceCutter
from callgenie.voice.timings import Timings
from callgenie.voice.tools import CALLS_A_ROUND_MAX, OUTCOMES, ROUNDS_MAX, Departure, Tool, Toolbox, ToolResult

# A confidence is shown with so many.
CONFIDENCE_DIGITS: Final = 3

# What nobody has reported and nothing has shown.
_UNKNOWN: Final = AnswerOutcome(Outcome.OTHER, confidence=0.0)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a caller would hear it, and its result; see `voice.ports.AnswerOutcome`."""

    text: str
    outcome: Outcome
    entry: int | None
    confidence: float


@dataclass(slots=True)
class _Answer:
    """One answer as far as it is made."""

    pieces: list[str] = field(default_factory=list)
    used: list[Message] = field(default_factory=list)
    reported: AnswerOutcome | None = None
    derived: AnswerOutcome | None = None
    departure: Departure | None = None


class TextConversation:
    """One conversation; one answer is made at a time.

    Args:
        tools: All that the assistant can do, ending the call included.
        messages: What was said and done before.
    """

    def __init__(
        self,
        model: LanguageModel,
        knowledge: Knowledge,
        tools: Sequence[Tool],
        *,
        messages: Sequence[Message] = (),
        timings: Timings = Timings(),  # noqa: B008 - frozen
    ) -> None:
        self._model = model
        self._tools = Toolbox(
            tools,
            timeout_ms=timings.tool_max_ms,
            spawn=lambda work: asyncio.get_running_loop().create_task(work),
            on_effect=lambda _call, _result: None,
        )
        self._knowledge = replace(knowledge, tools=self._tools.specs)
        self._timeout_ms = timings.model_max_ms
        self._messages = tuple(messages)

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said and done so far, the newest last; older lines are forgotten, as in a call."""
        return self._messages

    async def prepare(self) -> None:
        """Let the model compute what it needs of the business; that it failed is only logged."""
        await prepared(self._model, self._knowledge, self._timeout_ms)

    async def reply(self, text: str) -> Reply:
        """Answer what a caller says.

        Raises:
            ProviderFailedError: No answer could be had; the conversation is as it was before.
        """
        asked = Message(TurnRole.USER, text)
        answer = _Answer()
        await self._make(answer, [*self._messages, asked])
        spoken = " ".join(answer.pieces)
        if not spoken:
            again = differently(phrases_for(self._knowledge).say_again, words_before(self._messages))
            spoken = answer.departure.words if answer.departure else again
        self._remember([asked, *answer.used, Message(TurnRole.ASSISTANT, spoken)])
        result = answer.reported or answer.derived
        if result is None:
            result = AnswerOutcome(Outcome.PASSED_ON) if prompt_in(spoken) in {OFFER, PASS_ON} else _UNKNOWN
        return Reply(spoken, result.outcome, result.entry, result.confidence)

    async def _make(self, answer: _Answer, messages: list[Message]) -> None:
        """Ask the model, do what it asks for, report the results to it, and so on until it has said all."""
        for tools in (*[self._knowledge.tools] * ROUNDS_MAX, ()):
            text, calls = await self._ask(answer, messages, replace(self._knowledge, tools=tools))
            if not calls:
                return
            messages.append(Message(TurnRole.ASSISTANT, text, tool_calls=calls))
            for call in calls:
                result = await self._tools.run(call, tuple(messages))
                self._note(answer, call, result)
                if result.departure is not None:
                    answer.departure = result.departure
                    return
                messages.append(Message(TurnRole.TOOL, result.text, tool_call_id=call.id))

    async def _ask(
        self, answer: _Answer, messages: Sequence[Message], knowledge: Knowledge
    ) -> tuple[str, tuple[ToolCall, ...]]:
        """Return one answer of the model, and the tools it asks for."""
        cutter = SentenceCutter()
        text: list[str] = []
        calls: list[ToolCall] = []
        async with aclosing(answered(self._model, messages, knowledge, self._timeout_ms)) as deltas:
            async for delta in deltas:
                if isinstance(delta, TextDelta):
                    text.append(delta.text)
                    answer.pieces += cutter.push(delta.text)
                elif isinstance(delta, AnswerOutcome):
                    answer.reported = delta
                elif knowledge.tools and len(calls) < CALLS_A_ROUND_MAX:
                    calls.append(delta if delta.id else replace(delta, id=f"call_{len(messages)}_{len(calls)}"))
        answer.pieces += cutter.flush()
        return "".join(text), tuple(calls)

    def _note(self, answer: _Answer, call: ToolCall, result: ToolResult) -> None:
        outcome = OUTCOMES.get(call.name)
        if outcome is not None and not result.failed:
            answer.derived = AnswerOutcome(outcome)
        # As the record of a call: what ends the call without an effect is not remembered.
        if result.departure is None or self._tools.has_effect(call.name):
            answer.used += (
                Message(TurnRole.ASSISTANT, "", tool_calls=(call,)),
                Message(TurnRole.TOOL, result.text, tool_call_id=call.id),
            )

    def _remember(self, said: Sequence[Message]) -> None:
        messages = [*self._messages, *said][-MESSAGES_MAX:]
        # No model can make anything of a tool's result whose request is forgotten.
        while messages and messages[0].role is TurnRole.TOOL:
            del messages[0]
        self._messages = tuple(messages)
