"""Backups: every collection as it was at one moment, in the folder that mongorestore reads."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.errors import ConnectionFailure, OperationFailure

from callgenie.mongo.client import Database, deadline
from callgenie.mongo.dump_format import DATA, METADATA, DumpFile, Metadata, count_documents, file_name
from callgenie.mongo.errors import (
    BackupExistsError,
    BackupUnwritableError,
    DatabaseUnreachableError,
    NoSnapshotError,
    UnsupportedCollectionError,
)
from callgenie.mongo.schema.textconversations import TEXT_CONVERSATIONS

# A batch is at most 16 MiB. A server that needs longer for one is not going to answer.
_BATCH_SECONDS: Final = 60.0

# Collections of this name are what an interrupted restore left behind.
STAGED: Final = "restoring."
_SKIPPED: Final = ("system.", STAGED)

# Saved without documents: conversations by text are promised to be gone after an hour, and a backup stays.
_SAVED_EMPTY: Final = frozenset({TEXT_CONVERSATIONS.name})

VIEW: Final = "view"
_COLLECTION: Final = "collection"

_NO_SNAPSHOT: Final = {
    20,  # IllegalOperation: no replica set
    72,  # InvalidOptions: a release that cannot do it
    123,  # NotAReplicaSet
    239,  # SnapshotTooOld: the server has let go of that moment
    246,  # SnapshotUnavailable: an index or a collection was changed meanwhile
}


class Meter(Protocol):
    """Shows how far it is."""

    def begin(self, name: str, total: int) -> None:
        """Say that a collection of about so many units comes next."""
        ...

    def advance(self, count: int) -> None:
        """Say that so many units more are done."""
        ...


@dataclass(frozen=True, slots=True)
class DumpReport:
    """What was written: documents by collection, and bytes before compression."""

    folder: Path
    documents: dict[str, int]
    bytes: int


async def dump(
    database: Database,
    out: Path,
    *,
    compress: bool,
    meter: Meter,
    beside: Callable[[Path], Awaitable[object]] | None = None,
) -> DumpReport:
    """Write the database to `out/<its name>`, all collections as they were at one moment.

    `out` is there only when it is whole: until then everything is in a folder of another name. `beside` is given that
    folder when the collections are in it, to add what belongs into the backup and is not in the database.

    Raises:
        BackupExistsError: There is something at `out`.
        BackupUnwritableError: It cannot be written there.
        NoSnapshotError: The server cannot show one moment, or not for as long as it takes.
        UnsupportedCollectionError: A collection is a time series, which no version of ours makes.
    """
    documents: dict[str, int] = {}
    written = 0
    with _draft(out, database.db.name) as folder:
        async with _moment(database) as session:
            for metadata in await _describe(database):
                with DumpFile(folder, file_name(metadata.name) + METADATA, compress=compress) as file:
                    file.write(metadata.to_json().encode())
                if metadata.kind == _COLLECTION:
                    meter.begin(metadata.name, await _estimate(database, metadata.name))
                    with DumpFile(folder, file_name(metadata.name) + DATA, compress=compress) as file:
                        batches = _batches(database, metadata.name, session)
                        documents[metadata.name], size = await _write(batches, file, meter)
                    written += size
        if beside is not None:
            await beside(folder.parent)
    return DumpReport(out / database.db.name, documents, written)


async def _write(batches: AsyncIterator[bytes], file: DumpFile, meter: Meter) -> tuple[int, int]:
    """Write everything; return how many documents and bytes that were."""
    documents = size = 0
    async for batch in batches:
        file.write(batch)
        count = count_documents(batch)
        documents += count
        size += len(batch)
        meter.advance(count)
    return documents, size


@contextmanager
def _draft(out: Path, inner: str) -> Iterator[Path]:
    """Yield an empty folder that is `out/inner` after the block, and gone when the block failed."""
    if out.exists() or out.is_symlink():
        raise BackupExistsError(f"{out} is there already. A backup never overwrites: choose a name that is free.")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".unfinished", dir=out.parent))
    except OSError as error:
        raise _unwritable(out, error) from error
    try:
        folder = draft / inner
        folder.mkdir(mode=0o700)
        yield folder
        for each in (folder, draft):
            _settle(each)
        draft.rename(out)
        _settle(out.parent)
    except OSError as error:
        raise _unwritable(out, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _settle(folder: Path) -> None:
    """Make sure that the names in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unwritable(out: Path, error: OSError) -> BackupUnwritableError:
    return BackupUnwritableError(
        f"The backup {out} cannot be written: {error.strerror or error}. "
        "Check the permissions of its folder and the space on its disk."
    )


async def _describe(database: Database) -> list[Metadata]:
    """Return what each collection is made with, by name."""
    described: list[Metadata] = []
    with deadline(_BATCH_SECONDS):
        async for info in await database.db.list_collections():
            if info["name"].startswith(_SKIPPED):
                continue
            if info["type"] not in {_COLLECTION, VIEW}:
                raise UnsupportedCollectionError(
                    f"{info['name']} is a {info['type']} collection, which `callgenie backup` cannot save. "
                    "Use mongodump for this database."
                )
            is_view = info["type"] == VIEW
            indexes = [] if is_view else [dict(index) async for index in await database.db[info["name"]].list_indexes()]
            uuid = bytes(info["info"].get("uuid", b"")).hex()
            described.append(Metadata(info["name"], info.get("options", {}), indexes, uuid, info["type"]))
    return sorted(described, key=lambda metadata: metadata.name)


@asynccontextmanager
async def _moment(database: Database) -> AsyncIterator[AsyncClientSession]:
    """Yield a session whose reads all see the database as it was at the first of them."""
    async with database.client.start_session(snapshot=True) as session:
        try:
            yield session
        except OperationFailure as error:
            if error.code in _NO_SNAPSHOT:
                raise NoSnapshotError(
                    "The database cannot show all its collections as they were at one moment "
                    f"(code {error.code}). Try again; if the backup takes longer than the server remembers (5 minutes "
                    "unless minSnapshotHistoryWindowInSeconds says otherwise), raise that parameter or use mongodump."
                ) from error
            raise
        except ConnectionFailure as error:
            raise DatabaseUnreachableError("The database stopped answering. Nothing was saved; try again.") from error


async def _estimate(database: Database, name: str) -> int:
    with deadline(_BATCH_SECONDS):
        return await database.db[name].estimated_document_count()


async def _batches(database: Database, name: str, session: AsyncClientSession) -> AsyncIterator[bytes]:
    """Yield raw documents by `_id`, many at a time: the same documents always give the same bytes."""
    if name in _SAVED_EMPTY:
        return
    with deadline(_BATCH_SECONDS):
        cursor: Any = database.db[name].find_raw_batches({}, sort=[("_id", 1)], session=session)
    while True:
        with deadline(_BATCH_SECONDS):
            batch = await anext(cursor, None)
        if batch is None:
            return
        yield batch
