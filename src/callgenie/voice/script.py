"""What a call is about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import Knowledge
from callgenie.voice.tools import EndCall, Tool


@dataclass(frozen=True, slots=True)
class Recollection:
    """What is known of a caller from before; `voice.ports.Knowledge` has fields of the same names."""

    caller_name: str = ""
    memory: str = ""


async def no_recollection() -> Recollection:
    """Know nothing of the caller."""
    return Recollection()


@dataclass(frozen=True, slots=True)
class CallScript:
    """How this call is greeted, what is known, whose voice speaks, and how long it may last.

    Attributes:
        tools: What the assistant can do beside hanging up, which it always can.
        recall: Finds out what is known of the caller from before, while they are greeted. No answer waits for it, and
            it never raises.
    """

    greeting: str
    knowledge: Knowledge
    voice: str
    max_duration_seconds: int
    tools: tuple[Tool, ...] = ()
    recall: Callable[[], Awaitable[Recollection]] = no_recollection

    def all_tools(self) -> tuple[Tool, ...]:
        """Return everything that the assistant can do."""
        goodbye = phrases_for(self.knowledge).goodbye
        return (EndCall(goodbye, is_our_call=self.knowledge.is_our_call), *self.tools)
