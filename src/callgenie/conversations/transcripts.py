"""A conversation as text, for whoever reads it as a whole."""

from typing import Final

from callgenie.conversations.models import Conversation
from callgenie.kernel.vocabulary import Direction, TurnRole

# Some 4,000 tokens: what a model reads for a fraction of a cent. Of longer calls the middle is left out, since a wish
# is told at the beginning, and what came of it at the end.
TRANSCRIPT_CHARS_MAX: Final = 16_000
_GAP: Final = "\n[...]\n"
_BEGINNING: Final = TRANSCRIPT_CHARS_MAX // 3

_SPEAKERS: Final = {TurnRole.USER: "Caller", TurnRole.ASSISTANT: "Assistant", TurnRole.TOOL: "Assistant used"}

# Whoever reads it takes the caller for somebody who wants something, unless told otherwise.
_OUR_CALL: Final = "Note: the assistant called the person that is named the caller here, about: {purpose}"


def transcript_of(conversation: Conversation) -> str:
    """Return who said what, a line for each turn; of bounded length, however long the call was."""
    lines = (
        [_OUR_CALL.format(purpose=conversation.purpose or "unknown")]
        if conversation.direction is Direction.OUTBOUND
        else []
    )
    lines += [f"{_SPEAKERS.get(turn.role, 'Note')}: {' '.join(turn.text.split())}" for turn in conversation.turns]
    text = "\n".join(lines)
    if len(text) <= TRANSCRIPT_CHARS_MAX:
        return text
    return text[:_BEGINNING] + _GAP + text[_BEGINNING + len(_GAP) - TRANSCRIPT_CHARS_MAX :]
