"""Which calls are recorded, and the tap on their line: all goes through it unchanged, and the recorder hears it."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final, Protocol

from callgenie.calls.models import AnsweredCall
from callgenie.kernel.cancellation import complete
from callgenie.kernel.clock import Clock
from callgenie.profiles.models import Business
from callgenie.recordings.models import Label
from callgenie.recordings.recorder import CallRecorder
from callgenie.recordings.spill import SpillFolder
from callgenie.recordings.store import RecordingStates
from callgenie.recordings.watch import NOBODY, RecordingWatch
from callgenie.voice.ports import AudioLink, AudioReceived, LinkClosed, LinkEvent


class Recorders:
    """Records the calls whose owners want it."""

    def __init__(
        self,
        *,
        spill: SpillFolder,
        states: RecordingStates,
        threads: Executor,
        clock: Clock,
        keep_days: int,
        watch: RecordingWatch = NOBODY,
    ) -> None:
        self._spill = spill
        self._states = states
        self._threads = threads
        self._clock = clock
        self._keep_days = keep_days
        self._watch = watch

    def wants(self, business: Business) -> bool:
        """Tell whether the business's calls are to be recorded, and their callers to be told so."""
        return business.record_calls

    @asynccontextmanager
    async def recorded(self, call: AnsweredCall, link: AudioLink) -> AsyncIterator[AudioLink]:
        """Yield the line to hold the call over; after the block the recording is on the disk, if there is one."""
        if not self.wants(call.profile.business):
            yield link
            return
        label = Label(
            call.user_id,
            call.session_id,
            call.answered_at,
            link.sample_rate,
            keep_days=call.profile.business.recording_days or self._keep_days,
        )
        recorder = CallRecorder(
            label,
            spill=self._spill,
            states=self._states,
            threads=self._threads,
            clock=self._clock,
            watch=self._watch,
        )
        writing = asyncio.create_task(recorder.run(), name="recording")
        try:
            yield RecordedLink(link, recorder)
        finally:
            recorder.hung_up()
            # Bounded by the recorder itself. A server that stops waits for what it can save in that time.
            await complete(_end_of(writing))


async def _end_of(task: "asyncio.Task[None]") -> None:
    await task


class RecordedLink:
    """Implements `voice.ports.AudioLink` over another one."""

    def __init__(self, link: AudioLink, recorder: CallRecorder) -> None:
        self._link = link
        self._recorder = recorder

    @property
    def sample_rate(self) -> int:
        """Samples a second, both ways."""
        return self._link.sample_rate

    @property
    def can_transfer(self) -> bool:
        """Whether the carrier can put the caller through to somebody else."""
        return self._link.can_transfer

    async def events(self) -> AsyncIterator[LinkEvent]:
        """Yield what the carrier sends; `LinkClosed` is the last and always comes."""
        async for event in self._link.events():
            if isinstance(event, AudioReceived):
                self._recorder.caller_said(event.pcm)
            elif isinstance(event, LinkClosed):
                self._recorder.hung_up()
            yield event

    async def send_audio(self, pcm: bytes) -> None:
        """Hand audio to the carrier, which plays it after what it already has. A closed link ignores it."""
        self._recorder.we_sent(pcm)
        await self._link.send_audio(pcm)

    async def send_mark(self, name: str) -> None:
        """Ask to be told when everything sent so far was played."""
        await self._link.send_mark(name)

    async def clear(self) -> None:
        """Throw away what the carrier has not played yet."""
        self._recorder.cleared()
        await self._link.clear()

    async def close(self) -> None:
        """Hang up. Closing twice is harmless."""
        self._recorder.hung_up()
        await self._link.close()


class Recording(Protocol):
    """What the running calls ask; `Recorders` is one."""

    def wants(self, business: Business) -> bool:
        """Tell whether the business's calls are to be recorded, and their callers to be told so."""
        ...

    def recorded(self, call: AnsweredCall, link: AudioLink) -> AbstractAsyncContextManager[AudioLink]:
        """Give the line to hold the call over."""
        ...


class _Nothing:
    def wants(self, business: Business) -> bool:
        del business
        return False

    @asynccontextmanager
    async def recorded(self, call: AnsweredCall, link: AudioLink) -> AsyncIterator[AudioLink]:
        del call
        yield link


NOT_RECORDED: Final = _Nothing()
