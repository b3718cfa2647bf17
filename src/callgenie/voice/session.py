"""One call: the caller's link joined with what hears, thinks and speaks."""

import asyncio
from dataclasses import dataclass
from typing import Protocol

from callgenie.kernel.clock import Clock
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.ports import AudioLink, Knowledge, LinkClosed, VoiceProviders
from callgenie.voice.timings import Timings
from callgenie.voice.turn import SessionEnd, Turn


@dataclass(frozen=True, slots=True)
class CallScript:
    """What this call is about: how it is greeted, what is known, whose voice speaks, and how long it may last."""

    greeting: str
    knowledge: Knowledge
    voice: str
    max_duration_seconds: int


class SessionListener(Protocol):
    """Who wants to know what is said."""

    async def turn_finished(self, turn: Turn) -> None:
        """Take one finished turn; they come in order, one at a time, and never hold up the audio."""
        ...


class CallSession:
    """Talks with one caller until one of the two hangs up."""

    def __init__(
        self,
        link: AudioLink,
        providers: VoiceProviders,
        script: CallScript,
        listener: SessionListener,
        clock: Clock,
        timings: Timings = Timings(),  # noqa: B008 - frozen
    ) -> None:
        self._link = link
        self._providers = providers
        self._script = script
        self._listener = listener
        self._clock = clock
        self._timings = timings
        self._end: asyncio.Future[SessionEnd] | None = None

    async def run(self) -> SessionEnd:
        """Hold the call; return how it came to its end. Nothing the caller, link or a provider does makes it raise."""
        self._end = asyncio.get_running_loop().create_future()
        async for event in self._link.events():
            if isinstance(event, LinkClosed):
                self.hang_up(EndedReason.CALLER_HANGUP, Fault.NONE)
            if self._end.done():
                break
        await self._link.close()
        return await self._end

    def say(self, text: str) -> None:
        """Speak an announcement at the next gap."""

    def finish(self, text: str | None, reason: EndedReason, fault: Fault) -> None:
        """Say `text`, wait until it was heard (bounded), and hang up."""
        del text
        self.hang_up(reason, fault)

    def hang_up(self, reason: EndedReason, fault: Fault) -> None:
        """Hang up at once."""
        if self._end is not None and not self._end.done():
            self._end.set_result(SessionEnd(reason, fault))
