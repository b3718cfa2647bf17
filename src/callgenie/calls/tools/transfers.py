"""Hands the caller on to a person."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from callgenie.kernel.vocabulary import EndedReason
from callgenie.voice.decisions import may_transfer
from callgenie.voice.ports import Message, ToolSpec
from callgenie.voice.tool_names import TRANSFER_CALL
from callgenie.voice.tools import NO_ARGUMENTS, Departure, ToolResult

_NOT_ASKED_FOR: Final = (
    "The caller has not asked for a person. Ask whether you should put them through; use this once they agree."
)
_WORDS: Final = "I will connect you now. One moment, please."


class TransferCall:
    """Decides that the caller is handed on; the carrier does it once we have let go of the line.

    `request` stores the decision; it returns False where the call cannot be transferred any more.
    """

    spec: Final = ToolSpec(
        TRANSFER_CALL,
        "Connect the caller with a person of the business. Only when the caller asks for one, or needs one.",
        NO_ARGUMENTS,
    )
    has_effect: Final = True

    def __init__(self, request: Callable[[], Awaitable[bool]]) -> None:
        self._request = request

    async def run(self, arguments: Mapping[str, Any], conversation: Sequence[Message]) -> ToolResult:
        """Write the decision down; then the call ends, after the caller has heard so."""
        del arguments
        if not may_transfer(conversation):
            return ToolResult.refusal(_NOT_ASKED_FOR)
        if await self._request():
            return ToolResult("The caller is being connected.", Departure(EndedReason.TRANSFERRED, _WORDS))
        return ToolResult.error("Nobody can be reached now. Offer to take a message.")
