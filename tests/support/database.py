"""A real mongod for a test session."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from tests.support.processes import PATIENCE_SECONDS

from callgenie.mongo.program import REPLICA_SET, SOCKET, SOCKET_NAME, find_mongod, mongod_command
from callgenie.mongo.schema import COLLECTIONS


@contextlib.contextmanager
def short_folder(*, in_memory: bool = False) -> Iterator[Path]:
    """Make a folder with a short path: a Unix socket's may have about 100 characters, and pytest's have more."""
    memory = Path("/dev/shm")  # noqa: S108 -- mkdtemp makes a folder of its own in it, for this user only
    place = memory if in_memory and os.access(memory, os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="cg-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def empty(database: AsyncDatabase[dict[str, Any]]) -> None:
    """Leave every collection of the product empty.

    Asks once which of them are not: emptying all fifteen takes ten times as long as asking, for nearly every test.
    """

    def named_once(name: str) -> list[dict[str, Any]]:
        return [{"$limit": 1}, {"$project": {"_id": 0, "name": {"$literal": name}}}]

    first, *others = [collection.name for collection in COLLECTIONS]
    joined = [{"$unionWith": {"coll": name, "pipeline": named_once(name)}} for name in others]
    # What an earlier test wrote without an answer is there before a majority is known to have it.
    where = database.get_collection(first, read_concern=ReadConcern("local"))
    for found in await (await where.aggregate(named_once(first) + joined)).to_list():
        await database[found["name"]].delete_many({})


def socket_uri(folder: Path, database: str = "callgenie") -> str:
    return f"mongodb://{quote(str(folder / SOCKET_NAME), safe='')}/{database}?directConnection=true"


@contextlib.contextmanager
def mongod(*extra: str) -> Iterator[str]:
    """Run a one-node replica set that can be told to fail (`configureFailPoint`); yield its URI.

    The watcher ends it even when the test run is killed.
    """
    with short_folder(in_memory=True) as folder:
        for name in ("db", "log"):
            (folder / name).mkdir()
        command = mongod_command(
            find_mongod(None), folder, cache_gb=0.25, extra=("--setParameter", "enableTestCommands=1", *extra)
        )
        with (folder / "log" / "mongod.out").open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 -- the product's own command line
                command,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=output,
                start_new_session=True,
            )
        try:
            _wait_for_socket(folder, process)
            _make_primary(folder)
            yield socket_uri(folder)
        finally:
            process.communicate()


def _wait_for_socket(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(folder / SOCKET_NAME))
            return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    raise RuntimeError((folder / "log" / "mongod.log").read_text(encoding="utf-8")[-2_000:])


def _make_primary(folder: Path) -> None:
    with MongoClient[dict[str, object]](socket_uri(folder)) as client:
        member = {"_id": 0, "host": SOCKET}
        client.admin.command({"replSetInitiate": {"_id": REPLICA_SET, "members": [member]}})
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(PyMongoError):
                if client.admin.command("hello")["isWritablePrimary"]:
                    return
            time.sleep(0.02)
    raise RuntimeError("the test database did not become primary")
