"""Finds what a link leads to."""

from collections.abc import AsyncIterator
from typing import Final

from callgenie.http.ranges import Playable
from callgenie.kernel.ids import SessionId, UserId
from callgenie.recordings.errors import RecordingNotFoundError
from callgenie.recordings.links import RecordingLinks
from callgenie.recordings.object_store import ObjectStore
from callgenie.recordings.store import RecordingStates

WAV: Final = "audio/wav"


class Player:
    """Opens recordings for whoever holds a link. The bytes go through us, so that no bucket has to be public."""

    def __init__(self, links: RecordingLinks, states: RecordingStates, store: ObjectStore) -> None:
        self._links = links
        self._states = states
        self._store = store

    async def open(self, user_id: UserId, session_id: SessionId, *, expires: int, signature: str) -> Playable:
        """Return the recording that a link leads to. The record decides: what was deleted is not played any more.

        Raises:
            RecordingLinkInvalidError: The link was not made by us, or its time is over.
            RecordingNotFoundError: There is no recording, not yet, or not any more.
            RecordingStoreUnavailableError: The object store is away.
        """
        self._links.check(user_id, session_id, expires=expires, signature=signature)
        recording = await self._states.find(user_id, session_id)
        if recording is None or not recording.is_playable or recording.key is None:
            raise RecordingNotFoundError
        key = recording.key
        found = await self._store.find(key)
        if found is None:
            raise RecordingNotFoundError

        def read(start: int, end: int) -> AsyncIterator[bytes]:
            return self._store.read(key, start, end)

        return Playable(found.bytes, found.version, _file_name(key), WAV, read)


def _file_name(key: str) -> str:
    _, year, month, file = key.split("/")
    return f"call-{year}-{month}-{file[:12]}.wav"
