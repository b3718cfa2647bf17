"""Sound that no conversation names. Only an operator asks for it: the server never lists the store to delete.

Two installations may share a bucket by mistake, and one that was restored from an old backup does not know what was
recorded since. To either the other's recordings look like this.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final

from callgenie.kernel.clock import Clock
from callgenie.recordings.keys import is_key, owner_of
from callgenie.recordings.object_store import ObjectStore, StoredObject
from callgenie.recordings.store import RecordingStates

# What was stored a moment ago may be named a moment later.
AGE_MIN: Final = timedelta(days=1)

_ASKED_AT_ONCE: Final = 500


class Orphans:
    """Compares the store with the conversations."""

    def __init__(self, store: ObjectStore, states: RecordingStates, clock: Clock) -> None:
        self._store = store
        self._states = states
        self._clock = clock

    async def find(self) -> AsyncIterator[StoredObject]:
        """Yield what no conversation names, and is older than a day.

        Raises:
            RecordingStoreUnavailableError: The store is away.
        """
        before = self._clock.now() - AGE_MIN
        some: list[StoredObject] = []
        async for found in self._store.under(""):
            if is_key(found.key) and found.modified_at < before:
                some.append(found)
            if len(some) == _ASKED_AT_ONCE:
                for orphan in await self._unnamed(some):
                    yield orphan
                some = []
        for orphan in await self._unnamed(some):
            yield orphan

    async def _unnamed(self, found: Sequence[StoredObject]) -> list[StoredObject]:
        by_owner: dict[str, list[str]] = defaultdict(list)
        for each in found:
            by_owner[owner_of(each.key)].append(each.key)
        named = {key for keys in by_owner.values() for key in await self._states.keys_of_any_user(keys)}
        return [each for each in found if each.key not in named]
