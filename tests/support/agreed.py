"""Conversations in which a caller has agreed to a message, for tests of what keeps one."""

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.message_draft import IS_IT_RIGHT
from callgenie.voice.ports import Message


def agreed(
    text: object, name: object = "", number: object = "", *, answer: str = "Yes, that is right."
) -> list[Message]:
    """Return what was said when a caller told a message, heard it read back, and said `answer`."""
    read_back = f"I will pass on: {text}. From {name}. Number {number}. {IS_IT_RIGHT}"
    return [
        Message(TurnRole.USER, str(text)),
        Message(TurnRole.ASSISTANT, read_back),
        Message(TurnRole.USER, answer),
    ]
