"""Backups: the documented folder, byte for byte, of one moment, and never half a one."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import Binary, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp, decode_file_iter, json_util
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collection import Collection

from callgenie.mongo.client import Database
from callgenie.mongo.dump import DumpReport, dump
from callgenie.mongo.errors import (
    BackupExistsError,
    BackupUnwritableError,
    DatabaseUnreachableError,
    NoSnapshotError,
    UnsupportedCollectionError,
)
from callgenie.mongo.restore import RestoreReport, find_dump, restore
from callgenie.mongo.schema import check_db, init_db

NOW = datetime(2026, 1, 1, 12, 0, 0, 123_000, tzinfo=UTC)

# What a document can hold, so that nothing is lost on a way through other types.
EVERYTHING: dict[str, Any] = {
    "_id": ObjectId(),
    "double": -0.0,
    "nan": float("nan"),
    "int": 1,
    "long": Int64(1),
    "decimal": Decimal128("1.10"),
    "text": "Grüße 👋 \u0000",
    "nested": {"b": 1, "a": [1, "two", None, {"c": True}]},
    "when": NOW,
    "far": Int64(2**62),
    "stamp": Timestamp(5, 6),
    "bytes": Binary(b"\x00\xff", 128),
    "pattern": Regex("a+", "i"),
    "last": MaxKey(),
    "dotted.name": {"$dollar": 1},
}


class Silent:
    """Shows nothing, and can break off."""

    def __init__(self, *, break_at: str | None = None) -> None:
        self.break_at = break_at
        self.seen: list[str] = []

    def begin(self, name: str, total: int) -> None:
        assert total >= 0
        self.seen.append(name)
        if name == self.break_at:
            raise KeyboardInterrupt

    def advance(self, count: int) -> None:
        assert count > 0


@pytest.fixture
async def empty(connected: Database) -> AsyncIterator[Database]:
    """A database of its own in which nothing is yet."""
    name = f"dump{ObjectId()}"
    yield Database(connected.client, connected.client[name])
    await connected.client.drop_database(name)


@pytest.fixture
async def filled(empty: Database) -> Database:
    """The product's shape, and a few documents in it and beside it."""
    await init_db(empty.db)
    await empty.db["phonenumbers"].insert_many(
        [{"_id": f"+1415555{n:04}", "state": "free", "country": "US"} for n in range(1_500)]
    )
    await empty.db["odd/name %"].insert_one(EVERYTHING)
    await empty.db["odd/name %"].create_index([("when", -1)], name="aside", sparse=True, collation={"locale": "de"})
    return empty


async def save(database: Database, out: Path, *, compress: bool = False) -> DumpReport:
    return await dump(database, out, compress=compress, meter=Silent())


async def put_back(database: Database, folder: Path, *, drop: bool = False) -> RestoreReport:
    return await restore(database, find_dump(folder, database.db.name), drop=drop, meter=Silent())


async def raw(db: AsyncDatabase[Any], name: str) -> list[bytes]:
    options = db.codec_options.with_options(document_class=RawBSONDocument)
    collection: Any = db.get_collection(name, codec_options=options)
    return [document.raw async for document in collection.find(sort=[("_id", 1)])]


async def shape(db: AsyncDatabase[Any]) -> dict[str, Any]:
    """Everything about the collections but their uuids."""
    return {
        info["name"]: (info["type"], info["options"], [index async for index in await db[info["name"]].list_indexes()])
        async for info in await db.list_collections()
    }


def listing(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def contents(folder: Path) -> dict[str, bytes]:
    unpacked = {path.name: path for path in folder.iterdir()}
    return {
        name.removesuffix(".gz"): gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
        for name, path in unpacked.items()
    }


async def test_the_folder_is_the_one_that_mongodump_writes(filled: Database, tmp_path: Path) -> None:
    report = await save(filled, tmp_path / "out")
    folder = tmp_path / "out" / filled.db.name
    assert report.folder == folder
    names = await filled.db.list_collection_names()
    stems = {"odd%2Fname%20%25" if name == "odd/name %" else name for name in names}
    assert {path.name for path in folder.iterdir()} == {
        stem + ending for stem in stems for ending in (".bson", ".metadata.json")
    }
    with (folder / "phonenumbers.bson").open("rb") as file:
        numbers = list(decode_file_iter(file))
    assert [number["_id"] for number in numbers] == [f"+1415555{n:04}" for n in range(1_500)]
    assert report.documents["phonenumbers"] == 1_500
    assert report.bytes == sum(path.stat().st_size for path in folder.glob("*.bson"))


async def test_a_description_is_canonical_extended_json_in_the_documented_fields(
    filled: Database, tmp_path: Path
) -> None:
    await save(filled, tmp_path / "out")
    text = (tmp_path / "out" / filled.db.name / "phonenumbers.metadata.json").read_text()
    plain = json.loads(text)
    assert set(plain) == {"indexes", "uuid", "collectionName", "type", "options"}
    assert (plain["collectionName"], plain["type"], len(plain["uuid"])) == ("phonenumbers", "collection", 32)
    assert plain["indexes"][0] == {"v": {"$numberInt": "2"}, "key": {"_id": {"$numberInt": "1"}}, "name": "_id_"}
    [unique] = [index for index in plain["indexes"] if index["name"] == "userId_unique"]
    assert unique["unique"] is True
    assert unique["partialFilterExpression"] == {"userId": {"$exists": True}}
    assert plain["options"]["validationLevel"] == "strict"
    assert plain["options"]["validator"]["$jsonSchema"]["required"] == ["_id", "state"]
    assert json_util.loads(text)["indexes"][0]["v"] == 2


async def test_a_backup_is_for_nobody_else_to_read(filled: Database, tmp_path: Path) -> None:
    await save(filled, tmp_path / "out")
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "out").rglob("*")} == {0}
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("compress", [False, True])
async def test_there_and_back_changes_no_byte_no_index_and_no_validator(
    filled: Database, tmp_path: Path, *, compress: bool
) -> None:
    before = {name: await raw(filled.db, name) for name in await filled.db.list_collection_names()}
    was = await shape(filled.db)
    await save(filled, tmp_path / "out", compress=compress)
    await filled.client.drop_database(filled.db.name)
    report = await put_back(filled, tmp_path / "out")
    assert sum(report.documents.values()) == 1_501
    assert {name: await raw(filled.db, name) for name in await filled.db.list_collection_names()} == before
    assert await shape(filled.db) == was
    assert await check_db(filled.db) == []
    await save(filled, tmp_path / "again", compress=compress)
    first, second = (contents(tmp_path / out / filled.db.name) for out in ("out", "again"))
    assert {name for name in first if name.endswith(".bson") and first[name] != second[name]} == set()


async def test_a_dump_of_the_original_tools_is_understood(empty: Database, tmp_path: Path) -> None:
    # As `mongodump --gzip` of the 100.x tools writes it, and the older tools with their `ns` and relaxed numbers.
    folder = tmp_path / "dump" / "shop"
    folder.mkdir(parents=True)
    (tmp_path / "dump" / "admin").mkdir()
    (tmp_path / "dump" / "admin" / "system.version.bson").write_bytes(b"")
    (folder / "prelude.json").write_text('{"ServerVersion":"6.0.5","ToolVersion":"100.9.4"}')
    document = bytes.fromhex("15000000105f69640001000000106e000200000000")
    (folder / "things.bson.gz").write_bytes(gzip.compress(document))
    (folder / "things.metadata.json.gz").write_bytes(
        gzip.compress(
            b'{"indexes":[{"v":{"$numberInt":"2"},"key":{"_id":{"$numberInt":"1"}},"name":"_id_"},'
            b'{"v":2,"key":{"n":-1},"name":"n_-1","ns":"shop.things","unique":true}],'
            b'"uuid":"0c7b9e1ea4704f5a9a2c7b4a3b7dcb5c","collectionName":"things","type":"collection"}'
        )
    )
    report = await put_back(empty, tmp_path / "dump")
    assert report.documents == {"things": 1}
    assert await raw(empty.db, "things") == [document]
    indexes = await empty.db["things"].index_information()
    assert indexes["n_-1"]["unique"] is True


async def test_a_backup_never_overwrites(filled: Database, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(BackupExistsError, match="choose a name that is free"):
        await save(filled, tmp_path / "out")
    assert listing(tmp_path / "out") == []


async def test_a_backup_that_is_broken_off_leaves_nothing(filled: Database, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        await dump(filled, tmp_path / "out", compress=False, meter=Silent(break_at="sessions"))
    assert listing(tmp_path) == []


async def test_a_place_that_cannot_be_written_is_one_sentence(filled: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackupUnwritableError, match="Check the permissions"):
        await save(filled, tmp_path / "file" / "out")


class Meddler(Silent):
    """Changes what is still to be saved, while the backup runs."""

    def __init__(self, usage: Collection[dict[str, Any]]) -> None:
        super().__init__()
        self._usage = usage

    def begin(self, name: str, total: int) -> None:
        super().begin(name, total)
        if name == "sessions":
            counts = {"calls": 1, "seconds": 1, "held": 0, "holds": {}, "gone": []}
            self._usage.insert_one({"_id": "late", "userId": ObjectId(), "periodStart": NOW, **counts})


async def test_all_collections_are_of_one_moment(filled: Database, tmp_path: Path, mongodb_uri: str) -> None:
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        meddler = Meddler(client[filled.db.name]["usage"])
        await dump(filled, tmp_path / "out", compress=False, meter=meddler)
    assert await filled.db["usage"].count_documents({}) == 1
    assert (tmp_path / "out" / filled.db.name / "usage.bson").read_bytes() == b""


async def test_a_server_that_cannot_show_a_moment_is_one_sentence(filled: Database, tmp_path: Path) -> None:
    too_old = {"failCommands": ["find"], "errorCode": 239}
    await filled.client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": too_old})
    with pytest.raises(NoSnapshotError, match="minSnapshotHistoryWindowInSeconds"):
        await save(filled, tmp_path / "out")
    assert listing(tmp_path) == []


async def test_a_connection_that_is_lost_leaves_no_backup(filled: Database, tmp_path: Path) -> None:
    lost = {"failCommands": ["getMore"], "closeConnection": True}
    try:
        await filled.client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 1}, "data": lost})
        with pytest.raises(DatabaseUnreachableError):
            await save(filled, tmp_path / "out")
    finally:
        await filled.client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert listing(tmp_path) == []


async def test_a_view_comes_back_as_a_view(filled: Database, tmp_path: Path) -> None:
    await filled.db.create_collection("free", viewOn="phonenumbers", pipeline=[{"$match": {"state": "free"}}])
    await save(filled, tmp_path / "out")
    assert not (tmp_path / "out" / filled.db.name / "free.bson").exists()
    await filled.client.drop_database(filled.db.name)
    await put_back(filled, tmp_path / "out")
    assert await filled.db["free"].count_documents({}) == 1_500


async def test_a_time_series_is_refused_before_anything_is_written(filled: Database, tmp_path: Path) -> None:
    await filled.db.create_collection("weather", timeseries={"timeField": "at"})
    with pytest.raises(UnsupportedCollectionError, match="weather"):
        await save(filled, tmp_path / "out")
    assert listing(tmp_path) == []
