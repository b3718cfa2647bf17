"""What a call is about."""

from dataclasses import dataclass

from callgenie.voice.phrases import phrases_for
from callgenie.voice.ports import Knowledge
from callgenie.voice.tools import EndCall, Tool


@dataclass(frozen=True, slots=True)
class CallScript:
    """How this call is greeted, what is known, whose voice speaks, and how long it may last.

    `tools` is what the assistant can do beside hanging up, which it always can.
    """

    greeting: str
    knowledge: Knowledge
    voice: str
    max_duration_seconds: int
    tools: tuple[Tool, ...] = ()

    def all_tools(self) -> tuple[Tool, ...]:
        """Return everything that the assistant can do."""
        return (EndCall(phrases_for(self.knowledge.language).goodbye), *self.tools)
