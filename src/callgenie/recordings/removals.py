"""Removes recordings: those whose days are over, those of deleted conversations, and all that an erased user had."""

from typing import Final

import structlog

from callgenie.kernel.ids import UserId
from callgenie.kernel.vocabulary import RecordingState
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.store import DueRecording, RecordingStates

_log = structlog.get_logger(__name__)

RECORDING_REMOVED: Final = "recording.removed"
RECORDING_LOST: Final = "recording.lost"

# One look takes this many; the round goes on until a look finds fewer.
BATCH_MAX: Final = 200


class Removals:
    """Every worker removes, all at once: what one has removed, the other finds gone."""

    def __init__(self, store: ObjectStore, states: RecordingStates) -> None:
        self._store = store
        self._states = states

    async def round(self) -> None:
        """Take the next step of every recording for which it is due.

        Raises:
            UnavailableError: The store or the database is away.
        """
        while True:
            due = await self._states.find_due_of_any_user(BATCH_MAX)
            for each in due:
                await self._proceed(each)
            if len(due) < BATCH_MAX:
                return

    async def erase(self, user_id: UserId) -> int:
        """Delete everything that is kept under the user's keys; return how many recordings that were.

        Raises:
            RecordingStoreUnavailableError: Not everything could be deleted; ask again.
        """
        keys = [found.key async for found in self._store.under(user_id)]
        for key in keys:
            await self._store.delete(key)
        return len(keys)

    async def _proceed(self, due: DueRecording) -> None:
        if due.recording.state is RecordingState.RECORDING:
            _log.warning(RECORDING_LOST, conversation_id=str(due.conversation_id))
            await self._states.mark_lost(due)
            return
        # The store first: what the record does not name any more nobody would look for.
        if due.recording.key is not None:
            await self._store.delete(due.recording.key)
        await self._states.mark_removed(due)
        _log.info(RECORDING_REMOVED, conversation_id=str(due.conversation_id))
