"""Recordings in a backup: files under their keys, in the folder `recordings` beside the database's."""

import asyncio
import os
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from callgenie.mongo.dump import Meter
from callgenie.recordings.errors import RecordingNotFoundError, RecordingsInTheWayError
from callgenie.recordings.keys import is_key, owner_of
from callgenie.recordings.object_store import ObjectStore, StoredObject

RECORDINGS_FOLDER: Final = "recordings"

_NAME: Final = "recordings"
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class Copied:
    """How many recordings were copied, and their bytes."""

    count: int = 0
    bytes: int = 0

    def and_one(self, size: int) -> "Copied":
        """Return the same and one more."""
        return Copied(self.count + 1, self.bytes + size)


async def save_recordings(store: ObjectStore, backup: Path, meter: Meter) -> Copied:
    """Copy everything that the store has into a backup's folder; one that is removed meanwhile is left out.

    Raises:
        RecordingStoreUnavailableError: The store is away.
        OSError: The backup cannot be written.
    """
    found = [each async for each in store.under("") if is_key(each.key)]
    meter.begin(_NAME, sum(each.bytes for each in found))
    copied = Copied()
    for each in found:
        try:
            await _save(store, each, backup / RECORDINGS_FOLDER / each.key, meter)
        except RecordingNotFoundError:
            continue
        copied = copied.and_one(each.bytes)
    return copied


async def _save(store: ObjectStore, found: StoredObject, file: Path, meter: Meter) -> None:
    await asyncio.to_thread(file.parent.mkdir, mode=_FOLDER_MODE, parents=True, exist_ok=True)
    pieces = store.read(found.key, 0, found.bytes)
    # Before the file is made: one that is gone leaves none behind.
    first = await anext(pieces, b"")
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE)
    with os.fdopen(descriptor, "wb") as out:
        async for piece in _joined(first, pieces):
            await asyncio.to_thread(out.write, piece)
            meter.advance(len(piece))
        out.flush()
        await asyncio.to_thread(os.fsync, out.fileno())


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


async def put_back_recordings(
    store: ObjectStore, backup: Path, meter: Meter, *, replace: bool, forget: Collection[str] = ()
) -> Copied:
    """Put a backup's recordings into the store; what the store has already, equally long, stays as it is.

    Those of the users in `forget` are not put back, and what the store still has of them is deleted.

    Raises:
        RecordingsInTheWayError: The store has others under the same keys, and `replace` is false. Nothing was put.
        RecordingStoreUnavailableError: The store is away.
    """
    there = {each.key: each.bytes async for each in store.under("")}
    files = await asyncio.to_thread(_files_in, backup / RECORDINGS_FOLDER)
    ours = {key: size for key, size in files.items() if owner_of(key) not in forget}
    others = [key for key, size in ours.items() if there.get(key, size) != size]
    if others and not replace:
        raise RecordingsInTheWayError(len(others), store.place)
    for key in there:
        if owner_of(key) in forget:
            await store.delete(key)
    wanted = {key: size for key, size in ours.items() if replace or key not in there}
    meter.begin(_NAME, sum(wanted.values()))
    copied = Copied()
    for key, size in wanted.items():
        await store.put(key, backup / RECORDINGS_FOLDER / key)
        meter.advance(size)
        copied = copied.and_one(size)
    return copied


def _files_in(folder: Path) -> dict[str, int]:
    """Return the recordings under a folder by their keys, with their sizes; other files are none of ours."""
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {key: path.stat().st_size for key, path in found.items() if is_key(key)}
