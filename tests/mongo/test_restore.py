"""Restoring: all or nothing, nothing lost by accident, and nobody back who asked to be forgotten."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from tests.support.metering import Office, exchange, open_office

from callgenie.kernel.vocabulary import EndedReason, Fault, PlanName
from callgenie.mongo.client import Database
from callgenie.mongo.dump import STAGED, dump
from callgenie.mongo.dump_format import collections_in, documents_in
from callgenie.mongo.errors import (
    DatabaseUnreachableError,
    DumpUnreadableError,
    RestoreWouldOverwriteError,
    UnsupportedCollectionError,
)
from callgenie.mongo.restore import RestoreReport, find_dump, misses_oplog, restore
from callgenie.mongo.restore_erasures import ErasureRecordUnreadableError, read_erasures
from callgenie.mongo.schema import check_db, init_db

Document = dict[str, Any]


class Silent:
    """Shows nothing."""

    def begin(self, name: str, total: int) -> None:
        del name, total

    def advance(self, count: int) -> None:
        del count


@pytest.fixture
async def elsewhere(connected: Database) -> AsyncIterator[Database]:
    """Another database, with the product's shape and nothing in it."""
    name = f"restore{ObjectId()}"
    yield Database(connected.client, connected.client[name])
    await connected.client.drop_database(name)


async def save(database: Database, out: Path) -> None:
    await dump(database, out, compress=False, meter=Silent())


async def put_back(
    database: Database, folder: Path, *, drop: bool = False, forget: tuple[str, ...] = ()
) -> RestoreReport:
    found = find_dump(folder, database.db.name)
    return await restore(database, found, drop=drop, meter=Silent(), forget=forget)


async def numbers_of(database: Database) -> list[str]:
    return [number["_id"] async for number in database.db["phonenumbers"].find(sort=[("_id", 1)])]


@pytest.fixture
async def saved(connected: Database, tmp_path: Path) -> Path:
    """A backup of a database with one number."""
    await connected.db["phonenumbers"].insert_one({"_id": "+14155550100", "state": "free"})
    await save(connected, tmp_path / "out")
    return tmp_path / "out"


async def test_documents_that_are_there_are_not_overwritten(connected: Database, saved: Path) -> None:
    await connected.db["phonenumbers"].insert_one({"_id": "+14155550101", "state": "free"})
    with pytest.raises(RestoreWouldOverwriteError, match="in phonenumbers"):
        await put_back(connected, saved)
    assert await numbers_of(connected) == ["+14155550100", "+14155550101"]
    await put_back(connected, saved, drop=True)
    assert await numbers_of(connected) == ["+14155550100"]
    assert await check_db(connected.db) == []


async def test_empty_collections_are_no_reason_to_refuse(elsewhere: Database, saved: Path) -> None:
    await init_db(elsewhere.db)
    await put_back(elsewhere, saved)
    assert await numbers_of(elsewhere) == ["+14155550100"]


async def test_a_damaged_backup_replaces_nothing(connected: Database, saved: Path) -> None:
    file = saved / connected.db.name / "phonenumbers.bson"
    file.write_bytes(file.read_bytes()[:-3])
    await connected.db["phonenumbers"].insert_one({"_id": "+14155550101", "state": "free"})
    with pytest.raises(DumpUnreadableError, match="in the middle of a document"):
        await put_back(connected, saved, drop=True)
    assert await numbers_of(connected) == ["+14155550100", "+14155550101"]
    assert await left_over(connected) == []


async def test_a_lost_connection_replaces_nothing(connected: Database, saved: Path) -> None:
    await connected.db["phonenumbers"].insert_one({"_id": "+14155550101", "state": "free"})
    lost = {"failCommands": ["createIndexes"], "closeConnection": True}
    await connected.client.admin.command({"configureFailPoint": "failCommand", "mode": {"times": 2}, "data": lost})
    with pytest.raises(DatabaseUnreachableError, match="Nothing was replaced"):
        await put_back(connected, saved, drop=True)
    await connected.client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
    assert await numbers_of(connected) == ["+14155550100", "+14155550101"]
    assert await left_over(connected) == []


async def test_what_a_killed_restore_left_is_cleared_and_never_saved(connected: Database, saved: Path) -> None:
    await connected.db[STAGED + "phonenumbers"].insert_one({"_id": "half"})
    await save(connected, saved.parent / "second")
    second = collections_in(saved.parent / "second" / connected.db.name)
    assert [each.name for each in second if each.name.startswith(STAGED)] == []
    await put_back(connected, saved, drop=True)
    assert await left_over(connected) == []


async def test_collections_that_the_backup_does_not_have_stay(connected: Database, saved: Path) -> None:
    await connected.db["notes"].insert_one({"_id": 1})
    try:
        await put_back(connected, saved, drop=True)
        assert await connected.db["notes"].count_documents({}) == 1
    finally:
        await connected.db["notes"].drop()


async def test_a_document_that_breaks_a_validator_comes_back_all_the_same(connected: Database, tmp_path: Path) -> None:
    old = {"_id": "+14155550100", "state": "of an earlier version"}
    await connected.db["phonenumbers"].insert_one(old, bypass_document_validation=True)
    await save(connected, tmp_path / "out")
    await put_back(connected, tmp_path / "out", drop=True)
    assert await connected.db["phonenumbers"].find_one() == old


async def test_a_time_series_is_refused(elsewhere: Database, tmp_path: Path) -> None:
    (tmp_path / "weather.metadata.json").write_text('{"indexes": [], "options": {"timeseries": {"timeField": "at"}}}')
    with pytest.raises(UnsupportedCollectionError, match="weather"):
        await put_back(elsewhere, tmp_path)


async def test_the_folder_may_be_the_backup_or_the_database_in_it(connected: Database, saved: Path) -> None:
    name = connected.db.name
    assert find_dump(saved, name) == find_dump(saved / name, name) == saved / name
    # As after a move between installations whose databases have other names.
    assert find_dump(saved, "another") == saved / name


async def test_a_folder_that_is_no_dump_is_one_sentence(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DumpUnreadableError, match="There is no dump in"):
        find_dump(tmp_path / "empty", "callgenie")
    with pytest.raises(DumpUnreadableError, match="is not a folder"):
        find_dump(tmp_path / "nothing", "callgenie")
    for name in ("one", "two"):
        (saved / name).mkdir()
        (saved / name / "things.bson").touch()
    with pytest.raises(DumpUnreadableError, match="Name the folder of one"):
        find_dump(saved, "another")


async def test_a_dump_that_needs_its_oplog_is_noticed(saved: Path) -> None:
    assert not misses_oplog(saved / "callgenie")
    (saved / "oplog.bson").touch()
    assert misses_oplog(saved / "callgenie")


@pytest.mark.parametrize(
    "tail", [b"\x03\x00\x00\x00", b"\x15\x00", b"\xff\xff\xff\x7f" + b"x" * 9, b"\x06\x00\x00\x00xx"]
)
def test_bytes_that_are_no_document_are_found(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "things.bson"
    path.write_bytes(b"\x05\x00\x00\x00\x00" + tail)
    found = documents_in(path)
    assert next(found) == b"\x05\x00\x00\x00\x00"
    with pytest.raises(DumpUnreadableError, match="things"):
        next(found)


async def test_nobody_comes_back_who_was_erased(connected: Database, elsewhere: Database, tmp_path: Path) -> None:
    gone, stays = ObjectId(), ObjectId()
    for user in (gone, stays):
        await connected.db["users"].insert_one({"_id": user, "email": str(user)}, bypass_document_validation=True)
        for name in ("userprofiles", "usage", "conversations"):
            await connected.db[name].insert_one({"userId": user, "sessionId": "s"}, bypass_document_validation=True)
        # Asked for by an address, before anybody looked whose it is.
        await connected.db["outbox"].insert_one({"email": str(user)}, bypass_document_validation=True)
    await save(connected, tmp_path / "out")
    report = await put_back(elsewhere, tmp_path / "out", forget=(str(gone),))
    assert report.erased == 5
    assert [mail["email"] async for mail in elsewhere.db["outbox"].find()] == [str(stays)]
    for name, key in (("users", "_id"), ("userprofiles", "userId"), ("usage", "userId"), ("conversations", "userId")):
        assert [document[key] async for document in elsewhere.db[name].find()] == [stays], name


def test_the_record_of_erasures_is_read_and_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "erasures.jsonl"
    assert read_erasures(path) == []
    user = str(ObjectId())
    line = json.dumps({"userId": user, "at": "2026-01-01T00:00:00Z"})
    path.write_text(f"{line}\n\n{line}\n")
    assert read_erasures(path) == [user]
    path.write_text(f"{line[:-20]}")
    assert read_erasures(path) == [user], "a line that a crash cut short says enough"
    for broken in ('{"userId": "', '{"at": "2026"}', '{"userId": "not an id"}', "[]"):
        path.write_text(f"{line}\n{broken}")
        with pytest.raises(ErasureRecordUnreadableError, match="Line 2"):
            read_erasures(path)


async def make_calls(office: Office, worker: int, enough: asyncio.Event) -> None:
    """Begin, hold and end calls without a pause."""
    for number in itertools.count():
        if enough.is_set():
            return
        session = f"CA-{worker}-{number}"
        call = await office.answered(session, number=f"+1415555010{worker}")
        await office.desk.beat(call, 3.0)
        if number % 3:
            await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=7.0)
        else:
            await office.conversations.save_exchange(call.user_id, exchange(f"api-{session}", duration=9))
            await office.desk.end(call, reason=EndedReason.CALLER_HANGUP, fault=Fault.CALLER, elapsed_seconds=2.0)


async def test_the_ledger_is_right_after_a_restore_and_a_sweep(
    connected: Database, elsewhere: Database, tmp_path: Path
) -> None:
    office = open_office(connected.db)
    for worker in range(3):
        await office.owner(PlanName.ENTERPRISE, number=f"+1415555010{worker}")
    counts, enough = [], asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for worker in range(3):
            group.create_task(make_calls(office, worker, enough))
        for attempt in range(3):
            await asyncio.sleep(0.3)
            await save(connected, tmp_path / f"out{attempt}")
            report = await put_back(elsewhere, tmp_path / f"out{attempt}", drop=True)
            counts.append(report.documents["conversations"])
            restored = open_office(elsewhere.db, office.customers)
            await restored.let_all_leases_run_out()
            await restored.sweeper.sweep()
            assert await restored.reconciliation.reconcile() == []
            assert [period["held"] async for period in elsewhere.db["usage"].find()] == [0, 0, 0]
        enough.set()
    assert 0 < counts[0] < counts[1] < counts[2], "nothing was going on while it was saved"


async def left_over(database: Database) -> list[str]:
    return [name for name in await database.db.list_collection_names() if name.startswith(STAGED)]
