"""What callers leave of a message who hang up, or are cut off, before it is taken."""

from collections.abc import Sequence

from callgenie.conversations.models import MESSAGE_CHARS_MAX, MESSAGE_NAME_CHARS_MAX, Conversation, NewMessage
from callgenie.voice import message_left
from callgenie.voice.ports import Message


def message_left_in(conversation: Conversation, *, is_asked_for: bool) -> NewMessage | None:
    """Return the message that was told in a conversation and not taken, or None; it has to come with all its turns.

    `is_asked_for` says that the greeting, whatever its words, asked for a message.
    """
    lines: Sequence[Message] = [Message(turn.role, turn.text) for turn in conversation.turns]
    left = message_left.message_left_in(lines, is_asked_for=is_asked_for)
    if left is None:
        return None
    return NewMessage(
        " ".join(left.text.split())[:MESSAGE_CHARS_MAX],
        left.name[:MESSAGE_NAME_CHARS_MAX],
        left.number or conversation.phone_number or "",
        is_confirmed=left.is_confirmed,
    )
