"""Work that is done again and again."""

import asyncio
import contextlib

import pytest
from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.jobs.periodic import every


class Diary:
    """Notes when it was called, and fails or swallows a cancellation when told to."""

    def __init__(self, *, fails: bool = False, swallows: bool = False) -> None:
        self.times: list[float] = []
        self._fails = fails
        self._swallows = swallows

    async def write(self) -> None:
        self.times.append(running_virtual_loop().time())
        if self._fails:
            raise RuntimeError("no ink")
        if self._swallows:
            self._swallows = False
            # What a library does that loses the cancellation it was waiting in.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(3_600)


@virtually
async def test_work_is_done_at_once_and_then_after_each_pause() -> None:
    diary = Diary()
    task = asyncio.create_task(every(5, diary.write, name="diary"))
    await asyncio.sleep(12)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    began = diary.times[0]
    assert [round(at - began) for at in diary.times] == [0, 5, 10]


@virtually
async def test_a_failure_does_not_end_it() -> None:
    diary = Diary(fails=True)
    task = asyncio.create_task(every(5, diary.write, name="diary"))
    await asyncio.sleep(12)
    assert len(diary.times) == 3
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@virtually
async def test_a_cancellation_that_the_work_swallowed_ends_it_all_the_same() -> None:
    diary = Diary(swallows=True)
    task = asyncio.create_task(every(5, diary.write, name="diary"))
    await asyncio.sleep(1)
    task.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(diary.times) == 1
