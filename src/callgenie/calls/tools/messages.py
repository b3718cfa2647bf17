"""Takes a message."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from callgenie.conversations.models import MESSAGE_CHARS_MAX, MESSAGE_NAME_CHARS_MAX, MESSAGES_MAX, NewMessage
from callgenie.voice.decisions import is_confirmed, takes_for_confirmed, takes_leave_now, was_told
from callgenie.voice.ports import Message, ToolSpec
from callgenie.voice.tool_names import TAKE_MESSAGE
from callgenie.voice.tools import ToolResult

# An extension has three digits. E.164 allows fifteen, and some people dial more before those.
_DIGITS_MIN: Final = 3
_DIGITS_MAX: Final = 20

_NOT_CONFIRMED: Final = (
    "Not kept yet. The caller has not heard the message with its name and number and agreed to it. Correct what they"
    " said is wrong, read it all back, ask whether that is right, and use this again once they agree."
)

TAKEN: Final = "Thank you, I will pass that on."


class TakeMessage:
    """Keeps what the caller wants to be passed on.

    Args:
        keep: Stores a message and has it mailed; returns whether there was room for it.
        caller_number: Where to call back when the caller names no other number.
    """

    spec: Final = ToolSpec(
        TAKE_MESSAGE,
        "Keep a message from the caller for the business. Ask what it is about and for the caller's name first, read"
        " both back, and use it once the caller has said that they are right.",
        {
            "type": "object",
            "properties": {
                "text": {"type": "string", "description": "The message, in the caller's words."},
                "name": {"type": "string", "description": "The caller's name, if it was told."},
                "number": {
                    "type": "string",
                    "description": "Where to call back, in digits. Leave it out for the number that the call is from.",
                },
            },
            "required": ["text"],
            "additionalProperties": False,
        },
    )
    has_effect: Final = True

    def __init__(self, keep: Callable[[NewMessage], Awaitable[bool]], caller_number: str | None) -> None:
        self._keep = keep
        self._caller_number = caller_number

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        """Keep the message, once the caller has heard it and agreed; the same one again is kept once.

        One that is not confirmed is refused as long as it can still be read back. If it never is, it is found in the
        conversation when the call ends, and kept as not confirmed.
        """
        text, name, told = (_line(arguments.get(key)) for key in ("text", "name", "number"))
        if not text:
            return ToolResult.error("There is no message yet. Ask the caller what to pass on.")
        number = _digits_of(told) if told else self._caller_number or ""
        if number is None:
            return ToolResult.error("That is no telephone number. Ask the caller for it again.")
        read_back = "" if number == self._caller_number else number
        is_right = is_confirmed(conversation, text=text, name=name, number=read_back)
        if not is_right and not was_told(conversation, text):
            return ToolResult.refusal("The caller has not said that. Take the message in the caller's own words.")
        if not is_right and not (takes_leave_now(conversation) or takes_for_confirmed(conversation)):
            return ToolResult.refusal(_NOT_CONFIRMED)
        kept = NewMessage(text[:MESSAGE_CHARS_MAX], name[:MESSAGE_NAME_CHARS_MAX], number, is_confirmed=is_right)
        if await self._keep(kept):
            return ToolResult(TAKEN)
        return ToolResult.error(f"A call can hold {MESSAGES_MAX} messages, and this one has them.")


def _line(value: object) -> str:
    # A lone half of a character, as a model may write it, can be stored nowhere.
    return " ".join(value.encode(errors="ignore").decode().split()) if isinstance(value, str) else ""


def _digits_of(told: str) -> str | None:
    digits = "".join(letter for letter in told if letter in "0123456789")
    if not _DIGITS_MIN <= len(digits) <= _DIGITS_MAX:
        return None
    return f"+{digits}" if told.startswith("+") else digits
