"""The test database for a test in virtual time."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from types import SimpleNamespace
from typing import Any, Final

from pymongo import _csot, network_layer, periodic_executor, pool_shared, server_description
from pymongo.asynchronous import pool, topology
from tests.support.database import empty
from tests.support.virtual_time import VirtualTimeLoop, mongo_listeners, running_virtual_loop

from callgenie.mongo.client import Database, connect

_WITH_DEADLINES: Final[tuple[Any, ...]] = (
    _csot,
    network_layer,
    periodic_executor,
    pool,
    pool_shared,
    server_description,
    topology,
)


@asynccontextmanager
async def virtual_database(uri: str) -> AsyncIterator[Database]:
    """Connect to the running test server, with every collection empty; no timeout comes while it works."""
    loop = running_virtual_loop()
    polling = uri + ("&" if "?" in uri else "?") + "serverMonitoringMode=poll"
    with _driver_on(loop):
        database = await connect(polling, listeners=mongo_listeners(loop))
        try:
            await empty(database.db)
            yield database
        finally:
            await database.close()


@contextmanager
def _driver_on(loop: VirtualTimeLoop) -> Iterator[None]:
    """Let the driver read the loop's clock: it sleeps by the loop, but looks at the machine to see how long it slept.

    On two clocks a deadline of five seconds becomes one of minutes, because waiting costs the machine nothing.
    """
    clock = SimpleNamespace(monotonic=loop.time, sleep=time.sleep, time=time.time)
    for module in _WITH_DEADLINES:
        module.time = clock
    try:
        yield
    finally:
        for module in _WITH_DEADLINES:
            module.time = time
