"""What every test can ask for: a real database, empty, with all indexes and validators in place."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.database import mongod, short_folder

from callgenie.mongo.client import Database, connect
from callgenie.mongo.schema import COLLECTIONS, init_db


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The address of a running replica set of one, whose database `callgenie` has its schema."""

    async def prepare(uri: str) -> None:
        database = await connect(uri)
        await init_db(database.db)
        await database.close()

    with mongod() as uri:
        asyncio.run(prepare(uri))
        yield uri


@pytest.fixture
async def connected(mongodb_uri: str) -> AsyncIterator[Database]:
    """A client on this test's loop; every collection of the product is empty."""
    database = await connect(mongodb_uri)
    for collection in COLLECTIONS:
        await database.db[collection.name].delete_many({})
    yield database
    await database.close()


@pytest.fixture
def database(connected: Database) -> AsyncDatabase[dict[str, Any]]:
    """The product's database, empty."""
    return connected.db


@pytest.fixture
def data_folder() -> Iterator[Path]:
    """An empty folder whose path is short enough for a Unix socket in it; gone after the test."""
    with short_folder() as folder:
        yield folder
