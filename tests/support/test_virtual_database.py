"""MongoDB under the virtual clock: its work takes no virtual time, and nothing times out on it."""

import asyncio
import time

import pytest
from tests.support.virtual_database import virtual_database
from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.mongo.client import retrying
from callgenie.mongo.errors import DatabaseBusyError


@virtually
async def test_a_slow_operation_is_not_timed_out(mongodb_uri: str) -> None:
    async with virtual_database(mongodb_uri) as database:
        loop = asyncio.get_running_loop()
        began, really_began = loop.time(), time.monotonic()
        async with asyncio.timeout(0.05):
            await database.client.admin.command({"sleep": 1, "millis": 300, "lock": "none"})
        assert time.monotonic() - really_began >= 0.3
        assert loop.time() - began < 0.05


@virtually
async def test_many_operations_at_once_take_no_virtual_time(mongodb_uri: str) -> None:
    async with virtual_database(mongodb_uri) as database:
        loop = asyncio.get_running_loop()
        await database.client.admin.command("ping")
        began = loop.time()
        async with asyncio.timeout(0.05):
            await asyncio.gather(*(database.db["users"].count_documents({}) for _ in range(120)))
        assert loop.time() - began < 0.05


@virtually
async def test_half_an_hour_with_a_client_costs_seconds(mongodb_uri: str) -> None:
    async with virtual_database(mongodb_uri) as database:
        began = time.monotonic()
        for _ in range(30):
            await asyncio.sleep(60)
            await database.client.admin.command("ping")
        assert time.monotonic() - began < 20


@virtually
async def test_a_cancelled_operation_gives_the_clock_back(mongodb_uri: str) -> None:
    async with virtual_database(mongodb_uri) as database:
        command = {"sleep": 1, "millis": 500, "lock": "none"}
        task = asyncio.create_task(database.client.admin.command(command))
        while "mongo operation" not in running_virtual_loop().in_flight:  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(60)
        assert running_virtual_loop().in_flight == {}


@virtually
async def test_waiting_for_changes_is_no_work_and_a_change_comes_through(mongodb_uri: str) -> None:
    async with virtual_database(mongodb_uri) as database:
        starts = database.db["starts"]
        seen = asyncio.Event()

        async def follow() -> None:
            async with await starts.watch(max_await_time_ms=1_000) as changes:
                async for _ in changes:
                    seen.set()

        following = asyncio.create_task(follow())
        really_began = time.monotonic()
        for _ in range(10):
            await asyncio.sleep(60)
        assert time.monotonic() - really_began < 20
        await starts.insert_one({})
        with running_virtual_loop().real_work("a change on its way"):
            await seen.wait()
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following
        await starts.drop()
        await asyncio.sleep(60)
        assert running_virtual_loop().in_flight == {}


@virtually
async def test_the_drivers_own_deadlines_are_virtual_seconds(mongodb_uri: str) -> None:
    async with virtual_database(mongodb_uri) as database:
        loop = asyncio.get_running_loop()
        data = {"failCommands": ["find"], "errorCode": 91}
        began = loop.time()
        await database.client.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})
        try:
            with pytest.raises(DatabaseBusyError):
                await retrying(lambda: database.db["users"].find_one({}), seconds=3.0)
        finally:
            await database.client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})
        assert loop.time() - began == pytest.approx(3.0, abs=1.0)
