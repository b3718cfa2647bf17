"""What is left of an assistant when no model answers: it takes messages and says goodbye."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.courtesies import farewell, says_no, takes_leave
from callgenie.voice.endings import words_of
from callgenie.voice.message_draft import OFFER
from callgenie.voice.message_taking import begin, next_step, words_before
from callgenie.voice.ports import Knowledge, Message, ModelDelta, TextDelta, ToolCall
from callgenie.voice.tool_names import END_CALL

APOLOGY: Final = f"I'm sorry, something has gone wrong on our side, and I cannot answer you now. {OFFER}"

_ONLY_THAT: Final = f"I'm sorry, I can only take a message now. {OFFER}"

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
    said, before = messages[-1].text, words_before(messages)
    declines = OFFER in before and says_no(said)
    if messages[-1].role is TurnRole.USER and (declines or takes_leave(said, before)):
        # Whoever takes their leave in the middle of a message has left it.
        kept = None if declines else next_step(messages, knowledge)
        return kept or [TextDelta(farewell(knowledge)), ToolCall(END_CALL)]
    step = next_step(messages, knowledge)
    if step is not None:
        return step
    is_message = OFFER in before and "?" not in said and len(words_of(said)) >= _WORDS_OF_A_MESSAGE
    return begin(said, knowledge) if is_message else [TextDelta(_ONLY_THAT)]
