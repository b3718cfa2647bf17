"""The client: what it pins, what it refuses, and how it repeats."""

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError, NetworkTimeout, OperationFailure, PyMongoError, WriteError
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent
from tests.support.database import short_folder, socket_uri
from tests.support.processes import becomes_true

from callgenie.kernel.child_process import ChildProcess
from callgenie.kernel.errors import UnavailableError
from callgenie.mongo.client import Database, connect, deadline, hosts_of, is_repeatable, retrying
from callgenie.mongo.errors import (
    DatabaseAddressError,
    DatabaseBusyError,
    DatabaseUnreachableError,
    StandaloneServerError,
)
from callgenie.mongo.program import REPLICA_SET, find_mongod
from callgenie.mongo.schema import init_db

Db = AsyncDatabase[dict[str, Any]]

NOT_WRITABLE_PRIMARY = 10107
WRITE_CONCERN_FAILED = 64
NUMBER = {"_id": "+14155550100", "state": "free"}


class Heard(CommandListener):
    """Keeps the commands that the driver sent."""

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append(dict(event.command))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        del event

    def failed(self, event: CommandFailedEvent) -> None:
        del event


@asynccontextmanager
async def failing(connected: Database, times: int, **how: Any) -> AsyncIterator[None]:
    """Let the server fail the next commands, as its own fail point does it."""
    point = "failCommand"
    admin = connected.client.admin
    # Only this test's commands: others of the session share the server.
    data = {"failCommands": ["insert", "update", "findAndModify"], **how}
    await admin.command({"configureFailPoint": point, "mode": {"times": times}, "data": data})
    try:
        yield
    finally:
        await admin.command({"configureFailPoint": point, "mode": "off"})


async def test_writes_ask_for_a_majority_and_its_journal(mongodb_uri: str) -> None:
    heard = Heard()
    connected = await connect(mongodb_uri, listeners=[heard])
    await connected.db["pins"].delete_many({})
    await connected.db["pins"].find_one({})
    await connected.close()
    delete = next(command for command in heard.commands if "delete" in command)
    find = next(command for command in heard.commands if "find" in command)
    assert delete["writeConcern"] == {"w": "majority", "j": True}
    assert find["readConcern"]["level"] == "majority"


async def test_what_the_connection_string_says_wins(mongodb_uri: str) -> None:
    connected = await connect(
        f"{mongodb_uri}&w=1&JOURNAL=false&maxPoolSize=7&appName=mine&serverselectiontimeoutms=1234"
    )
    try:
        options = connected.client.options
        assert options.write_concern.document == {"w": 1, "j": False}
        assert options.pool_options.max_pool_size == 7
        assert options.pool_options.appname == "mine"
        assert options.server_selection_timeout == pytest.approx(1.234)
        assert options.pool_options.connect_timeout == 2.0
    finally:
        await connected.close()


@pytest.mark.parametrize(("path", "name"), [("", "callgenie"), ("elsewhere", "elsewhere")])
async def test_the_database_is_the_one_of_the_connection_string(mongodb_uri: str, path: str, name: str) -> None:
    connected = await connect(mongodb_uri.replace("/callgenie?", f"/{path}?"))
    assert connected.db.name == name
    await connected.close()


async def test_an_address_where_nobody_is_gets_one_sentence_soon() -> None:
    begin = time.monotonic()
    with pytest.raises(DatabaseUnreachableError) as caught:
        await connect("mongodb://app:s3cret-word@127.0.0.1:1/callgenie?serverSelectionTimeoutMS=300")
    # Long before the thirty seconds that the driver would wait by itself.
    assert time.monotonic() - begin < 15
    assert "127.0.0.1:1" in caught.value.detail
    assert "s3cret" not in caught.value.detail
    assert "s3cret" not in _all_that_is_said(caught.value)


@pytest.mark.parametrize(
    "uri",
    [
        "localhost:27017",
        "mongodb://",
        "mongodb://app:s3cret@word@host/db",
        "mongodb://app:s3cret:word@host:x/db",
        "mongodb://app:s3cret/word@host/db",
        "mongodb+srv://app:pass/s3cret@host/db",
        "mongodb://app:s3cret%zz@host:notaport/db",
        "mongodb://app:s3cret@host/db?w=-1",
        "mongodb://app:s3cret@host/db?maxPoolSize=-3",
        "mongodb://app:s3cret@host/db$wrong",
        "postgres://app:s3cret@host/db",
    ],
)
async def test_a_connection_string_that_cannot_be_read_is_never_quoted(uri: str) -> None:
    with pytest.raises(DatabaseAddressError) as caught:
        await connect(uri)
    assert "MONGODB_URI" in caught.value.detail
    assert "s3cret" not in _all_that_is_said(caught.value)


def _all_that_is_said(error: BaseException) -> str:
    said = [str(error)]
    while (error := error.__cause__ or (None if error.__suppress_context__ else error.__context__)) is not None:  # type: ignore[assignment]
        said.append(str(error))
    return " ".join(said)


@pytest.mark.parametrize(
    ("uri", "hosts"),
    [
        ("mongodb://a:1,b:2/db?x=y", "a:1,b:2"),
        ("mongodb+srv://user:p%40ss@cluster.example.net/db", "cluster.example.net"),
        ("mongodb://user:p/a:s@s@host", "host"),
        ("mongodb://%2Ftmp%2Fx.sock", "/tmp/x.sock"),  # noqa: S108 -- nothing is made there
    ],
)
def test_hosts_are_shown_without_user_and_password(uri: str, hosts: str) -> None:
    assert hosts_of(uri) == hosts


@asynccontextmanager
async def _bare_mongod(*arguments: str) -> AsyncIterator[str]:
    with short_folder(in_memory=True) as folder:
        mongod = await ChildProcess.start(
            str(find_mongod(None)),
            *("--dbpath", str(folder), "--bind_ip", "./mongod.sock", "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25", *arguments),
            cwd=folder,
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with mongod:
            assert await asyncio.to_thread(becomes_true, (folder / "mongod.sock").exists)
            yield socket_uri(folder)


async def test_a_standalone_server_is_refused_with_what_to_do() -> None:
    async with _bare_mongod() as uri:
        with pytest.raises(StandaloneServerError, match=r"--replSet rs0 .*rs\.initiate"):
            await connect(uri)


@pytest.mark.parametrize("options", ["replicaSet=rs0", "replicaSet=rs0&directConnection=true"])
async def test_a_standalone_server_is_known_as_one_where_a_set_is_asked_for(options: str) -> None:
    async with _bare_mongod() as uri:
        asked = uri.replace("directConnection=true", f"{options}&serverSelectionTimeoutMS=3000")
        with pytest.raises(StandaloneServerError, match=r"is a standalone server.*--replSet rs0") as caught:
            await connect(asked.replace("mongodb://", "mongodb://app:s3cret@"))
        assert "s3cret" not in _all_that_is_said(caught.value)


@pytest.mark.parametrize("direct", [True, False])
async def test_a_replica_set_that_was_never_initiated_is_refused_with_what_to_do(*, direct: bool) -> None:
    async with _bare_mongod("--replSet", "rs0") as uri:
        asked = uri if direct else uri.replace("directConnection=true", "serverSelectionTimeoutMS=3000")
        with pytest.raises(StandaloneServerError, match=r"waiting to become a replica set.*rs\.initiate"):
            await connect(asked)


async def test_an_option_that_the_driver_does_not_know_is_no_warning_on_the_screen(mongodb_uri: str) -> None:
    connected = await connect(f"{mongodb_uri}&fromAnotherDriver=1")
    await connected.close()


@pytest.mark.parametrize("options", ["replicaSet=other", "replicaSet=other&directConnection=true"])
async def test_a_wrong_set_name_is_not_told_as_a_server_that_is_away(mongodb_uri: str, options: str) -> None:
    plain = mongodb_uri.replace("directConnection=true", f"{options}&serverSelectionTimeoutMS=3000")
    with pytest.raises(DatabaseAddressError, match=f"is called {REPLICA_SET}, not other"):
        await connect(plain)


async def test_a_write_is_repeated_until_the_server_takes_it(connected: Database, database: Db) -> None:
    # The driver repeats once by itself, so one failure would prove nothing about us.
    async with failing(connected, 4, errorCode=NOT_WRITABLE_PRIMARY, errorLabels=["RetryableWriteError"]):
        await retrying(lambda: database["phonenumbers"].insert_one(NUMBER))
    assert await database["phonenumbers"].count_documents({}) == 1


async def test_a_closed_connection_is_repeated(connected: Database, database: Db) -> None:
    async with failing(connected, 4, closeConnection=True):
        await retrying(lambda: database["phonenumbers"].insert_one(NUMBER))
    assert await database["phonenumbers"].count_documents({}) == 1


async def test_what_the_driver_never_repeats_is_repeated_too(connected: Database, database: Db) -> None:
    async with failing(connected, 2, closeConnection=True):
        await retrying(lambda: database["phonenumbers"].update_many({"state": "free"}, {"$set": {"state": "free"}}))


async def test_a_write_that_was_done_and_not_said_to_be_by_enough_is_repeated(
    connected: Database, database: Db
) -> None:
    lost = {"code": WRITE_CONCERN_FAILED, "errmsg": "lost"}
    change = {"$set": {"state": "free"}}
    async with failing(connected, 4, writeConcernError=lost, errorLabels=[]):
        await retrying(lambda: database["phonenumbers"].find_one_and_update({"_id": "1"}, change, upsert=True))
        await retrying(lambda: database["phonenumbers"].update_one({"_id": "2"}, change, upsert=True))
    assert await database["phonenumbers"].count_documents({}) == 2


STEPPED_DOWN: dict[str, Any] = {
    "index": 0,
    "code": 189,
    "errmsg": "Not primary while writing to callgenie.conversations",
}
DUPLICATE: dict[str, Any] = {"index": 0, "code": 11000, "errmsg": "E11000 duplicate key error"}


@pytest.mark.parametrize(
    ("error", "repeatable"),
    [
        # As a primary that was frozen, and replaced meanwhile, answered when it woke up.
        (WriteError(STEPPED_DOWN["errmsg"], 189, STEPPED_DOWN), True),
        (BulkWriteError({"writeErrors": [STEPPED_DOWN]}), True),
        (BulkWriteError({"writeErrors": [STEPPED_DOWN, DUPLICATE]}), False),
        (DuplicateKeyError(DUPLICATE["errmsg"], 11000, DUPLICATE), False),
    ],
)
def test_a_primary_that_steps_down_in_the_middle_of_a_write_is_no_mistake_of_ours(
    error: PyMongoError, *, repeatable: bool
) -> None:
    assert is_repeatable(error) is repeatable


async def test_a_server_that_never_takes_it_ends_in_a_refusal_at_the_deadline(
    connected: Database, database: Db
) -> None:
    begin = time.monotonic()
    async with failing(connected, 100_000, errorCode=NOT_WRITABLE_PRIMARY):
        with pytest.raises(DatabaseBusyError) as caught:
            await retrying(lambda: database["phonenumbers"].insert_one(NUMBER), seconds=1)
    # Left to itself, it tries for five seconds.
    assert 0.3 < time.monotonic() - begin < 4.5
    assert isinstance(caught.value, UnavailableError)
    assert caught.value.retry_after_seconds >= 1


async def test_a_server_that_does_not_answer_ends_in_a_refusal_at_the_deadline(
    connected: Database, database: Db
) -> None:
    async with failing(connected, 1, blockConnection=True, blockTimeMS=4_000):
        begin = time.monotonic()
        with pytest.raises(DatabaseBusyError):
            await retrying(lambda: database["phonenumbers"].insert_one(NUMBER), seconds=0.5)
        assert time.monotonic() - begin < 3.5


async def test_what_cannot_become_right_is_not_repeated(database: Db) -> None:
    numbers = database["phonenumbers"]
    await numbers.insert_one(NUMBER)
    attempts = 0

    async def insert() -> None:
        nonlocal attempts
        attempts += 1
        await numbers.insert_one(NUMBER)

    with pytest.raises(DuplicateKeyError):
        await retrying(insert)
    assert attempts == 1


async def test_a_value_that_a_validator_refuses_is_quoted_nowhere(database: Db) -> None:
    await init_db(database)
    secret = "what-a-caller-said"
    refused_value = {"userId": secret, "turns": secret}

    async def insert() -> None:
        await database["conversations"].insert_one(refused_value)

    async def update() -> None:
        await database["conversations"].find_one_and_update({"sessionId": "s"}, {"$set": refused_value}, upsert=True)

    for write in (insert, update):
        with pytest.raises(OperationFailure) as refused:
            await retrying(write)
        assert refused.value.code == 121
        assert secret not in "".join(traceback.format_exception(refused.value))
        assert secret not in repr(refused.value.details)


async def test_a_deadline_bounds_what_is_inside(connected: Database, database: Db) -> None:
    async with failing(connected, 1, blockConnection=True, blockTimeMS=4_000):
        begin = time.monotonic()
        with deadline(0.3), pytest.raises((NetworkTimeout, OperationFailure)):
            await database["phonenumbers"].insert_one(NUMBER)
        assert time.monotonic() - begin < 3.5


@pytest.mark.parametrize("seconds", [0, 0.0, -1])
async def test_no_time_is_not_taken_for_all_the_time_there_is(seconds: float) -> None:
    async def never() -> None:
        pytest.fail("there was no time for it")

    with pytest.raises(DatabaseBusyError):
        await retrying(never, seconds=seconds)
    with pytest.raises(DatabaseBusyError), deadline(seconds):
        await never()


async def test_the_driver_says_nothing_of_its_own(mongodb_uri: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        connected = await connect(mongodb_uri)
        await connected.close()
    assert caplog.records == []
