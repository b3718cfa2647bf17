"""Everything that is kept about a user, for them to take away."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId
from callgenie.lifecycle.archive import zip_of
from callgenie.lifecycle.belongings_store import BELONGINGS, BelongingsStore, Document
from callgenie.recordings.errors import RecordingNotFoundError
from callgenie.recordings.object_store import ObjectStore, StoredObject

# What nobody but this program has any use for, and an attacker would: hashes of one-time links, answers that were
# given once and may hold a key.
_SECRET_COLLECTIONS: Final = frozenset({"tokens", "idempotency"})
_SECRET_FIELDS: Final = re.compile(r"hash|secret|password|token|authEpoch|registrations|claim|writeId", re.IGNORECASE)

# Other engines name their figures as they like, also `tokens`. No part of a conversation is a secret of ours.
_OWN_WORDS: Final = frozenset({"conversations"})

EXPORTED: Final = tuple(collection for collection in BELONGINGS if collection not in _SECRET_COLLECTIONS)


class AccountExport:
    """Writes a user's documents as they are, without secrets, and their recordings."""

    def __init__(self, belongings: BelongingsStore, recordings: ObjectStore, clock: Clock) -> None:
        self._belongings = belongings
        self._recordings = recordings
        self._clock = clock

    def stream(self, user_id: UserId) -> AsyncIterator[bytes]:
        """Yield a zip of JSON Lines, a file for each collection, and of recordings under their keys without the user.

        Raises:
            DatabaseBusyError: The database went away.
            RecordingStoreUnavailableError: The store of recordings is away.
        """
        return zip_of(self._files(user_id), at=self._clock.now())

    async def _files(self, user_id: UserId) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        # Listed first: that the store is away can still be told when nothing was sent yet.
        recordings = [found async for found in self._recordings.under(user_id)]
        for collection in EXPORTED:
            yield f"{collection}.jsonl", self._lines(user_id, collection)
        for found in recordings:
            name = found.key.removeprefix(f"{user_id}/")
            yield f"recordings/{name}", self._sound(found)

    async def _sound(self, found: StoredObject) -> AsyncIterator[bytes]:
        # One whose days end while the rest is sent is an empty file, and no reason to send nothing more.
        with suppress(RecordingNotFoundError):
            async for piece in self._recordings.read(found.key, 0, found.bytes):
                yield piece

    async def _lines(self, user_id: UserId, collection: str) -> AsyncIterator[bytes]:
        async for document in self._belongings.read(user_id, collection):
            shown = document if collection in _OWN_WORDS else _without_secrets(document)
            yield json.dumps(shown, default=_plain, ensure_ascii=False).encode() + b"\n"


def _without_secrets(document: Document) -> Document:
    return {name: _cleaned(value) for name, value in document.items() if _SECRET_FIELDS.search(name) is None}


def _cleaned(value: Any) -> Any:
    if isinstance(value, dict):
        return _without_secrets(value)
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)
