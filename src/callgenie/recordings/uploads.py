"""Brings recordings from the local disk to the object store, and keeps trying while that is away.

Every step can be repeated: the key is the call's, and what stands in the record is set, not added to. So whoever dies
in between, the recording is still on the disk without a lock, and the next round of any process here goes on.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final, TypeVar

import structlog

from callgenie.kernel.errors import UnavailableError
from callgenie.kernel.vocabulary import RecordingFault
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.spill import SpilledRecording, SpillFolder
from callgenie.recordings.store import RecordingStates
from callgenie.recordings.watch import NOBODY, RecordingWatch

_log = structlog.get_logger(__name__)

RECORDING_STORED: Final = "recording.stored"
RECORDING_FAILED: Final = "recording.failed"
RECORDING_UNWANTED: Final = "recording.unwanted"
UPLOAD_FAILED: Final = "recording.upload_failed"

T = TypeVar("T")


class Uploads:
    """Stores what waits on this machine."""

    def __init__(
        self,
        spill: SpillFolder,
        store: ObjectStore,
        states: RecordingStates,
        threads: Executor,
        watch: RecordingWatch = NOBODY,
    ) -> None:
        self._spill = spill
        self._store = store
        self._states = states
        self._threads = threads
        self._watch = watch
        self._claiming: asyncio.Future[SpilledRecording | None] | None = None
        self.waiting = 0
        """How many waited after the last round, by this process's look."""

    async def round(self) -> None:
        """Store everything that waits; one that fails does not keep the others waiting.

        One round at a time. Cancelled, it lets go of what it holds, so that the last round before the end finds it.

        Raises:
            UnavailableError: The store or the database is away; what is left waits for the next round.
        """
        if self._claiming is not None:
            # A round that was cancelled has left a thread that claims one, and lets go of it at once.
            await asyncio.wait({self._claiming})
        names = await self._in_thread(self._spill.names)
        left = len(names)
        try:
            for name in names:
                found = await self._claim(name)
                # What somebody else holds is being written or stored, and does not wait.
                left -= found is None or await self._store_one(found)
        finally:
            self.waiting = left

    async def _claim(self, name: str) -> SpilledRecording | None:
        claiming = self._in_thread(lambda: self._spill.claim(name))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            # The thread goes on, and nobody waits for what it claims.
            self._claiming = claiming
            claiming.add_done_callback(_let_go)
            raise

    async def _store_one(self, found: SpilledRecording) -> bool:
        done = False
        try:
            done = await self._brought(found)
        except UnavailableError:
            self._watch.upload_failed()
            raise
        except Exception:  # noqa: BLE001 - whatever is wrong with one recording, the others are still to be stored
            _log.exception(UPLOAD_FAILED, session_id=found.label.session_id)
            self._watch.upload_failed()
        finally:
            if not done:
                # Here, and in no thread: whoever is cancelled waits for nothing more.
                found.leave()
        if done:
            await asyncio.shield(self._in_thread(found.remove))
        return done

    async def _brought(self, found: SpilledRecording) -> bool:
        label = found.label
        if not await self._states.is_wanted(label):
            # The conversation was deleted, or the account with all that was in it. A round before may have brought it
            # to the store, and died or lost the database before it could say so: nobody else knows of that.
            await self._store.delete(label.key)
            _log.info(RECORDING_UNWANTED, session_id=label.session_id)
            return True
        if found.samples == 0:
            await self._states.fail(label, label.fault or RecordingFault.LOST)
            self._watch.recording_failed(label.fault or RecordingFault.LOST)
            _log.warning(RECORDING_FAILED, session_id=label.session_id, fault=label.fault)
            return True
        size = await self._in_thread(lambda: found.bytes)
        await self._store.put(label.key, found.sound)
        seconds = -(-found.samples // label.sample_rate)
        if await self._states.store(label, seconds=seconds, size_bytes=size):
            self._watch.recording_stored(size)
            _log.info(RECORDING_STORED, session_id=label.session_id, bytes=size)
        else:
            # It was deleted while it was on its way.
            await self._store.delete(label.key)
            _log.info(RECORDING_UNWANTED, session_id=label.session_id)
        return True

    def _in_thread(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        return asyncio.get_running_loop().run_in_executor(self._threads, work)


def _let_go(claiming: "asyncio.Future[SpilledRecording | None]") -> None:
    found = None if claiming.cancelled() or claiming.exception() is not None else claiming.result()
    if found is not None:
        found.leave()
