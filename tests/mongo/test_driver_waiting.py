"""The driver's conditions: however waiting for one ends, its lock is free afterwards."""

import asyncio

import pymongo.lock
import pytest

from callgenie.mongo.driver_waiting import mend_waiting


@pytest.fixture(autouse=True)
def mended() -> None:
    mend_waiting()


async def _wait(condition: pymongo.lock.Condition, seconds: float) -> bool:
    async with condition:
        return await pymongo.lock._async_cond_wait(condition, seconds)


def _condition() -> pymongo.lock.Condition:
    return pymongo.lock._async_create_condition(pymongo.lock._async_create_lock())


async def _is_free_after(condition: pymongo.lock.Condition, waiting: "asyncio.Task[bool]") -> None:
    condition.release()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert not condition.locked()


async def test_a_wait_that_is_cancelled_after_its_time_was_over_leaves_the_lock_free() -> None:
    condition = _condition()
    waiting = asyncio.create_task(_wait(condition, 0.02))
    await asyncio.sleep(0)
    await condition.acquire()
    await asyncio.sleep(0.05)  # its time is over now, and it wants the lock back, which we have
    waiting.cancel()
    await asyncio.sleep(0)
    await _is_free_after(condition, waiting)


async def test_a_wait_that_is_cancelled_twice_leaves_the_lock_free() -> None:
    condition = _condition()
    waiting = asyncio.create_task(_wait(condition, 60))
    await asyncio.sleep(0)
    await condition.acquire()
    for _ in range(2):
        waiting.cancel()
        await asyncio.sleep(0)
    await _is_free_after(condition, waiting)


async def test_a_wait_ends_when_its_time_is_over_or_it_is_told() -> None:
    condition = _condition()
    assert not await _wait(condition, 0.01)
    waiting = asyncio.create_task(_wait(condition, 60))
    await asyncio.sleep(0)
    async with condition:
        condition.notify_all()
    assert await waiting is not None
    assert not condition.locked()
