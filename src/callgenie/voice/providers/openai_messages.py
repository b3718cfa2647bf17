"""Puts a conversation and its tools into the words of the chat completions interface, and reads them from it.

Source: OpenAI API reference, "Create chat completion" and "The chat completion chunk object".
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from callgenie.kernel.vocabulary import TurnRole
from callgenie.voice.model_output.arguments import UnreadableArgumentsError, read_arguments
from callgenie.voice.ports import Message, ToolCall, ToolSpec

_ROLES: Final = {
    TurnRole.USER: "user",
    TurnRole.ASSISTANT: "assistant",
    TurnRole.SYSTEM: "system",
    TurnRole.TOOL: "tool",
}

# More than any sensible answer asks for; what follows is a model that lost its way.
_CALLS_MAX: Final = 8
_ARGUMENT_CHARACTERS_MAX: Final = 16_000


class MalformedCallError(ValueError):
    """A request for a tool is not in the interface's form."""


def as_chat(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages as the interface wants them.

    It refuses a request for a tool without its result and a result without its request, as an interruption or the
    conversation's bounded memory leaves them behind; such halves are left out.
    """
    asked = {call.id for message in messages for call in message.tool_calls}
    told = {message.tool_call_id for message in messages if message.role is TurnRole.TOOL}
    chat = []
    for message in messages:
        shaped: dict[str, Any] = {"role": _ROLES[message.role], "content": message.text}
        calls = [call for call in message.tool_calls if call.id in told]
        if message.role is TurnRole.TOOL:
            if message.tool_call_id not in asked:
                continue
            shaped["tool_call_id"] = message.tool_call_id
        elif calls:
            shaped["tool_calls"] = [_as_call(call) for call in calls]
        elif message.role is TurnRole.ASSISTANT and not message.text:
            continue
        chat.append(shaped)
    return chat


def as_tools(tools: Sequence[ToolSpec]) -> list[dict[str, Any]]:
    """Return the tools as the interface wants them."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


def _as_call(call: ToolCall) -> dict[str, Any]:
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False)
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


@dataclass(slots=True)
class _Part:
    index: int
    id: str
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class CallsInProgress:
    """Puts requests for tools together, which come in pieces."""

    _parts: list[_Part] = field(default_factory=list)

    def add(self, pieces: Any) -> None:
        """Take the `tool_calls` of one chunk; of more calls than any sensible answer makes, the first ones.

        Raises:
            MalformedCallError: They are not what the interface promises, or too long.
        """
        for piece in pieces if isinstance(pieces, list) else ():
            function = piece.get("function") if isinstance(piece, dict) else None
            if not isinstance(function, dict):
                raise MalformedCallError
            part = self._part(piece.get("index"), piece.get("id"))
            if part is None:
                continue
            name, arguments = function.get("name"), function.get("arguments")
            # Some servers send the whole name with each piece.
            if isinstance(name, str) and name != part.name:
                part.name += name
            if isinstance(arguments, (dict, list)):
                arguments = json.dumps(arguments)
            part.arguments += arguments if isinstance(arguments, str) else ""
            if len(part.arguments) > _ARGUMENT_CHARACTERS_MAX:
                raise MalformedCallError

    def whole(self) -> tuple[list[ToolCall], list[ToolCall]]:
        """Return the requests, put together, and those of which the arguments cannot be read, without arguments."""
        calls: list[ToolCall] = []
        unreadable: list[ToolCall] = []
        for part in self._parts:
            if not part.name:
                continue
            try:
                calls.append(ToolCall(part.name, read_arguments(part.arguments), part.id))
            except UnreadableArgumentsError:
                unreadable.append(ToolCall(part.name, {}, part.id))
        return calls, unreadable

    def _part(self, index: Any, call_id: Any) -> _Part | None:
        # Some servers count every request as the first one, or none at all; then another id is another request.
        at = index if isinstance(index, int) else 0
        for part in reversed(self._parts):
            if part.index == at and (not call_id or part.id == call_id):
                return part
        if len(self._parts) >= _CALLS_MAX:
            return None
        part = _Part(at, str(call_id or f"call_{len(self._parts)}"))
        self._parts.append(part)
        return part
