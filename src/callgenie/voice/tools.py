"""What the assistant can do beside speaking, and the careful doing of it.

A tool that fails, hangs or was asked for nonsense gives the model a sentence and never ends the call. One that has an
effect is brought to its end whatever the caller does meanwhile, and is not run twice for the same wish.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, Self

import structlog

from callgenie.kernel.vocabulary import EndedReason, Outcome
from callgenie.voice.decisions import may_end
from callgenie.voice.ports import Message, ToolCall, ToolSpec
from callgenie.voice.tool_names import BUSINESS_HOURS, END_CALL, ERROR, TAKE_MESSAGE, TRANSFER_CALL, is_error

_log = structlog.get_logger(__name__)

TOOL_FAILED: Final = "voice.tool_failed"


# The result for the caller of an answer that used the tool, where the model itself reports none, as hosted ones.
OUTCOMES: Final[Mapping[str, Outcome]] = {
    END_CALL: Outcome.GOODBYE,
    TAKE_MESSAGE: Outcome.MESSAGE,
    TRANSFER_CALL: Outcome.PERSON,
    BUSINESS_HOURS: Outcome.HOURS,
}

# A model that needs more than these for one answer is going in circles; then it has to answer with what it has.
ROUNDS_MAX: Final = 4
CALLS_A_ROUND_MAX: Final = 4

_REFUSED: Final = "Error: Refused. "

_RESULT_CHARS_MAX: Final = 2_000
_ARGUMENTS_CHARS_MAX: Final = 8_000

# Nobody leaves twenty messages in one call; a model that thinks so is stuck.
_EFFECTS_MAX: Final = 20

NO_ARGUMENTS: Final[Mapping[str, Any]] = {"type": "object", "properties": {}, "additionalProperties": False}


def is_refusal(text: str) -> bool:
    """Tell whether a tool's result says that it was not tried, since nobody wants it or there is no such tool."""
    return text.startswith(_REFUSED)


def use_in_words(call: ToolCall, result: str) -> str:
    """Return how the use of a tool is told as a turn."""
    arguments = json.dumps(dict(call.arguments), ensure_ascii=False, default=str)
    return f"{call.name} {arguments}: {result}"


def was_done(name: str, words: str) -> bool:
    """Tell whether a turn is the use of the tool of that name, and what it was asked for was done."""
    used = _use_in(words)
    return used is not None and used[0] == name and not is_error(used[2])


def asked_in_vain(name: str, words: str) -> Mapping[str, Any] | None:
    """Return the arguments of a turn that is the use of the tool of that name and failed; None for others."""
    used = _use_in(words)
    return used[1] if used is not None and used[0] == name and is_error(used[2]) else None


def _use_in(words: str) -> tuple[str, Mapping[str, Any], str] | None:
    """Return the tool, the arguments and the result that `use_in_words` has put into words."""
    tool, _, rest = words.partition(" ")
    try:
        arguments, end = json.JSONDecoder().raw_decode(rest)
    except ValueError:
        return None  # shortened within the arguments, so nobody knows
    if not isinstance(arguments, dict) or not rest.startswith(": ", end):
        return None
    return tool, arguments, rest[end + 2 :]


@dataclass(frozen=True, slots=True)
class Departure:
    """How a tool ends the call: why, and what is said last unless the model has said something itself."""

    reason: EndedReason
    words: str


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of it, in a sentence that may be spoken as it stands."""

    text: str
    departure: Departure | None = None

    @classmethod
    def error(cls, sentence: str) -> Self:
        """Say why it was not done, and what to do instead."""
        return cls(ERROR + sentence)

    @classmethod
    def refusal(cls, sentence: str) -> Self:
        """Say why it was not tried, and what to do instead."""
        return cls(_REFUSED + sentence)

    @property
    def failed(self) -> bool:
        """Whether it was not done."""
        return is_error(self.text)


class Tool(Protocol):
    """Something that a model may ask for; one object serves one call."""

    @property
    def spec(self) -> ToolSpec:
        """What the model is told of it."""
        ...

    @property
    def has_effect(self) -> bool:
        """Whether running it changes anything; asking a question does not."""
        ...

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        """Do it. The arguments come from a model: anything may be in them. May raise whatever goes wrong.

        `conversation` is what was said and done so far; it shows whether the caller wants it done.
        """
        ...


class EndCall:
    """Lets the model hang up, once its goodbye was heard and the caller has taken leave.

    Args:
        words: Said last, unless the model has said something itself.
        is_our_call: We have called, and may end what we have begun.
    """

    spec: Final = ToolSpec(
        END_CALL, "Hang up. Only when the caller has nothing more to say; say goodbye first.", NO_ARGUMENTS
    )
    has_effect: Final = False

    def __init__(self, words: str, *, is_our_call: bool = False) -> None:
        self._departure = Departure(EndedReason.ASSISTANT_HANGUP, words)
        self._is_our_call = is_our_call

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        """End the call."""
        del arguments
        if not may_end(conversation, is_our_call=self._is_our_call):
            return ToolResult.refusal("The caller has not said goodbye. Answer what they said last.")
        return ToolResult("The call ends now.", self._departure)


class Toolbox:
    """One call's tools.

    What has an effect runs in a task of its own, which lives as long as it needs (bounded) and not as long as the
    answer that asked for it. `on_effect` hears of it when it is over.
    """

    def __init__(
        self,
        tools: Sequence[Tool],
        *,
        timeout_ms: int,
        spawn: Callable[[Coroutine[Any, Any, ToolResult]], asyncio.Task[ToolResult]],
        on_effect: Callable[[ToolCall, ToolResult], None],
    ) -> None:
        self._tools = {tool.spec.name: tool for tool in tools}
        self._timeout = timeout_ms / 1000
        self._spawn = spawn
        self._on_effect = on_effect
        self._effects: dict[str, asyncio.Task[ToolResult]] = {}

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """What the model is told."""
        return tuple(tool.spec for tool in self._tools.values())

    def has_effect(self, name: str) -> bool:
        """Tell whether a tool of that name is there and changes anything."""
        return name in self._tools and self._tools[name].has_effect

    async def run(self, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        """Return what came of it; never raises for what a tool or a model did wrong."""
        tool = self._tools.get(call.name)
        if tool is None:
            return ToolResult.refusal("There is no tool of that name.")
        wish = _wish(call)
        if len(wish) > _ARGUMENTS_CHARS_MAX:
            return ToolResult.error("That is too long. Say it in fewer words.")
        if not tool.has_effect:
            return await self._attempt(tool, call, conversation)
        begun = self._effects.get(wish)
        if begun is None or (begun.done() and begun.result().failed):
            if len(self._effects) >= _EFFECTS_MAX and begun is None:
                return ToolResult.error("That was done too often in this call.")
            begun = self._effects[wish] = self._spawn(self._carry_out(tool, call, conversation))
        return await asyncio.shield(begun)

    async def settled(self) -> None:
        """Wait until nothing runs that has an effect, which is never long."""
        running = [task for task in self._effects.values() if not task.done()]
        if running:
            await asyncio.wait(running)

    async def _carry_out(self, tool: Tool, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        result = await self._attempt(tool, call, conversation)
        self._on_effect(call, result)
        return result

    async def _attempt(self, tool: Tool, call: ToolCall, conversation: Sequence[Message]) -> ToolResult:
        try:
            async with asyncio.timeout(self._timeout):
                result = await tool.run(call.arguments, conversation)
        except TimeoutError:
            _log.warning(TOOL_FAILED, tool=call.name, reason="timeout")
            return ToolResult.error("It took too long, so it is not known whether it was done. Try once more.")
        except Exception:  # noqa: BLE001 - whatever it was, the caller is still on the line
            _log.exception(TOOL_FAILED, tool=call.name)
            return ToolResult.error("It cannot be done right now.")
        return ToolResult(result.text[:_RESULT_CHARS_MAX], result.departure)


def _wish(call: ToolCall) -> str:
    return json.dumps([call.name, call.arguments], sort_keys=True, default=str)
