"""What a call is about."""

from dataclasses import dataclass

from callgenie.voice.ports import Knowledge


@dataclass(frozen=True, slots=True)
class CallScript:
    """How this call is greeted, what is known, whose voice speaks, and how long it may last."""

    greeting: str
    knowledge: Knowledge
    voice: str
    max_duration_seconds: int
