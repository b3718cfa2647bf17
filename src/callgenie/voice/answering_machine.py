"""What is left of an assistant when no model answers: it takes messages and says goodbye."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.understanding.utterance import Utterance
from callgenie.voice.courtesies import farewell
from callgenie.voice.decisions import takes_leave_now
from callgenie.voice.message_draft import OFFER, prompt_in
from callgenie.voice.message_taking import begin, next_step, words_before
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.rewording import ONLY_MESSAGES, differently
from callgenie.voice.tool_names import END_CALL

APOLOGY: Final = f"I'm sorry, something has gone wrong on our side, and I cannot answer you now. {OFFER}"

_ONLY_THAT: Final = f"{ONLY_MESSAGES} {OFFER}"

# "The cake is wrong" is a message; "what" is not.
_WORDS_OF_A_MESSAGE: Final = 3


class AnsweringMachine:
    """Implements `LanguageModel` without anything that could fail."""

    async def prepare(self, knowledge: Knowledge) -> None:
        """Do nothing: it is always ready."""

    async def stream(self, messages: Sequence[Message], knowledge: Knowledge) -> AsyncIterator[ModelDelta]:
        """Yield what comes next in taking a message, or a goodbye."""
        for delta in _deltas(messages, knowledge):
            yield delta


def _deltas(messages: Sequence[Message], knowledge: Knowledge) -> Sequence[ModelDelta]:
    said, before = Utterance(messages[-1].text), words_before(messages)
    is_offered = prompt_in(before) == OFFER
    declines = is_offered and said.declines_offer
    if messages[-1].role is TurnRole.USER and (declines or takes_leave_now(messages)):
        # Whoever takes their leave in the middle of a message has left it.
        kept = None if declines else next_step(messages, knowledge)
        return kept or [TextDelta(farewell(knowledge)), ToolCall(END_CALL)]
    step = next_step(messages, knowledge)
    if step is not None:
        return step
    if is_offered and said.is_message(_WORDS_OF_A_MESSAGE):
        return begin(said.text, knowledge)
    return [TextDelta(differently(_ONLY_THAT, before))]
