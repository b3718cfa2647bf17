"""Counts that several processes share, on a real database."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.monitoring import CommandListener
from tests.support.accounts import MovableClock

from callgenie.kernel.clock import SystemClock
from callgenie.kernel.counting import Counters, LocalCounters
from callgenie.mongo.client import connect
from callgenie.mongo.counters import SharedCounters

Db = AsyncDatabase[dict[str, Any]]


class Writes(CommandListener):
    """Counts the writes that go to the database."""

    def __init__(self) -> None:
        self.count = 0

    def started(self, event: Any) -> None:
        self.count += event.command_name == "findAndModify"

    def succeeded(self, event: Any) -> None:
        pass

    def failed(self, event: Any) -> None:
        pass


@pytest.fixture(params=["shared", "local"])
def counters(request: pytest.FixtureRequest, database: Db) -> Counters:
    return SharedCounters(database, SystemClock()) if request.param == "shared" else LocalCounters(SystemClock())


async def test_numbers_follow_each_other(counters: Counters) -> None:
    windows = [await counters.count("k", 60) for _ in range(40)]
    assert [window.count for window in windows] == list(range(1, 41))
    assert all(0 < window.seconds_left <= 60 for window in windows)
    assert (await counters.count("other", 60)).count == 1


async def test_no_number_is_given_twice_by_any_number_of_processes(database: Db) -> None:
    processes = [SharedCounters(database, SystemClock()) for _ in range(4)]
    windows = await asyncio.gather(*(each.count("k", 60) for each in processes for _ in range(100)))
    numbers = [window.count for window in windows]
    assert len(set(numbers)) == 400
    # What was taken in advance and not used is lost, which is an eighth at most.
    assert max(numbers) <= 400 + 4 * 100 // 8


async def test_counting_takes_few_writes(mongodb_uri: str, database: Db) -> None:
    assert database is not None
    writes = Writes()
    connected = await connect(mongodb_uri, listeners=[writes])
    counters = SharedCounters(connected.db, SystemClock())
    for _ in range(600):
        await counters.count("k", 60)
    await connected.close()
    assert writes.count < 50


async def test_a_window_that_is_over_begins_anew(database: Db) -> None:
    clock = MovableClock()
    counters = SharedCounters(database, clock)
    for _ in range(20):
        await counters.count("k", 60)
    clock.move(seconds=61)
    await database["attempts"].update_one({}, {"$set": {"expiresAt": datetime.now(UTC) - timedelta(seconds=1)}})
    window = await counters.count("k", 60)
    assert window.count == 1
    assert 59 < window.seconds_left <= 60


async def test_of_many_attempts_at_once_as_many_get_in_as_may(counters: Counters) -> None:
    entries = await asyncio.gather(*(counters.enter("k", limit=5, seconds=300) for _ in range(60)))
    assert sum(entry.id is not None for entry in entries) == 5
    assert all(299 < entry.retry_after_seconds <= 300 for entry in entries if entry.id is None)


async def test_an_attempt_that_is_taken_back_makes_room(counters: Counters) -> None:
    first, second = [await counters.enter("k", limit=2, seconds=300) for _ in range(2)]
    assert (await counters.enter("k", limit=2, seconds=300)).id is None
    assert first.id is not None
    await counters.leave("k", first.id)
    assert (await counters.enter("k", limit=2, seconds=300)).id is not None
    assert (await counters.enter("k", limit=2, seconds=300)).id is None
    await counters.clear("k")
    assert (await counters.enter("k", limit=2, seconds=300)).id not in {None, second.id}


async def test_only_the_last_minutes_count(database: Db) -> None:
    counters = SharedCounters(database, SystemClock())
    for _ in range(5):
        await counters.enter("k", limit=5, seconds=300)
    early = datetime.now(UTC) - timedelta(seconds=290)
    await database["attempts"].update_one({}, {"$set": {"entries.0.at": early, "entries.1.at": early}})
    assert 9 < (await counters.enter("k", limit=5, seconds=300)).retry_after_seconds <= 10
    late = datetime.now(UTC) - timedelta(seconds=301)
    await database["attempts"].update_one({}, {"$set": {"entries.0.at": late}})
    assert (await counters.enter("k", limit=5, seconds=300)).id is not None
    assert (await counters.enter("k", limit=5, seconds=300)).id is None
