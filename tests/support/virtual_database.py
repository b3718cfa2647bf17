"""The test database for a test in virtual time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.virtual_time import mongo_listeners, running_virtual_loop

from callgenie.mongo.client import Database, connect
from callgenie.mongo.schema import COLLECTIONS


@asynccontextmanager
async def virtual_database(uri: str) -> AsyncIterator[Database]:
    """Connect to the running test server, with every collection empty; no timeout comes while it works."""
    polling = uri + ("&" if "?" in uri else "?") + "serverMonitoringMode=poll"
    database = await connect(polling, listeners=mongo_listeners(running_virtual_loop()))
    try:
        for collection in COLLECTIONS:
            await database.db[collection.name].delete_many({})
        yield database
    finally:
        await database.close()
