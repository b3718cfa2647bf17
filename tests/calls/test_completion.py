"""What must be finished is finished, and no cancellation is lost on the way."""

import asyncio

import pytest
from tests.support.virtual_time import virtually

from callgenie.kernel.cancellation import complete, heed_cancellation


@virtually
async def test_work_is_finished_however_often_its_caller_is_cancelled() -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(3)
        done.append("work")

    caller = asyncio.create_task(complete(work()))
    for _ in range(3):
        await asyncio.sleep(0.5)
        caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert done == ["work"]


@virtually
async def test_work_that_fails_says_so() -> None:
    async def work() -> None:
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        await complete(work())


@virtually
async def test_a_swallowed_cancellation_is_raised_at_the_next_look() -> None:
    async def swallow() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            heed_cancellation()

    task = asyncio.create_task(swallow())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_without_a_cancellation_there_is_nothing_to_heed() -> None:
    heed_cancellation()
