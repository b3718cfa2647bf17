"""The object store over obstore: a folder of this machine, or a bucket that speaks S3."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from callgenie.recordings.errors import RecordingNotFoundError, RecordingStoreUnavailableError
from callgenie.recordings.object_store import StoredObject

if TYPE_CHECKING:
    # Names of the library's stubs only.
    from obstore import ObjectMeta
    from obstore.store import S3Config

_log = structlog.get_logger(__name__)

STORE_REFUSED: Final = "recordings.store_refused"

# The smallest part that S3 takes, and two of them on their way at once: an upload holds 10 MiB, whatever its size.
_PART_BYTES: Final = 5 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2

# What one step of reading brings into memory.
_PIECE_BYTES: Final = 64 * 1024

_LISTED_AT_ONCE: Final = 500

# A part of 5 MiB gets there in this time over any line that is worth having. Whoever waits asks again by themselves.
_REQUEST_SECONDS_MAX: Final = 30
_CONNECT_SECONDS_MAX: Final = 5
_RETRIES_MAX: Final = 2

_FOLDER_MODE: Final = 0o700


class ObstoreObjects:
    """Implements `recordings.object_store.ObjectStore`."""

    def __init__(self, store: LocalStore | S3Store | None, place: str) -> None:
        self._store = store
        self.place = place

    async def put(self, key: str, file: Path) -> None:
        """Keep the file's bytes under the key, in the place of what was there."""
        with _told():
            await obstore.put_async(self._opened(), key, file, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept under the key, or None."""
        with _told():
            try:
                return _object_of(await obstore.head_async(self._opened(), key))
            except FileNotFoundError:
                return None

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to, and not including, `end`.

        Raises:
            RecordingNotFoundError: Nothing is kept under the key.
        """
        if end <= start:
            return
        with _told():
            try:
                found = await obstore.get_async(self._opened(), key, options={"range": (start, end)})
            except FileNotFoundError as error:
                raise RecordingNotFoundError from error
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)

    async def delete(self, key: str) -> None:
        """Let go of what is kept under the key; what is not there is gone already."""
        with _told(), suppress(FileNotFoundError):
            await obstore.delete_async(self._opened(), key)

    async def under(self, prefix: str) -> AsyncIterator[StoredObject]:
        """Yield everything whose key begins with the words of `prefix`; with none, everything."""
        with _told(), suppress(FileNotFoundError):
            async for some in obstore.list(self._opened(), prefix or None, chunk_size=_LISTED_AT_ONCE):
                for meta in some:
                    yield _object_of(meta)

    def _opened(self) -> LocalStore | S3Store:
        """Return the store.

        Raises:
            FileNotFoundError: There is none yet.
        """
        if self._store is None:
            raise FileNotFoundError
        return self._store


class FolderObjects(ObstoreObjects):
    """Objects as files of a folder, which is made when the first one comes. What was put survives a power cut.

    Folders in it that become empty are removed: their names are users' ids.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(None, str(folder))
        self._folder = folder

    async def put(self, key: str, file: Path) -> None:
        """Keep the file's bytes under the key, on the disk itself."""
        with _told():
            self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        await super().put(key, file)
        with _told():
            await asyncio.to_thread(_settle, self._folder, key)

    def _opened(self) -> LocalStore | S3Store:
        if self._store is None and self._folder.is_dir():
            self._store = LocalStore(self._folder, automatic_cleanup=True)
        return super()._opened()


def bucket_objects(
    bucket: str, prefix: str, *, endpoint: str | None, region: str, key_id: str | None, secret: str | None
) -> ObstoreObjects:
    """Return the store that is a bucket, or what is under a prefix of one."""
    config: S3Config = {"region": region}
    if endpoint is not None:
        config["endpoint"] = endpoint
    if key_id is not None:
        config["access_key_id"] = key_id
    if secret is not None:
        config["secret_access_key"] = secret
    store = S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "allow_http": endpoint is not None and endpoint.startswith("http://"),
            "connect_timeout": timedelta(seconds=_CONNECT_SECONDS_MAX),
            "timeout": timedelta(seconds=_REQUEST_SECONDS_MAX),
        },
        retry_config={
            "max_retries": _RETRIES_MAX,
            "retry_timeout": timedelta(seconds=_REQUEST_SECONDS_MAX),
        },
    )
    return ObstoreObjects(store, f"s3://{bucket}/{prefix}".rstrip("/"))


def _object_of(meta: "ObjectMeta") -> StoredObject:
    version = meta["e_tag"] or f"{meta['size']}-{meta['last_modified'].timestamp()}"
    return StoredObject(meta["path"], meta["size"], meta["last_modified"], version.strip('"'))


@contextmanager
def _told() -> Iterator[None]:
    """Refuse in our own words; the store's name keys and addresses, and go to the log."""
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        _log.warning(STORE_REFUSED, error=str(error).partition("\n")[0])
        raise RecordingStoreUnavailableError from error


def _settle(folder: Path, key: str) -> None:
    """Write a file and the names that lead to it to the disk."""
    path = folder / key
    for each in (path, *path.relative_to(folder).parents):
        descriptor = os.open(folder / each, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
