"""Work that is done again and again."""

import asyncio
import contextlib

import pytest
from tests.support.virtual_time import running_virtual_loop, virtually

from callgenie.jobs.periodic import Wakeup, every
from callgenie.kernel.errors import UnavailableError


class Diary:
    """Notes when it was called, and fails or swallows a cancellation when told to."""

    def __init__(
        self, *, fails: bool = False, swallows: bool = False, away: bool = False, takes_seconds: float = 0
    ) -> None:
        self.times: list[float] = []
        self._fails = fails
        self._away = away
        self._takes_seconds = takes_seconds
        self._swallows = swallows

    async def write(self) -> None:
        self.times.append(running_virtual_loop().time())
        await asyncio.sleep(self._takes_seconds)
        if self._fails:
            raise RuntimeError("no ink")
        if self._away:
            raise UnavailableError("no paper")
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


@virtually
async def test_whoever_wakes_it_need_not_wait_for_the_end_of_the_pause() -> None:
    diary, wakeup = Diary(), Wakeup(gather_seconds=0.5)
    task = asyncio.create_task(every(5, diary.write, name="diary", wakeup=wakeup))
    await asyncio.sleep(2)
    # Two things that are due at about the same time are done at once.
    wakeup.set()
    wakeup.set()
    await asyncio.sleep(6)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    began = diary.times[0]
    assert [round(at - began, 1) for at in diary.times] == [0, 2.5, 7.5]


@virtually
async def test_what_comes_while_it_works_is_done_next() -> None:
    diary, wakeup = Diary(takes_seconds=1), Wakeup(gather_seconds=0.5)
    task = asyncio.create_task(every(5, diary.write, name="diary", wakeup=wakeup))
    await asyncio.sleep(0.5)
    wakeup.set()
    await asyncio.sleep(2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [round(at - diary.times[0], 1) for at in diary.times] == [0, 1.5]


@virtually
async def test_nobody_wakes_it_while_its_work_fails() -> None:
    diary, wakeup = Diary(away=True), Wakeup()
    task = asyncio.create_task(every(5, diary.write, name="diary", wakeup=wakeup))
    for _ in range(9):
        await asyncio.sleep(1)
        wakeup.set()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [round(at - diary.times[0]) for at in diary.times] == [0, 5]


@virtually
async def test_a_database_that_is_away_is_one_line_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    diary = Diary(away=True)
    task = asyncio.create_task(every(5, diary.write, name="diary"))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (line,) = (line for line in "".join(capsys.readouterr()).splitlines() if line)
    assert "job.failed" in line
    assert "Traceback" not in line
