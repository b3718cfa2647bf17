"""Where recordings are kept, as the rest of the program sees it: files under keys, written whole and never changed."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is kept under a key. `version` differs whenever the bytes do."""

    key: str
    bytes: int
    modified_at: datetime
    version: str


class ObjectStore(Protocol):
    """Keeps files. A key is words joined by `/`; every method raises `RecordingStoreUnavailableError` when it cannot.

    An object is there whole or not at all, also when its writer dies.
    """

    @property
    def place(self) -> str:
        """Where it is, for people; no secret is in it."""
        ...

    async def put(self, key: str, file: Path) -> None:
        """Keep the file's bytes under the key, in the place of what was there; only pieces of it are in memory."""
        ...

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, or None."""
        ...

    def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, and not including, `end`.

        Raises:
            RecordingNotFoundError: Nothing is kept under the key.
        """
        ...

    async def delete(self, key: str) -> None:
        """Let go of what is kept under the key; what is not there is gone already."""
        ...

    def under(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Yield everything whose key begins with the words of `prefix`; with none, everything."""
        ...
