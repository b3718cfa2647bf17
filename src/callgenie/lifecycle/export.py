"""Everything that is kept about a user, for them to take away."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

from callgenie.kernel.clock import Clock
from callgenie.kernel.ids import UserId
from callgenie.lifecycle.archive import zip_of
from callgenie.lifecycle.belongings_store import BELONGINGS, BelongingsStore, Document

# What nobody but this program has any use for, and an attacker would: hashes of one-time links, answers that were
# given once and may hold a key.
_SECRET_COLLECTIONS: Final = frozenset({"tokens", "idempotency"})
_SECRET_FIELDS: Final = re.compile(r"hash|secret|password|token|authEpoch|registrations|claim|writeId", re.IGNORECASE)

# Other engines name their figures as they like, also `tokens`. No part of a conversation is a secret of ours.
_OWN_WORDS: Final = frozenset({"conversations"})

EXPORTED: Final = tuple(collection for collection in BELONGINGS if collection not in _SECRET_COLLECTIONS)


class AccountExport:
    """Writes a user's documents as they are, without secrets."""

    def __init__(self, belongings: BelongingsStore, clock: Clock) -> None:
        self._belongings = belongings
        self._clock = clock

    def stream(self, user_id: UserId) -> AsyncIterator[bytes]:
        """Yield a zip of JSON Lines, a file for each collection.

        Raises:
            DatabaseBusyError: The database went away.
        """
        files = ((f"{collection}.jsonl", self._lines(user_id, collection)) for collection in EXPORTED)
        return zip_of(files, at=self._clock.now())

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
