"""Restores a folder that mongodump or `callgenie backup` wrote.

Everything is first loaded beside what is there, under other names, with validators and indexes. Only when all of it
arrived do the new collections take the places of the old, each in one step: a damaged dump or a lost connection
leaves the database as it was.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

from callgenie.mongo.client import Database, deadline
from callgenie.mongo.dump import STAGED, VIEW, Meter
from callgenie.mongo.dump_format import DATA, GZIP, METADATA, DumpedCollection, collections_in, documents_in
from callgenie.mongo.errors import (
    DatabaseUnreachableError,
    DumpUnreadableError,
    RestoreWouldOverwriteError,
    UnsupportedCollectionError,
)
from callgenie.mongo.schema.outbox import OUTBOX
from callgenie.mongo.schema.phonenumbers import PHONE_NUMBERS
from callgenie.mongo.schema.users import USERS

Document = dict[str, Any]

# What one message to the server carries: few enough to be quick, enough that the way there does not count.
_BATCH_DOCUMENTS_MAX: Final = 1_000
_BATCH_BYTES_MAX: Final = 8 * 1024 * 1024
_BATCH_SECONDS: Final = 60.0
# Indexes over a million conversations take minutes.
_INDEX_SECONDS: Final = 3_600.0

# Beside a dumped database there may be these, of the server itself.
_NOT_OURS: Final = {"admin", "config", "local"}
_OPLOG: Final = ("oplog.bson", "oplog.bson" + GZIP)

_FAILED: Final = "Nothing was replaced."


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """Documents by collection, as they were in the dump, and how many of them belonged to somebody to be forgotten."""

    documents: dict[str, int]
    erased: int


def find_dump(folder: Path, database: str) -> Path:
    """Return the folder with the collections: the given one, or the one in it for the database, or the only one.

    Raises:
        DumpUnreadableError: There is none, or several that it could be.
    """
    if not folder.is_dir():
        raise DumpUnreadableError(f"{folder} is not a folder. Name the one that `callgenie backup` or mongodump wrote.")
    if _holds_collections(folder):
        return folder
    found = [each for each in sorted(folder.iterdir()) if each.is_dir() and _holds_collections(each)]
    if not (named := [each for each in found if each.name == database]):
        named = [each for each in found if each.name not in _NOT_OURS]
    if len(named) == 1:
        return named[0]
    if named:
        names = ", ".join(each.name for each in named)
        raise DumpUnreadableError(f"{folder} has several databases: {names}. Name the folder of one of them.")
    raise DumpUnreadableError(f"There is no dump in {folder}: neither it nor a folder in it has a *.bson file.")


def misses_oplog(folder: Path) -> bool:
    """Tell whether the dump is only whole together with an oplog, which mongorestore alone can apply."""
    return any((place / name).exists() for place in (folder, folder.parent) for name in _OPLOG)


def _holds_collections(folder: Path) -> bool:
    ours = (DATA, METADATA, DATA + GZIP, METADATA + GZIP)
    return any(path.name.endswith(ours) and path.name not in _OPLOG for path in folder.iterdir() if path.is_file())


async def restore(
    database: Database,
    folder: Path,
    *,
    drop: bool,
    meter: Meter,
    forget: Sequence[str] = (),
    beside: Callable[[], Awaitable[object]] | None = None,
) -> RestoreReport:
    """Put the dump's collections into the database; collections that the dump does not have stay.

    `beside` puts back what is not in the database, once all of the dump has arrived and before it takes its place:
    if it fails, nothing was replaced.

    Documents come back byte for byte, also those that a validator would refuse today; those of the users in `forget`
    do not come back at all. A number that one of them had is still theirs afterwards, for the pool to take back.

    Raises:
        RestoreWouldOverwriteError: Documents are in the way, and `drop` is false.
        DumpUnreadableError: The dump is damaged.
        UnsupportedCollectionError: It has a time series.
        DatabaseUnreachableError: The connection was lost; nothing was replaced, or only a part when this is said.
    """
    collections = collections_in(folder)
    for each in collections:
        if each.metadata.kind == "timeseries" or "timeseries" in each.metadata.options:
            raise UnsupportedCollectionError(f"{each.name} is a time series. Use mongorestore for this dump.")
    if not drop:
        await _refuse_to_overwrite(database, [each.name for each in collections])
    views = [each for each in collections if each.metadata.kind == VIEW]
    documents: dict[str, int] = {}
    async with _staging(database):
        for each in collections:
            if each not in views:
                meter.begin(each.name, each.size)
                documents[each.name] = await _load(database, each, meter)
        erased = await _forget(database, list(documents), forget) if forget else 0
        if beside is not None:
            await beside()
        if not drop:
            await _refuse_to_overwrite(database, [each.name for each in collections])
        await _take_places(database, list(documents))
        await _make_views(database, views)
    return RestoreReport(documents, erased)


async def _refuse_to_overwrite(database: Database, names: Sequence[str]) -> None:
    with deadline(_BATCH_SECONDS):
        full = [name for name in names if await database.db[name].find_one({}, {"_id": 1}) is not None]
    if full:
        raise RestoreWouldOverwriteError(
            f"The database has documents already, in {', '.join(full)}. With --drop they are replaced by the dump's; "
            "make a backup of them first."
        )


@asynccontextmanager
async def _staging(database: Database) -> AsyncIterator[None]:
    """Remove what is staged, before and after: an earlier restore may have been killed."""
    await _clear(database)
    try:
        yield
    except ConnectionFailure as error:
        raise DatabaseUnreachableError(f"The database stopped answering. {_FAILED} Try again.") from error
    finally:
        # What cannot be removed now the next restore removes; what went wrong before is what matters.
        with suppress(PyMongoError):
            await _clear(database)


async def _clear(database: Database) -> None:
    with deadline(_BATCH_SECONDS):
        for name in await database.db.list_collection_names():
            if name.startswith(STAGED):
                await database.db.drop_collection(name)


async def _load(database: Database, dumped: DumpedCollection, meter: Meter) -> int:
    """Make the collection under another name, with everything that is in it; return the number of documents."""
    staged = STAGED + dumped.name
    with deadline(_BATCH_SECONDS):
        await database.db.command({"create": staged, **dumped.metadata.options})
    if dumped.data is None:
        return 0
    count = 0
    for batch in _batches(documents_in(dumped.data)):
        with deadline(_BATCH_SECONDS):
            await _insert(database, staged, batch, dumped)
        count += len(batch)
        meter.advance(sum(map(len, batch)))
    await _build_indexes(database, staged, dumped)
    return count


async def _insert(database: Database, staged: str, batch: list[bytes], dumped: DumpedCollection) -> None:
    try:
        documents = [RawBSONDocument(raw) for raw in batch]
        await database.db[staged].insert_many(documents, bypass_document_validation=True)
    except OperationFailure as error:
        raise DumpUnreadableError(
            f"{dumped.data} has a document that the database refuses (code {error.code}). {_FAILED}"
        ) from error


async def _build_indexes(database: Database, staged: str, dumped: DumpedCollection) -> None:
    # `ns` is what releases before 4.4 wrote; the index on `_id` comes with the collection.
    wanted = [
        {name: value for name, value in index.items() if name != "ns"}
        for index in dumped.metadata.indexes
        if dict(index["key"]) != {"_id": 1}
    ]
    if not wanted:
        return
    try:
        with deadline(_INDEX_SECONDS):
            await database.db.command({"createIndexes": staged, "indexes": wanted})
    except OperationFailure as error:
        raise DumpUnreadableError(
            f"The indexes that {dumped.name}'s description names cannot be built (code {error.code}). {_FAILED}"
        ) from error


async def _forget(database: Database, names: Iterable[str], user_ids: Sequence[str]) -> int:
    ids = [ObjectId(user_id) for user_id in user_ids]
    with deadline(_INDEX_SECONDS):
        users = database.db[STAGED + USERS.name]
        addresses = [user.get("email") async for user in users.find({"_id": {"$in": ids}}, {"email": 1})]
        theirs: dict[str, Document] = {
            USERS.name: {"_id": {"$in": ids}},
            # Some mail is asked for by an address, before anybody looks whose that is.
            OUTBOX.name: {"$or": [{"userId": {"$in": ids}}, {"email": {"$in": addresses}}]},
        }
        erased = 0
        for name in names:
            if name != PHONE_NUMBERS.name:
                whose = theirs.get(name, {"userId": {"$in": [*ids, *user_ids]}})
                erased += (await database.db[STAGED + name].delete_many(whose)).deleted_count
    return erased


async def _take_places(database: Database, names: Iterable[str]) -> None:
    for name in names:
        source, target = f"{database.db.name}.{STAGED}{name}", f"{database.db.name}.{name}"
        with deadline(_BATCH_SECONDS):
            await database.client.admin.command({"renameCollection": source, "to": target, "dropTarget": True})


async def _make_views(database: Database, views: Iterable[DumpedCollection]) -> None:
    for view in views:
        with deadline(_BATCH_SECONDS):
            await database.db.drop_collection(view.name)
            await database.db.command({"create": view.name, **view.metadata.options})


def _batches(documents: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for raw in documents:
        batch.append(raw)
        size += len(raw)
        if len(batch) == _BATCH_DOCUMENTS_MAX or size >= _BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
