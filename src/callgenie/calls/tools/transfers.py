"""Hands the caller on to a person."""

from collections.abc import Mapping
from typing import Any, Final

from callgenie.calls.desk import CallDesk
from callgenie.calls.models import AnsweredCall
from callgenie.kernel.vocabulary import EndedReason
from callgenie.voice.ports import ToolSpec
from callgenie.voice.tools import NO_ARGUMENTS, TRANSFER_CALL, Departure, ToolResult

_WORDS: Final = "I will connect you now. One moment, please."


class TransferCall:
    """Decides that the caller is handed on; the carrier does it once we have let go of the line."""

    spec: Final = ToolSpec(
        TRANSFER_CALL,
        "Connect the caller with a person of the business. Only when the caller asks for one, or needs one.",
        NO_ARGUMENTS,
    )
    has_effect: Final = True

    def __init__(self, desk: CallDesk, call: AnsweredCall, to: str) -> None:
        self._desk = desk
        self._call = call
        self._to = to

    async def run(self, arguments: Mapping[str, Any]) -> ToolResult:
        """Write the decision down; then the call ends, after the caller has heard so."""
        del arguments
        if await self._desk.request_transfer(self._call, self._to):
            return ToolResult("The caller is being connected.", Departure(EndedReason.TRANSFERRED, _WORDS))
        return ToolResult.error("Nobody can be reached now. Offer to take a message.")
