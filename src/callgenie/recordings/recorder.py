"""Records one call: takes both sides as they come, without waiting, and writes them to the disk in a task of its own.

Nothing of it reaches the call. A disk that is full, slow or gone ends the recording, which says why; the call goes on.
"""

import asyncio
import errno
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Final, TypeVar

import structlog

from callgenie.kernel.clock import Clock
from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.vocabulary import RecordingFault
from callgenie.recordings.models import Label
from callgenie.recordings.spill import SpillFolder, SpillWriter
from callgenie.recordings.store import RecordingStates
from callgenie.recordings.two_sides import TwoSides
from callgenie.recordings.watch import NOBODY, RecordingWatch

_log = structlog.get_logger(__name__)

RECORDING_GIVEN_UP: Final = "recording.given_up"
RECORDING_UNNOTED: Final = "recording.unnoted"

_WRITE_EVERY_SECONDS: Final = 1.0

# What is this far back is not changed by anything any more: a late piece of the caller's has come by then.
_MARGIN_SECONDS: Final = 0.5

# A disk that takes longer for a second of sound is given up. Until then the sound waits in memory, which bounds it:
# with the database's five seconds at the beginning, a quarter of a minute of it is half a megabyte.
_DISK_SECONDS_MAX: Final = 10.0

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}

T = TypeVar("T")


class CallRecorder:
    """Runs once, beside its call."""

    def __init__(
        self,
        label: Label,
        *,
        spill: SpillFolder,
        states: RecordingStates,
        threads: Executor,
        clock: Clock,
        watch: RecordingWatch = NOBODY,
    ) -> None:
        self._label = label
        self._spill = spill
        self._states = states
        self._threads = threads
        self._clock = clock
        self._watch = watch
        self._began = clock.monotonic()
        self._ended: float | None = None
        self._over = asyncio.Event()
        self._sides: TwoSides | None = TwoSides(label.sample_rate)

    # What the call tells; none of these waits or fails

    def caller_said(self, pcm: bytes) -> None:
        """Take what came from the caller just now."""
        if self._sides is not None and not self._over.is_set():
            self._sides.caller_said(pcm, self._elapsed())

    def we_sent(self, pcm: bytes) -> None:
        """Take what was handed to the carrier just now."""
        if self._sides is not None and not self._over.is_set():
            self._sides.we_sent(pcm, self._elapsed())

    def cleared(self) -> None:
        """Note that the carrier was told to throw away what it had not played."""
        if self._sides is not None:
            self._sides.cleared(self._elapsed())

    def hung_up(self) -> None:
        """Note that the line is dead; the first time counts."""
        if not self._over.is_set():
            self._ended = self._elapsed()
            self._over.set()

    # The task

    async def run(self) -> None:
        """Write until the line is dead; whatever goes wrong ends the recording, not the call."""
        try:
            fault = await self._record()
        except Exception:  # noqa: BLE001 - a mistake of ours, which is no reason for the call to end
            _log.exception(RECORDING_GIVEN_UP, session_id=self._label.session_id)
            fault = RecordingFault.INTERNAL_ERROR
        self._sides = None
        if fault is not None:
            _log.warning(RECORDING_GIVEN_UP, session_id=self._label.session_id, fault=fault)
            self._watch.recording_failed(fault)

    async def _record(self) -> RecordingFault | None:
        try:
            writer = await self._on_disk(lambda: self._spill.begin(self._label))
        except OSError as error:
            # There is not even a label that could tell it later.
            refused = _fault_of(error)
            await self._note(self._states.fail(self._label, refused))
            return refused
        fault: RecordingFault | None = RecordingFault.INTERNAL_ERROR
        try:
            await self._note(self._states.begin(self._label))
            fault = await self._written(writer)
        finally:
            # Behind whatever the disk is still at, so this process never holds a recording for ever.
            closing = self._threads.submit(writer.close, fault)
        if fault is None:
            async with asyncio.timeout(_DISK_SECONDS_MAX):
                await asyncio.wrap_future(closing)
        return fault

    async def _written(self, writer: SpillWriter) -> RecordingFault | None:
        """Write to the end of the call; return what ended it before."""
        try:
            while not self._over.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_WRITE_EVERY_SECONDS):
                        await self._over.wait()
                await self._write_until_now(writer)
        except OSError as error:
            return _fault_of(error)
        return None

    async def _write_until_now(self, writer: SpillWriter) -> None:
        sides = self._sides
        assert sides is not None  # noqa: S101 - only `run` lets go of them, at its end
        if self._ended is not None:
            caller, ours = sides.take_rest(self._ended)
        else:
            caller, ours = sides.take(self._elapsed() - _MARGIN_SECONDS)
        if caller:
            await self._on_disk(lambda: writer.write(caller, ours))

    async def _on_disk(self, work: Callable[[], T]) -> T:
        """Let a thread do it.

        Raises:
            OSError: The disk refuses, or takes too long (`TimeoutError`).
        """
        async with asyncio.timeout(_DISK_SECONDS_MAX):
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _note(self, noting: Awaitable[object]) -> None:
        """Keep how it stands, if the database takes it; what is on the disk says it once more when it is stored."""
        try:
            await noting
        except UnavailableError:
            _log.warning(RECORDING_UNNOTED, session_id=self._label.session_id)

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._began


def _fault_of(error: OSError) -> RecordingFault:
    if isinstance(error, TimeoutError):
        return RecordingFault.DISK_TOO_SLOW
    return RecordingFault.DISK_FULL if error.errno in _FULL else RecordingFault.DISK_ERROR
