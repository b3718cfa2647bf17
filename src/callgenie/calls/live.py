"""The calls that run in this process."""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from callgenie.calls.desk import CallDesk
from callgenie.calls.followers import NO_FOLLOWER, CallFollower
from callgenie.calls.memory import CallerMemory
from callgenie.calls.models import AnsweredCall
from callgenie.calls.recorded import NOT_RECORDED, Recording
from callgenie.calls.running import RunningCall
from callgenie.calls.scripts import script_for
from callgenie.calls.tools.offered import tools_for
from callgenie.calls.watch import NOBODY, CallWatch
from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import SessionId
from callgenie.kernel.vocabulary import EndedReason, Fault
from callgenie.voice.announcement import announce
from callgenie.voice.catalogue import VoiceCatalogue
from callgenie.voice.guarded import on_provider_failure
from callgenie.voice.ports import AudioLink
from callgenie.voice.timings import Timings
from callgenie.voice.turn import SessionEnd

_log = structlog.get_logger(__name__)

DRAINING: Final = "calls.draining"
DRAINED: Final = "calls.drained"

# Of the time that a stopping server gives its calls, this much is for saying goodbye and settling.
_FAREWELL_SECONDS: Final = 12.0
_SETTLING_SECONDS: Final = 2.0


class LiveCalls:
    """Runs answered calls, knows which are running, and can let them all come to an end."""

    def __init__(
        self,
        desk: CallDesk,
        voices: VoiceCatalogue,
        clock: Clock,
        timings: Timings = Timings(),  # noqa: B008 - frozen
        watch: CallWatch = NOBODY,
        memory: CallerMemory | None = None,
        recording: Recording = NOT_RECORDED,
    ) -> None:
        self._memory = memory
        self._recording = recording
        self._watch = watch
        self._desk = desk
        self._voices = voices
        self._clock = clock
        self._timings = timings
        self._running: dict[SessionId, RunningCall] = {}
        self._draining = False
        self._held = 0
        self._none_held = asyncio.Event()
        self._none_held.set()

    @property
    def count(self) -> int:
        """How many calls are running."""
        return len(self._running)

    @property
    def is_draining(self) -> bool:
        """Whether the server is about to stop, so that new calls should go elsewhere."""
        return self._draining

    async def run(
        self,
        answered: AnsweredCall,
        link: AudioLink,
        follower: CallFollower = NO_FOLLOWER,
        *,
        lead_ms: int | None = None,
    ) -> SessionEnd:
        """Hold an answered call until it is over and settled, and its recording written; return how it ended.

        `follower` is told what is said. `lead_ms` is how far ahead of the ear the link has to be sent to, where it
        needs more than others.
        """
        self._held += 1
        self._none_held.clear()
        try:
            async with self._recording.recorded(answered, link) as line:
                return await self._hold(answered, line, follower, lead_ms)
        finally:
            self._held -= 1
            if not self._held:
                self._none_held.set()

    async def _hold(
        self, answered: AnsweredCall, link: AudioLink, follower: CallFollower, lead_ms: int | None
    ) -> SessionEnd:
        chosen = answered.profile.preferences
        recorded = self._recording.wants(answered.profile.business)
        script = script_for(answered, self._clock.now(), self._memory, recorded=recorded)
        call = RunningCall(
            answered,
            link,
            replace(script, tools=tools_for(answered, link, self._desk, self._clock)),
            desk=self._desk,
            providers=self._voices.choose(voice=chosen.voice_model, model=chosen.ai_model),
            clock=self._clock,
            timings=self._timings.ahead(lead_ms),
            follower=follower,
        )
        if self._draining:
            call.shut_down()
        self._running[answered.session_id] = call
        listening = on_provider_failure.set(self._watch.provider_failed)
        try:
            return await call.run()
        finally:
            on_provider_failure.reset(listening)
            del self._running[answered.session_id]

    async def turn_away(self, link: AudioLink, sentence: str, *, lead_ms: int | None = None) -> None:
        """Tell a caller on an open link why the call cannot be taken, and hang up."""
        timings = self._timings.ahead(lead_ms)
        await announce(link, self._voices.announcer, sentence, clock=self._clock, timings=timings)

    def hang_up(self, session_id: SessionId, reason: EndedReason, fault: Fault) -> bool:
        """End one call at once; tell whether it runs here."""
        call = self._running.get(session_id)
        if call is not None:
            call.hang_up(reason, fault)
        return call is not None

    async def drain(self, seconds: float) -> None:
        """Let running calls finish for at most `seconds`; near their end, say goodbye and hang up."""
        self._draining = True
        _log.info(DRAINING, calls=self.count, seconds=seconds)
        farewell = min(_FAREWELL_SECONDS, seconds / 2)
        if not await self._all_gone(seconds - farewell):
            for call in self._running.values():
                call.shut_down()
        if not await self._all_gone(max(0.0, farewell - _SETTLING_SECONDS)):
            for call in self._running.values():
                call.hang_up(EndedReason.SERVER_SHUTDOWN, Fault.PLATFORM)
        await self._all_gone(_SETTLING_SECONDS)
        _log.info(DRAINED, calls_left=self.count)

    async def _all_gone(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._none_held.wait()
        except TimeoutError:
            return False
        return True
