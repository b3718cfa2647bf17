"""What every test can ask for: a real database, empty, with all indexes and validators in place."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import hypothesis
import psutil
import pytest
from pymongo.asynchronous.database import AsyncDatabase
from tests.support.database import empty, mongod, short_folder
from tests.support.outside import MISSING
from tests.support.processes import children

from callgenie.mongo.client import Database, connect
from callgenie.mongo.schema import init_db

# Each has a database and voice models of its own, about 1 GB; beyond four, the longest test decides.
WORKERS_MAX: Final = 4

# How long an example takes is the machine's business, and other workers' beside it.
hypothesis.settings.register_profile(
    "callgenie", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("callgenie")


def pytest_xdist_auto_num_workers() -> int:
    """Say how many processes share the tests of `make test`; 0, on a single core, is none but this one."""
    cores = os.cpu_count() or 1
    return min(cores, WORKERS_MAX) if cores > 1 else 0


def pytest_configure() -> None:
    """End a test run that is told to stop as by Ctrl-C, with all that it started; let no library reach a network."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Otherwise ONNX Runtime asks for a server of its maker every few seconds, in a thread whose files come and go in
    # the middle of any test. It looks once, when it is imported.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that this machine lacks."""
    for mark, reason in MISSING.items():
        if item.get_closest_marker(mark) is not None:
            pytest.skip(reason)


@pytest.fixture(autouse=True)
def _no_process_is_left() -> Iterator[None]:
    """Fails the test that leaves a process, and not the later one in which the garbage collector finds it."""
    before = children()
    yield
    left = [psutil.Process(each).cmdline() for each in children() - before]
    assert left == [], "this test started processes and did not wait for their end"


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
    await empty(database.db)
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
